"""Daily bars from Yahoo, as traded. Needs the extra ``alpha[yahoo]`` and a network."""

from __future__ import annotations

from typing import Annotated

import pandas as pd
from pydantic import Field, NonNegativeInt, PositiveFloat

from alpha.core.calendar import Calendar
from alpha.core.errors import ConfigError, DataError
from alpha.data import source
from alpha.data.feed import follows

NAMES = {
    "Open": "open", "High": "high", "Low": "low", "Close": "close", "Volume": "volume",
    "Dividends": "dividend", "Stock Splits": "split",
}  # fmt: skip


@source
@follows
def yfinance(
    start: pd.Timestamp,
    end: pd.Timestamp,
    *,
    symbols: Annotated[tuple[str, ...], Field(min_length=1)] = ("SPY",),
    calendar: str = "XNYS",
    timeout: PositiveFloat = 10.0,
    retries: NonNegativeInt = 2,
) -> pd.DataFrame:
    """Daily open, high, low, close, volume, dividend and split of some symbols, as traded.

    Yahoo adjusts old prices, volumes and dividends for every split since. That is undone here by the splits up to
    today, which is why the answer always runs to today before it is cut at `end`; so a later split changes old values
    by rounding alone. The bar of a session that has not closed is not complete, and left out.

    Parameters
    ----------
    timeout : float
        Seconds for one answer.
    retries : int
        Further attempts when the connection fails.

    Raises
    ------
    ConfigError
        ``no_package`` where yfinance is not installed.
    DataError
        ``unknown_symbol`` where Yahoo has no prices of a symbol in this time, ``rate_limited``, ``no_connection``.
    """
    exchange, now = Calendar(calendar), pd.Timestamp.now("UTC")
    parts = [_traded(_fetch(each, start, timeout, retries), exchange, now).assign(symbol=each) for each in symbols]
    frame = pd.concat(parts, ignore_index=True)
    frame = frame[frame["time"] <= end].reset_index(drop=True)
    frame.attrs["prices"] = "raw"
    return frame


def _fetch(symbol: str, start: pd.Timestamp, timeout: float, retries: int) -> pd.DataFrame:
    try:
        import yfinance as yf
        from yfinance.exceptions import YFException, YFRateLimitError
    except ImportError:
        message = "the source yfinance needs a package that is not installed: pip install 'alpha[yahoo]'"
        raise ConfigError(message, code="no_package") from None
    settings = yf.config.debug, yf.config.network
    before = settings[0].hide_exceptions, settings[1].retries
    settings[0].hide_exceptions, settings[1].retries = False, retries
    try:
        return yf.Ticker(symbol).history(start=start, interval="1d", auto_adjust=False, timeout=timeout)
    except YFRateLimitError as error:
        raise DataError(f"Yahoo refused {symbol}: {error}", code="rate_limited") from None
    except YFException as error:
        message = f"Yahoo has no bars of {symbol} since {start:%Y-%m-%d}: {error}"
        raise DataError(message, code="unknown_symbol") from None
    except (OSError, ValueError) as error:  # all errors of the HTTP libraries it may use; an answer that is no JSON
        status = getattr(getattr(error, "response", None), "status_code", None)
        message = f"Yahoo did not answer for {symbol}: {error}"
        raise DataError(message, code="unknown_symbol" if status == 404 else "no_connection") from None
    finally:
        settings[0].hide_exceptions, settings[1].retries = before


def _traded(answer: pd.DataFrame, calendar: Calendar, now: pd.Timestamp) -> pd.DataFrame:
    """Undo the adjustment for splits, and leave out the session that is still running."""
    dates = pd.DatetimeIndex(answer.index).tz_localize(None).normalize()
    frame = answer.rename(columns=NAMES)[list(NAMES.values())].reset_index(drop=True)
    frame.insert(0, "time", dates)
    split = frame["split"].where(frame["split"] > 0, 1.0)
    later = split[::-1].cumprod()[::-1] / split  # the splits after each row
    for name in ("open", "high", "low", "close", "dividend"):
        frame[name] *= later
    frame["volume"] = frame["volume"] / later
    frame["split"] = split
    last = dates[-1:]
    if len(last) and calendar.is_session(last[0]) and calendar.closes(last)[0] > now:
        return frame.iloc[:-1]
    return frame
