"""Sleeves: strategies with bars of their own, each trading a share of one account."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from alpha.core.errors import ConfigError
from alpha.core.instrument import CURRENCY, check_converted
from alpha.core.nouns import Target
from alpha.core.panel import Bar, Panel
from alpha.core.registry import Plugin
from alpha.execution import MICRO, Account, Ledger, MemoryJournal, bar_key
from alpha.execution.book import Book, booked
from alpha.execution.routing import routed
from alpha.stats.arguments import of_panel
from alpha.strategy import Rules, Signal, outputs, step


@dataclass(frozen=True, eq=False)
class Sleeve:
    """A signal, the bars it trades on, and how it is traded.

    Parameters
    ----------
    name : str
        Lower case letters, digits and underscores; of bars that close at one instant, those of the first name in
        alphabetical order come first. Empty: the account has no other sleeve.
    signal : array of shape (T, N), or mapping of output name to such arrays that holds ``signal``
        Row t is known at ``panel.times[t]``; its orders fill in a later row of the same panel.
    panel : Panel
        No symbol of it is in another sleeve's.
    rules : Rules
        ``rules.share`` is the part of the account's equity that the sleeve trades.
    broker : Plugin
    history : Panel, optional
        The rows before the first one traded, for the risk model to learn from.
    """

    name: str
    signal: Signal
    panel: Panel
    rules: Rules
    broker: Plugin
    history: Panel | None = None


def merged(bars: Mapping[str, Iterable[Bar]]) -> Iterator[Bar]:
    """Yield the bars of all sleeves, by name, in the order of their closes; those of one instant by name.

    A sleeve is asked for its next bar only once the last one was taken.
    """
    return heapq.merge(*(map(partial(_of, name), own) for name, own in bars.items()), key=bar_key)


def _of(sleeve: str, bar: Bar) -> Bar:
    return replace(bar, sleeve=sleeve) if sleeve else bar


def check_apart(symbols: Mapping[str, Sequence[str]]) -> None:
    """Raise unless each symbol belongs to one sleeve: an account holds one position a symbol.

    Raises
    ------
    ConfigError
        ``shared_symbol``, naming the symbol and both sleeves.
    """
    owners: dict[str, str] = {}
    for sleeve, names in symbols.items():
        for name in names:
            if (owner := owners.setdefault(name, sleeve)) != sleeve:
                raise ConfigError(f"{name} is traded by the sleeves {owner!r} and {sleeve!r}; an account holds one "
                                  f"position a symbol, so leave it out of one (universe.exclude)",
                                  code="shared_symbol")  # fmt: skip


def check_shares(shares: Mapping[str, float]) -> None:
    """Raise unless the shares are positive and sum to 1 at most.

    Raises
    ------
    ConfigError
        ``bad_share``.
    """
    for sleeve, share in shares.items():
        if not share > 0:
            raise ConfigError(f"the share of the sleeve {sleeve!r} must be above 0; it was {share:g}", code="bad_share")
    if (total := sum(shares.values())) > 1 + 1e-9:
        raise ConfigError(f"the shares of the sleeves sum to {total:g}; the account has 1 to share", code="bad_share")


def backtest_sleeves(
    sleeves: Sequence[Sleeve], *, cash: float = 1_000_000.0, currency: str = CURRENCY, run: str = "backtest"
) -> Book:
    """Trade sleeves in one account, on their bars merged by time, with the same `step` that paper uses.

    Parameters
    ----------
    cash : float
        Equity at the start, in `currency`, that of the account.

    Returns
    -------
    Book
        One row a bar of any sleeve. The columns of its weights and targets are the symbols of the sleeves in the order
        given, as fractions of the account's equity; a target is the last one wanted.

    Raises
    ------
    ConfigError
        ``shared_symbol``, ``bad_share``: see `check_apart` and `check_shares`. ``no_conversion``,
        ``needless_conversion``: see `alpha.core.instrument.check_converted`.
    RiskBreach, DataError
        As `alpha.strategy.backtest` does.
    """
    check_apart({each.name: each.panel.symbols for each in sleeves})
    check_shares({each.name: each.rules.share for each in sleeves})
    for each in sleeves:
        check_converted(each.panel.instrument, currency, each.panel.rates is not None)
    desks = {each.name: _Desk(each) for each in sleeves}
    names = tuple(symbol for each in sleeves for symbol in each.panel.symbols)
    account = Account.open(MemoryJournal(run), cash, routed({each.name: each.broker() for each in sleeves}), currency)
    targets, rows, clipped = dict.fromkeys(names, 0.0), [], Counter[str]()
    for bar in merged({name: desk.bars() for name, desk in desks.items()}):
        target = desks[bar.sleeve].step(bar, account)
        share = desks[bar.sleeve].sleeve.rules.share
        targets.update(zip(bar.symbols, target.weights * share, strict=True))
        ledger = account.ledger
        costs = (ledger.fees + ledger.slippage) / MICRO
        rows.append((bar.time, ledger.last_equity, costs, _held(ledger, bar, names), [*targets.values()]))
        clipped.update(target.clipped)
    times, equity, spent, held, wanted = zip(*rows, strict=True)
    arrays = map(np.array, (equity, spent, held, wanted))
    return booked(pd.DatetimeIndex(times), account, cash, *arrays, clipped=clipped)


def _held(ledger: Ledger, bar: Bar, names: Sequence[str]) -> list[float]:
    """Return the weights held in the whole account at the close of a bar."""
    worth = ledger.value(bar)
    return [ledger.positions[name] * worth.prices[name] * ledger.money.unit(name) / worth.equity
            if name in ledger.positions else 0.0 for name in names]  # fmt: skip


class _Desk:
    """A sleeve in progress: its outputs, its risk model and its next row."""

    def __init__(self, sleeve: Sleeve) -> None:
        self.sleeve = sleeve
        self._outputs = {name: of_panel(values, name, sleeve.panel) for name, values in outputs(sleeve.signal).items()}
        self._risk_model = sleeve.rules.machine(sleeve.history)
        self._row = 0

    def bars(self) -> Iterator[Bar]:
        return map(self.sleeve.panel.bar, range(len(self.sleeve.panel)))

    def step(self, bar: Bar, account: Account) -> Target:
        row, self._row = self._row, self._row + 1
        signal = {name: values[row] for name, values in self._outputs.items()}
        return step(signal, bar, self.sleeve.rules, account, self._risk_model)
