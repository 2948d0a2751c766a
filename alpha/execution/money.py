"""The money of an account: cash by currency, rates of conversion, and the terms of what it trades."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Self

from alpha.core.errors import BrokerError
from alpha.core.instrument import CURRENCY, Instrument
from alpha.execution.events import MICRO


class Terms(NamedTuple):
    """Currency of a symbol, empty where it is the account's, and multiplier of its contract."""

    currency: str = ""
    multiplier: float = 1.0

    @classmethod
    def of(cls, instrument: Instrument, account: str) -> Self:
        """Return the terms of an instrument in an account, given the account's currency."""
        return cls("" if instrument.currency == account else instrument.currency, instrument.multiplier)


_SHARE = Terms()


@dataclass
class Money:
    """Cash by currency, and the value of one unit of a symbol in the currency of the account.

    Nothing is exchanged: a purchase in another currency than the account's is owed in that currency.

    Parameters
    ----------
    currency : str
        Currency of the account.
    balances : dict of str to int
        Cash by currency, in micro-units of each.
    rates : dict of str to float
        Units of the account's currency for one of each other currency: the last known.
    contracts : dict of str to Terms
        Terms of the symbols whose currency is not the account's or whose multiplier is not 1.
    """

    currency: str = CURRENCY
    balances: dict[str, int] = field(default_factory=dict)
    rates: dict[str, float] = field(default_factory=dict)
    contracts: dict[str, Terms] = field(default_factory=dict)

    def pay(self, cash: int, currency: str = "") -> None:
        """Add micro-units to the balance of a currency; empty: the account's."""
        currency = currency or self.currency
        self.balances[currency] = self.balances.get(currency, 0) + cash

    def learn(self, symbol: str, terms: Terms) -> None:
        """Take in terms that are not those of a share in the account's currency.

        Raises
        ------
        BrokerError
            ``unknown_rate``: there is no rate of its currency yet.
        """
        if terms.currency and terms.currency not in self.rates:
            raise BrokerError(f"the journal has an order for {symbol} in {terms.currency} before any rate of "
                              f"{terms.currency}; restore it from a copy", code="unknown_rate")  # fmt: skip
        self.contracts[symbol] = terms

    def terms(self, symbol: str) -> Terms:
        """Return the terms of a symbol."""
        return self.contracts.get(symbol, _SHARE)

    def unit(self, symbol: str) -> float:
        """Return the value of one unit of a symbol at a price of 1, in the account's currency."""
        if (terms := self.contracts.get(symbol)) is None:
            return 1.0
        return terms.multiplier * self.rates[terms.currency] if terms.currency else terms.multiplier

    def converted(self, amount: int, currency: str) -> int:
        """Return micro-units of a currency (empty: the account's) in micro-units of the account's."""
        return round(amount * self.rates[currency]) if currency else amount

    def cash(self) -> list[float]:
        """Return every balance in units of the account's currency."""
        return [amount / MICRO * self.rates.get(currency, 1.0) for currency, amount in self.balances.items()]
