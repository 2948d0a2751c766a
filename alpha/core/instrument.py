"""Instruments: the terms on which symbols are traded."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from alpha.core.errors import ConfigError

CURRENCY = "USD"
"""The default currency of an account and of an instrument."""

_CODE = re.compile(r"[A-Z]{3,5}")
_WHOLE = 1e-9  # tolerance, in ticks, within which a price counts as on a tick
_DECIMALS = 12  # decimals to which a price on a tick is rounded


@dataclass(frozen=True)
class Instrument:
    """The terms on which the symbols of a panel are traded, the same for all of them.

    One unit (a share, a contract) at a price p is worth ``p * multiplier`` in `currency`.

    Parameters
    ----------
    currency : str
        Currency of prices, fees and dividends: three to five capital letters, such as ISO 4217 has.
    multiplier : float
        Value of one unit at a price of 1: 1 for a share, 50 for a future of 50 an index point.
    tick : float
        Step of limit prices, in `currency`; 0: any price.
    lot : float
        Step of quantities, in units; 0: any fraction.
    shortable : bool
        False where no position may be negative.
    calendar : str
        Name of the trading calendar (`alpha.core.calendar.Calendar`), which also annualises returns.

    Raises
    ------
    ConfigError
        ``bad_currency``, ``bad_multiplier``, ``bad_tick``, ``bad_lot``.
    """

    currency: str = CURRENCY
    multiplier: float = 1.0
    tick: float = 0.0
    lot: float = 1.0
    shortable: bool = True
    calendar: str = "XNYS"

    def __post_init__(self) -> None:
        check_code(self.currency)
        if not 0 < self.multiplier < math.inf:
            raise ConfigError(f"the multiplier of a contract must be above 0 and finite; it was {self.multiplier:g}",
                              code="bad_multiplier")  # fmt: skip
        for name in ("tick", "lot"):
            if not 0 <= (step := getattr(self, name)) < math.inf:
                raise ConfigError(f"the {name} must be 0 or above, and finite; it was {step:g}", code=f"bad_{name}")

    def on_tick(self, limit: float, quantity: float) -> float:
        """Return a limit price on the tick that is no worse for the trader: a buyer's is rounded down."""
        if not self.tick:
            return limit
        steps = limit / self.tick
        whole = math.floor(steps + _WHOLE) if quantity > 0 else math.ceil(steps - _WHOLE)
        return round(whole * self.tick, _DECIMALS)


def check_code(currency: str) -> str:
    """Return the code of a currency.

    Raises
    ------
    ConfigError
        ``bad_currency``: it is not three to five capital letters.
    """
    if not _CODE.fullmatch(currency):
        raise ConfigError(f"a currency is three to five capital letters, such as EUR; it was {currency!r}",
                          code="bad_currency")  # fmt: skip
    return currency


def check_converted(instrument: Instrument, account: str, converted: bool) -> None:
    """Raise unless there is a conversion exactly when the currencies of instrument and account differ.

    Parameters
    ----------
    account : str
        Currency of the account.
    converted : bool
        True where there are rates of conversion.

    Raises
    ------
    ConfigError
        ``no_conversion``, ``needless_conversion``.
    """
    if instrument.currency != account and not converted:
        raise ConfigError(f"prices are in {instrument.currency} and the account is in {account}: give "
                          f"instrument.conversion, the units of {account} for one of {instrument.currency}",
                          code="no_conversion")  # fmt: skip
    if instrument.currency == account and converted:
        raise ConfigError(f"prices and the account are both in {account}, so nothing is converted: leave "
                          f"instrument.conversion out, or give instrument.currency or paper.currency",
                          code="needless_conversion")  # fmt: skip
