"""What every feature must satisfy, as plain functions over anything that has a plan's `batch` and `stream`.

Each raises AssertionError, saying which rows differ.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from alpha.core.panel import Panel

PRICE_FIELDS = ("open", "high", "low", "close", "vwap")
SECTORS = {"sector": ("tech", "tech", "energy", "energy", "energy", "")}  # one has none


def make_panel(rows: int = 640, seed: int = 11) -> Panel:
    """Return a market with what real ones have: holes, a late listing, a delisting, a stale run, a halt."""
    rng = np.random.default_rng(seed)
    symbols = tuple("ABCDEF")
    shape = (rows, len(symbols))
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.02, shape), axis=0))
    close[400:440, 3] = close[400, 3]
    start = close * np.exp(rng.normal(0, 0.006, shape))
    high = np.maximum(start, close) * np.exp(np.abs(rng.normal(0, 0.006, shape)))
    low = np.minimum(start, close) * np.exp(-np.abs(rng.normal(0, 0.006, shape)))
    fields = {"open": start, "high": high, "low": low, "close": close, "volume": np.exp(rng.normal(13, 0.6, shape))}
    fields["volume"][300:330, 0] = 0  # nobody traded
    for values in fields.values():
        values[:90, 1] = np.nan  # listed late
        values[600:, 2] = np.nan  # delisted
        values[[200, 333, 334, 570], 4] = np.nan  # holes
    vix = 20 * np.exp(np.cumsum(rng.normal(0, 0.03, rows)))
    fields["vix"] = np.repeat(vix[:, None], len(symbols), axis=1)
    fields |= alternative(rng, shape)
    fields |= fundamental(rng, close)
    fields["vwap"] = (start + high + low + close) / 4
    fields["shares_outstanding"] = np.where(np.arange(rows)[:, None] < 250, 2e7, 2.1e7) + 0 * close
    fields["vix3m"] = fields["vix"] * np.exp(rng.normal(0.05, 0.05, rows))[:, None]
    fields["effective_spread"] = 1e-3 * np.exp(rng.normal(0, 0.3, shape)) + 0 * close
    tradable = np.isfinite(close)
    tradable[450:480, 5] = False  # it has prices, but may not be traded
    return Panel(pd.date_range("2010-01-04", periods=rows, freq="D", tz="UTC"), symbols, fields, tradable, SECTORS)


def alternative(rng: np.random.Generator, shape: tuple[int, int]) -> dict[str, np.ndarray]:
    """Return what news and option chains say: no news on most days, days without a chain, one symbol without either."""
    count = rng.poisson(0.8, shape).astype(float)
    told = np.where(count > 0, 1.0, np.nan)
    fields = {"news_count": count, "news_sentiment": told * rng.uniform(-1, 1, shape),
              "news_novelty": told * rng.uniform(0, 1, shape)}  # fmt: skip
    for kind in ("volume", "open_interest"):
        for side in ("put", "call"):
            fields[f"option_{side}_{kind}"] = rng.poisson(np.exp(rng.normal(5, 1.5, shape))).astype(float)
    fields["option_iv"] = 0.3 * np.exp(0.1 * rng.standard_normal(shape))
    fields["option_iv_skew"] = rng.normal(0.05, 0.03, shape)
    fields["option_iv_term"] = rng.normal(0, 0.02, shape)
    closed = rng.random(shape) < 0.03
    for name, values in fields.items():
        values[: 120 if name.startswith("news") else 30, 1] = np.nan  # before its first text, its first chain
        values[:, 5] = np.nan
        if name.startswith("option"):
            values[closed] = np.nan
    return fields


def fundamental(rng: np.random.Generator, close: np.ndarray) -> dict[str, np.ndarray]:
    """Return what is announced every 90 rows or so, by each symbol at another time; two are never scheduled."""
    rows, symbols = close.shape
    fields = {name: np.full(close.shape, np.nan) for name in
              ("eps", "eps_surprise", "eps_sue", "eps_age", "earnings_until", "revision_count")}  # fmt: skip
    for i in range(symbols):
        days = np.arange(10 + 13 * i % 90, rows, 90)
        quarter = np.searchsorted(days, np.arange(rows), side="right") - 1
        told = quarter >= 0
        for name, scale in (("eps", 3.0), ("eps_surprise", 0.2), ("eps_sue", 1.5)):
            fields[name][told, i] = rng.normal(0.3 * scale, scale, len(days))[quarter[told]]
        fields["eps_age"][told, i] = 0.25 + (np.arange(rows) - days[quarter])[told]
        if i < symbols - 2:
            due = np.searchsorted(days, np.arange(rows))
            known = due < len(days)
            fields["earnings_until"][known, i] = (days[np.minimum(due, len(days) - 1)] - np.arange(rows))[known]
    fields["revision_count"][60:] = rng.poisson(4, (rows - 60, symbols))
    fields["raw_close"] = np.where(np.arange(rows)[:, None] < 350, close, close / 2)  # a split
    return fields


def assert_same_bits(actual: np.ndarray, expected: np.ndarray, what: str) -> None:
    """NaN equals NaN; anything else must be equal."""
    differs = ~((actual == expected) | (np.isnan(actual) & np.isnan(expected)))
    assert not differs.any(), f"{what}: {differs.sum()} values differ, the first in row {np.argwhere(differs)[0][0]}"


def assert_close(actual: np.ndarray, expected: np.ndarray, what: str, rtol: float = 1e-9) -> None:
    """Both must be NaN in the same places, and elsewhere equal to `rtol`."""
    same = np.isclose(actual, expected, rtol=rtol, atol=1e-12, equal_nan=True)
    assert same.all(), f"{what}: {(~same).sum()} values differ, the first in row {np.argwhere(~same)[0][0]}"


def check_cut(plan, panel: Panel, cuts=(131, 611)) -> None:
    """Without the rows after it, a row has the same features."""
    whole = plan.batch(panel).values
    for cut in cuts:
        assert_same_bits(plan.batch(panel.rows(slice(0, cut))).values, whole[:cut], f"look-ahead: cut at {cut}")


def check_shock(plan, panel: Panel, rows=(420,)) -> None:
    """Whatever happens after it, a row has the same features."""
    whole = plan.batch(panel).values
    for row in rows:
        for shock in (3.0, np.nan):
            fields = {name: values.copy() for name, values in panel.fields.items()}
            for values in fields.values():
                values[row + 1 :] *= shock
            tradable = panel.tradable.copy()
            tradable[row + 1 :] = ~tradable[row + 1 :]
            shocked = plan.batch(replace(panel, fields=fields, tradable=tradable)).values
            assert_same_bits(shocked[: row + 1], whole[: row + 1], f"look-ahead: shock x{shock} after {row}")


def check_memory(plan, panel: Panel, starts=(40,)) -> None:
    """Begun `lookback` rows before it, a row has the same features: to the bit, or nearly so where memory fades."""
    if len(panel) < plan.lookback + max(starts) + 60:
        panel = make_panel(plan.lookback + max(starts) + 60)  # a longer market for a longer memory
    whole = plan.batch(panel).values
    compare = assert_close if plan.recursive else assert_same_bits
    for start in starts:
        part = plan.batch(panel.rows(slice(start, None))).values
        compare(part[plan.lookback :], whole[start + plan.lookback :], f"declared memory {plan.lookback}, from {start}")


def check_stream(plan, panel: Panel, start: int = 100, save: int = 130, stop: int = 170) -> None:
    """Bar by bar, with a stop and a restart on the way, gives the same bits as all at once."""
    whole = plan.batch(panel.rows(slice(0, stop))).values
    stream = plan.stream(panel.rows(slice(0, start)))
    for row in range(start, stop):
        if row == save:
            state, stream = stream.state(), plan.stream(symbols=panel.symbols)
            stream.restore(state)
        assert_same_bits(stream.push(panel.bar(row))[None], whole[row : row + 1], f"batch == stream, row {row}")


def check_chunks(plan, panel: Panel) -> None:
    """Neither the size of a chunk nor the number of threads changes a bit."""
    whole = plan.batch(panel).values
    for chunk, threads in ((1, 1), (7, 2), (64, 2), (1000, 1)):
        part = plan.batch(panel, chunk=chunk, threads=threads).values
        assert_same_bits(part, whole, f"chunk {chunk}, {threads} threads")


def check_permutation(plan, panel: Panel, seed: int = 3) -> None:
    """Symbols in another order have the same features, to the bit."""
    order = np.random.default_rng(seed).permutation(len(panel.symbols))
    permuted = plan.batch(panel.select([panel.symbols[i] for i in order])).values
    assert_same_bits(permuted, plan.batch(panel).values[:, order], "permuted symbols")


def check_price_scale(plan, panel: Panel, symbol: int = 3, factor: float = 7.3) -> None:
    """A symbol quoted in another currency, or after a split, has the same features."""
    fields = {name: values.copy() for name, values in panel.fields.items()}
    for name in PRICE_FIELDS:
        fields[name][:, symbol] *= factor
    scaled = plan.batch(replace(panel, fields=fields)).values
    assert_close(scaled, plan.batch(panel).values, f"prices of one symbol x{factor}")


CHECKS = (check_cut, check_shock, check_memory, check_stream, check_chunks, check_permutation, check_price_scale)
