"""The bars that every engine reads: seeded, without gaps, written for each size as Parquet and in Qlib's binary format.

All numbers are exact in float32, so that Qlib, whose files are float32, reads the same ones.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

FIELDS = ("open", "high", "low", "close", "volume", "vwap")
FIRST_DAY = "2001-01-01"


def market(symbols: int, days: int) -> dict[str, np.ndarray]:
    """Return float32 arrays of shape (symbols, days), symbols in ascending order of their names."""
    rng = np.random.default_rng([symbols, days])
    shape = (symbols, days)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.015, shape), axis=1))
    start = close * np.exp(rng.normal(0, 0.005, shape))
    high = np.maximum(start, close) * np.exp(np.abs(rng.normal(0, 0.005, shape)))
    low = np.minimum(start, close) * np.exp(-np.abs(rng.normal(0, 0.005, shape)))
    fields = {"open": start, "high": high, "low": low, "close": close, "volume": np.exp(rng.normal(14, 0.5, shape))}
    fields["vwap"] = (high + low + close) / 3
    return {name: values.astype(np.float32) for name, values in fields.items()}


def calendar(days: int) -> np.ndarray:
    """Return `days` weekdays."""
    return np.busday_offset(FIRST_DAY, np.arange(days), roll="forward").astype("datetime64[D]")


def names(symbols: int) -> list[str]:
    """Return the symbols, in ascending order."""
    return [f"S{i:04}" for i in range(symbols)]


def write(folder: Path, symbols: int, days: int) -> None:
    """Write both formats unless they exist; a mark written last shows that they are complete."""
    done = folder / "complete"
    if done.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    fields = market(symbols, days)
    _write_parquet(folder / "bars.parquet", fields)
    _write_qlib(folder / "qlib", fields)
    done.touch()


def _write_parquet(path: Path, fields: dict[str, np.ndarray]) -> None:
    """Write one row for each symbol and day, sorted by symbol, then by time; float64, as most vendors use."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    symbols, days = fields["close"].shape
    times = pa.array(np.tile(calendar(days).astype("datetime64[ms]"), symbols))
    codes = pa.array(np.repeat(np.arange(symbols, dtype=np.int32), days))
    columns = {"symbol": pa.DictionaryArray.from_arrays(codes, names(symbols)), "time": times}
    columns |= {name: pa.array(values.ravel().astype(np.float64)) for name, values in fields.items()}
    pq.write_table(pa.table(columns), path)


def _write_qlib(root: Path, fields: dict[str, np.ndarray]) -> None:
    """Write little-endian float32; the first number of a file is the row at which it begins."""
    symbols, days = fields["close"].shape
    for folder in ("calendars", "instruments", "features"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    dates = [str(day) for day in calendar(days)]
    (root / "calendars" / "day.txt").write_text("\n".join(dates) + "\n")
    span = "".join(f"{symbol}\t{dates[0]}\t{dates[-1]}\n" for symbol in names(symbols))
    (root / "instruments" / "all.txt").write_text(span)
    for i, symbol in enumerate(names(symbols)):
        folder = root / "features" / symbol.lower()
        folder.mkdir(exist_ok=True)
        for name, values in fields.items():
            np.concatenate([np.zeros(1), values[i]]).astype("<f4").tofile(folder / f"{name}.day.bin")
