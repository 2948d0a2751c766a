"""Checks that data and features known by an instant do not change afterwards."""

from __future__ import annotations

import numpy as np
import pandas as pd
from pydantic import PositiveInt

from alpha.core.errors import DataError
from alpha.core.panel import Panel
from alpha.leaks import check, lookahead
from alpha.leaks.pipeline import Case


@check
def replay(case: Case, *, instants: PositiveInt = 6) -> str | None:
    """Panels loaded as of `instants` drawn instants equal the panel loaded now, up to those instants.

    Finds data that are stamped too early, restated, adjusted or selected in retrospect.
    """
    for row in case.rows(instants, "replay"):
        at = case.panel.times[row]
        try:
            past = case.pipeline.load(at).until(at)
        except DataError as error:
            return f"as of {at} the data cannot be loaded: {error}"
        if found := _changed(case.panel.rows(slice(0, row + 1)), past):
            return f"{found}, when loaded as of {at}"
    return None


@check
def cut(case: Case, *, rows: PositiveInt = 5) -> str | None:
    """The features up to each of `rows` drawn rows do not change, in any bit, when the later rows are cut off."""
    drawn = case.rows(rows, "cut")
    return lookahead.cut_and_compare(case.pipeline.features, case.panel, case.features, drawn)


@check
def shock(case: Case, *, rows: PositiveInt = 2) -> str | None:
    """The features up to each of `rows` drawn rows do not change, in any bit, when the later rows are replaced."""
    drawn = case.rows(rows, "shock")
    return lookahead.shock_future(case.pipeline.features, case.panel, case.features, drawn, seed=case.seed)


def _changed(now: Panel, past: Panel) -> str | None:
    """Return the first difference between a panel loaded as of an earlier instant and the same rows loaded now."""
    if len(extra := now.times.symmetric_difference(past.times)):
        kind = "is there now only" if extra[0] in now.times else "was there then only"
        return f"the row of {extra[0]} {kind}"
    for symbol in sorted({*now.symbols} ^ {*past.symbols}):
        panel, when = (now, "now") if symbol in now.symbols else (past, "then")
        if panel.tradable[:, panel.symbols.index(symbol)].any():
            return f"{symbol} can be traded {when} only"
    common = [symbol for symbol in now.symbols if symbol in past.symbols]
    now, past = now.select(common), past.select(common)
    for name, values in now.fields.items():
        before = past.fields.get(name, np.full(values.shape, np.nan))
        if found := _first(values, before, now.times, common):
            return f"{name!r} of {found}"
    return f"'tradable' of {found}" if (found := _first(now.tradable, past.tradable, now.times, common)) else None


def _first(now: np.ndarray, past: np.ndarray, times: pd.DatetimeIndex, symbols: list[str]) -> str | None:
    differs = ~((now == past) | ((now != now) & (past != past)))
    if not differs.any():
        return None
    t, i = map(int, np.argwhere(differs)[0])
    return f"{symbols[i]} at {times[t]} is {now[t, i]} now and was {past[t, i]}"
