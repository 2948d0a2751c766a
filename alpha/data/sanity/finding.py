"""One thing that is wrong or odd about the data, and the codes that name it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

STRUCTURAL = {  # no bar can be placed, or no value read: these cannot be waived
    "missing_column": "error",
    "wrong_type": "error",
    "null_symbol": "error",
    "padded_symbol": "error",
    "null_time": "error",
    "naive_time": "error",
    "mixed_time_zones": "error",
    "duplicate_time": "error",
    "unordered_time": "error",
}
CODES = {
    **STRUCTURAL,
    # values that cannot be
    "nan_price": "error",
    "infinite_price": "error",
    "zero_price": "error",
    "negative_price": "error",
    "high_below_low": "error",
    "open_outside_range": "error",
    "close_outside_range": "error",
    "negative_volume": "error",
    "infinite_volume": "error",
    "bad_dividend": "error",
    "bad_split": "error",
    "future_bar": "error",
    "off_calendar": "error",  # of daily bars; intraday ones may lie outside the session, which is a warning
    "unadjusted_split": "error",  # of raw prices; a warning where prices are declared adjusted
    "split_not_in_price": "error",
    # values that are odd
    "calendar_gap": "warning",
    "stale_run": "warning",
    "spike": "warning",
    "spike_with_split": "warning",
    # of option chains
    "header_row": "warning",
    "bad_contract": "warning",
    "off_session": "warning",
    "expired_contract": "warning",
    "duplicate_contract": "warning",
    "no_implied_volatility": "warning",
    "volatility_mismatch": "warning",
    # of trades and quotes
    "bad_trade": "warning",
    "odd_condition": "warning",
    "bad_quote": "warning",
    "zero_quote": "warning",
    "one_sided_quote": "warning",
    "crossed_quote": "warning",
    "suspicious_tick": "warning",
    # of the whole
    "starts_late": "warning",
    "ends_early": "warning",
}

_RANGE = "correct the bar from its source"
_ACTION = "{{symbol: {symbol}, date: {when}, split: {split}}}"
_SPLITS = [1.5, *range(2, 21), *(round(1 / n, 4) for n in range(2, 21))]
REMEDIES = {
    "missing_column": "name the column of the file in source.columns",
    "wrong_type": "write what the message asks for in this place of the file",
    "null_symbol": "give the row its symbol, or remove it",
    "padded_symbol": "remove the spaces around the symbol in the file",
    "null_time": "give the row its time, or remove it",
    "naive_time": "name the zone that the times are in: source.zone, such as America/New_York",
    "mixed_time_zones": "write all times in one zone, best in UTC",
    "duplicate_time": "remove all but one of the rows",
    "unordered_time": "sort the file by symbol and time",
    "nan_price": "correct the price, or remove the row: a bar that did not happen is an absent row",
    "infinite_price": "correct the price, or remove the row: a bar that did not happen is an absent row",
    "zero_price": "correct the price, or remove the row: a bar that did not happen is an absent row",
    "negative_price": "correct the price, or remove the row: a bar that did not happen is an absent row",
    "high_below_low": _RANGE,
    "open_outside_range": _RANGE,
    "close_outside_range": _RANGE,
    "negative_volume": "correct the volume, or leave it empty where it is not known",
    "infinite_volume": "correct the volume, or leave it empty where it is not known",
    "bad_dividend": "correct the dividend: it is cash a share, as it is after a split of the same day",
    "bad_split": "correct the split: it is new shares for each old one, 1 or empty where there is none",
    "future_bar": "remove bars that are not over yet; if all are late by as much, correct source.zone or source.delay",
    "off_calendar": "remove the rows (waived, they are left out); if the symbols trade elsewhere, name that `calendar`",
    "unadjusted_split": "if the shares were split, declare prices raw (source.prices: raw) and the split, in a column "
    f"`split` of the file or as source.actions: [{_ACTION}]; only if they were not, waive it",
    "split_not_in_price": "if prices are adjusted for splits already, declare them so (source.prices: adjusted); if "
    f"the split did not happen, cancel it: source.actions: [{_ACTION}]",
}
"""The remedies that a person has for an error, by its code."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or odd: what, where, when. Prints as one line.

    Parameters
    ----------
    code : str
        One of ``CODES``; stable.
    severity : {"error", "warning", "note"}
        A note is an error that a person has waived.
    symbol : str
        ``*`` where it concerns all.
    time : Timestamp or None
        The session date, or the instant in UTC of an intraday bar; of the first bar, where it is a run of them.
    value : object
        The offending value.
    until : Timestamp or None
        The last bar of the run.
    row : int or None
        Position in the frame, where the time does not say which bar it is.
    """

    code: str
    severity: str
    symbol: str
    time: pd.Timestamp | None
    value: Any
    message: str
    until: pd.Timestamp | None = None
    row: int | None = None

    def __str__(self) -> str:
        value = f"{self.value:.6g}" if isinstance(self.value, float) else str(self.value)
        return f"{self.severity:<7}  {self.code:<19}  {self.symbol:<6}  {self.when}  {value}: {self.message}"

    @property
    def remedy(self) -> str:
        """The remedies for this finding, as text."""
        split = min(_SPLITS, key=lambda ratio: abs(ratio * self.value - 1)) if self.code == "unadjusted_split" else 1
        return REMEDIES[self.code].format(symbol=self.symbol, when=self.when, split=f"{split:g}")

    @property
    def when(self) -> str:
        """The time, or the span of times, as text."""
        if self.time is None:
            return "-"
        shape = "%Y-%m-%d" if self.time.tz is None else "%Y-%m-%dT%H:%MZ"
        first, last = self.time.strftime(shape), (self.until or self.time).strftime(shape)
        return first if first == last else f"{first}..{last}"
