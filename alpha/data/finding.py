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
    "unadjusted_split": "error",  # of raw prices; a warning where prices are said to be adjusted
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
    """

    code: str
    severity: str
    symbol: str
    time: pd.Timestamp | None
    value: Any
    message: str
    until: pd.Timestamp | None = None

    def __str__(self) -> str:
        value = f"{self.value:.6g}" if isinstance(self.value, float) else str(self.value)
        return f"{self.severity:<7}  {self.code:<19}  {self.symbol:<6}  {self.when}  {value}: {self.message}"

    @property
    def when(self) -> str:
        """The time, or the span of times, as text."""
        if self.time is None:
            return "-"
        shape = "%Y-%m-%d" if self.time.tz is None else "%Y-%m-%dT%H:%MZ"
        first, last = self.time.strftime(shape), (self.until or self.time).strftime(shape)
        return first if first == last else f"{first}..{last}"
