"""Conversion of one currency to another: a rate at the close of each bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from alpha.core.errors import DataError, nearest
from alpha.core.registry import Bound, Plugin
from alpha.data import source

if TYPE_CHECKING:
    from alpha.core.panel import Panel
    from alpha.data.sanity.finding import Finding

Source = Annotated[Plugin, Bound(source)]
BEFORE = timedelta(days=31)
"""Span before the first bar in which the last rate known at its close is looked for."""


class Conversion(BaseModel):
    """A series of rates of conversion, as a configuration describes it.

    Parameters
    ----------
    source : Plugin
        A bound source, which has bars of `symbol`; its closes are the rates.
    symbol : str
        Units of the account's currency for one of the instrument's, such as EURUSD for prices in EUR.
    calendar : str
        When the rates are known: that of a date at the end of its session.
    inverted : bool
        True where the series is of one unit of the account's currency, so that the rate is one over its close.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
    source: Source = Field(description="where the bars of the rates come from")
    symbol: str = Field(description="the symbol whose close is the rate, such as EURUSD")
    calendar: str = Field(
        "24/5", description="calendar of the rates; that of a date is known at the end of its session"
    )
    inverted: bool = Field(False, description="whether the rate is one over the close")


def converted(panel: Panel, conversion: float | Conversion, until: pd.Timestamp) -> tuple[Panel, Sequence[Finding]]:
    """Return the panel with the rate of each bar, the last one known at its close, and the findings on the rates.

    A rate that becomes known later never changes an earlier row.

    Parameters
    ----------
    conversion : float or Conversion
        Units of the account's currency for one of the panel's.
    until : Timestamp
        Session date of the last bar.

    Raises
    ------
    DataError
        ``unknown_symbol``: the source has no such series. ``no_rate``: none is known at the close of the first bar.
        As `load_panel` does.
    """
    from alpha.data.load import load_panel

    if not isinstance(conversion, Conversion):
        return replace(panel, rates=np.full(len(panel), conversion)), ()
    first = panel.times[0].tz_localize(None).normalize() - BEFORE
    series, findings = load_panel(conversion.source, first, until, calendar=conversion.calendar)
    if conversion.symbol not in series.symbols:
        raise DataError(f"instrument.conversion: {conversion.source.label} has no {conversion.symbol!r}; "
                        f"{nearest(conversion.symbol, series.symbols)}", code="unknown_symbol")  # fmt: skip
    close = series.select([conversion.symbol])["close"][:, 0]
    known = np.isfinite(close)
    row = series.times[known].searchsorted(panel.times, side="right") - 1
    if row[0] < 0:
        at = series.times[known][0] if known.any() else "never"
        raise DataError(f"instrument.conversion: a rate of {conversion.symbol} must be known at the close of the first "
                        f"bar, {panel.times[0]}; the first is known {at}", code="no_rate")  # fmt: skip
    rates = close[known][row]
    return replace(panel, rates=1 / rates if conversion.inverted else rates), findings
