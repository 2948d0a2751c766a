"""The sections on money: what is traded, in which currency, and the account that trades it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, NonNegativeFloat, PositiveFloat, PositiveInt

from alpha.config.places import Section, role
from alpha.core import instrument
from alpha.core.instrument import CURRENCY, check_code
from alpha.core.registry import value_errors
from alpha.data.conversion import Conversion

YEARS = 1678, 2261  # those whose every nanosecond has a number


def _session(day: date) -> date:
    if not YEARS[0] <= day.year <= YEARS[1]:
        raise ValueError(f"must lie between {YEARS[0]} and {YEARS[1]}")
    return day


def _currency(code: str) -> str:
    with value_errors():
        return check_code(code)


Session = Annotated[date, AfterValidator(_session)]
Currency = Annotated[str, AfterValidator(_currency)]


class Instrument(Section):
    """The terms on which the names are traded."""

    currency: Currency | None = Field(
        None, description="currency of the prices, such as EUR; default: that of the account", **role(later=True)
    )
    multiplier: PositiveFloat = Field(
        1.0, description="value of one unit at a price of 1: 50 for a future of 50 a point", **role(later=True)
    )
    tick: NonNegativeFloat = Field(
        0.0, description="step of limit prices, which are rounded to it: buys down, sells up", **role(later=True)
    )
    shortable: bool = Field(
        True, description="whether they can be sold short; if not, no weight wanted is negative", **role(later=True)
    )
    conversion: PositiveFloat | Conversion | None = Field(
        None,
        description="units of the account's currency for one of the prices': a number, or a series {source, symbol, "
        "calendar, inverted}, whose last close known at each bar counts",
        **role(later=True),
    )

    def terms(self, account: str, *, lot: float, calendar: str) -> instrument.Instrument:
        """Return the instrument, given the currency of the account and the keys of other sections."""
        return instrument.Instrument(currency=self.currency or account, multiplier=self.multiplier, tick=self.tick,
                                     lot=lot, shortable=self.shortable, calendar=calendar)  # fmt: skip


class Paper(Section):
    """How the paper runner runs."""

    cash: PositiveFloat = Field(1_000_000.0, description="cash at the start of a ledger")
    currency: Currency = Field(CURRENCY, description="currency of the account", **role(later=True))
    sessions: PositiveInt = Field(60, description="bars replayed when no start is given")
    end: Session | None = Field(None, description="last session traded; default: the newest there is")
    poll_sec: NonNegativeFloat = Field(0.0, le=86_400, description="seconds between bars; 0: as fast as possible")
    max_bad_bars: PositiveInt = Field(3, description="bars in a row that may be skipped before the runner halts")
    kill_file: Path = Field(
        Path("artifacts/KILL"), description="while this file exists nothing is traded", **role("place")
    )
    ledger: Path | None = Field(
        None, description="the journal of orders and fills; default: `<artifacts>/<name>/paper.sqlite`", **role("place")
    )
