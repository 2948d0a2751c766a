"""Write the golden values of Alpha158 with Qlib itself: ``python bench/peers/qlib_golden.py``.

Run it in an environment of its own (``pip install pyqlib==0.9.7``), from the root of the repository. It writes Qlib's
binary data to a temporary folder, evaluates the 158 expressions of ``Alpha158DL`` and keeps the last rows of each
symbol twice: as Qlib computes them, ``tests/golden/alpha158_qlib.csv``, and by the same expressions and operators of
Qlib over float64 bars, ``tests/golden/alpha158_qlib_float64.csv``, which show the definitions without the rounding.
"""

from __future__ import annotations

import runpy
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

GOLDEN = Path(__file__).resolve().parents[2] / "tests" / "golden"
MARKET = runpy.run_path(str(GOLDEN / "alpha158_market.py"))
SYMBOLS, DAYS, SHOWN = MARKET["SYMBOLS"], MARKET["DAYS"], MARKET["SHOWN"]
DATES = pd.date_range("2020-01-01", periods=DAYS, freq="D")


def write_data(root: Path) -> None:
    """Write the market in the format of Qlib: little-endian float32; the first number is the file's first row."""
    for folder in ("calendars", "instruments", "features"):
        (root / folder).mkdir()
    days = [f"{day:%Y-%m-%d}" for day in DATES]
    (root / "calendars" / "day.txt").write_text("\n".join(days) + "\n")
    span = "".join(f"{symbol}\t{days[0]}\t{days[-1]}\n" for symbol in SYMBOLS)
    (root / "instruments" / "all.txt").write_text(span)
    for name, values in MARKET["bars"]().items():
        for symbol, series in zip(SYMBOLS, values.T, strict=True):
            folder = root / "features" / symbol.lower()
            folder.mkdir(exist_ok=True)
            np.concatenate([[0], series]).astype("<f4").tofile(folder / f"{name}.day.bin")


def as_given(fields: list[str], names: list[str]) -> pd.DataFrame:
    """Return the values that a user of Qlib gets: one row for each symbol and day."""
    from qlib.data import D

    frame = D.features(list(SYMBOLS), fields, f"{DATES[0]:%Y-%m-%d}", f"{DATES[-1]:%Y-%m-%d}", freq="day")
    return frame.set_axis(names, axis=1).groupby(level=0).tail(SHOWN)


def in_float64(fields: list[str], names: list[str]) -> pd.DataFrame:
    """Return the same expressions over float64 bars; every other step is Qlib's."""
    from qlib.data.base import Feature
    from qlib.data.cache import H
    from qlib.data.data import ExpressionD

    load = Feature._load_internal
    Feature._load_internal = lambda self, *args: load(self, *args).astype(np.float64)
    H.clear()
    rows = range(DAYS - SHOWN, DAYS)
    frames = []
    for symbol in SYMBOLS:
        values = {name: ExpressionD.get_expression_instance(expression).load(symbol, 0, DAYS - 1, "day").loc[rows]
                  for name, expression in zip(names, fields, strict=True)}  # fmt: skip
        index = pd.MultiIndex.from_product([[symbol], DATES[-SHOWN:]], names=["instrument", "datetime"])
        frames.append(pd.DataFrame(values).set_axis(index))
    Feature._load_internal = load
    return pd.concat(frames)


def main() -> None:
    """Write both files."""
    import qlib
    from qlib.contrib.data.loader import Alpha158DL

    with tempfile.TemporaryDirectory() as folder:
        write_data(Path(folder))
        qlib.init(provider_uri=folder, region="us", kernels=1)
        fields, names = Alpha158DL.get_feature_config()
        as_given(fields, names).to_csv(GOLDEN / "alpha158_qlib.csv")
        in_float64(fields, names).to_csv(GOLDEN / "alpha158_qlib_float64.csv")


if __name__ == "__main__":
    main()
