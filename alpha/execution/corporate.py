"""Corporate actions: splits, dividends, delistings."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from alpha.core.panel import Bar
from alpha.execution.events import DividendPaid, Event, HoldingDelisted, SharesSplit, bar_key
from alpha.execution.ledger import Ledger, quotes


def splits(bar: Bar) -> dict[str, float]:
    """Return the ratio of each split in this bar, new shares for one old, by symbol.

    Empty where `bar` has no prices as traded: adjusted ones contain splits and dividends already.
    """
    return {symbol: ratio for symbol, ratio in _as_traded(bar, "split").items() if ratio != 1.0}


def dividends(bar: Bar) -> dict[str, float]:
    """Return the dividend of this bar on each share held over the close before, by symbol; see `splits`."""
    return _as_traded(bar, "dividend")


def _as_traded(bar: Bar, name: str) -> dict[str, float]:
    if name not in bar.fields or "raw_close" not in bar.fields:
        return {}
    values = bar[name]
    there = np.flatnonzero(np.isfinite(values) & (values > 0))
    return {bar.symbols[i]: float(values[i]) for i in there}


def actions(bar: Bar, ledger: Ledger) -> list[Event]:
    """Return the dividends and splits of this bar, for the positions held and the orders open before it trades.

    A dividend is for each share held over the close before, so before a split of the same day; a short position
    pays it.
    """
    key, held = bar_key(bar), ledger.positions
    concerned = {*held, *(order.symbol for order in ledger.open_orders.values())}
    paid = [DividendPaid.of(ledger.run, key, name, each, held[name] * ledger.money.terms(name).multiplier)
            for name, each in sorted(dividends(bar).items()) if name in held]  # fmt: skip
    split = [SharesSplit.of(ledger.run, key, name, ratio, held.get(name, 0.0))
             for name, ratio in sorted(splits(bar).items()) if name in concerned]  # fmt: skip
    return [*paid, *split]


def delistings(bar: Bar, ledger: Ledger, after: int, active: Iterable[str] = ()) -> list[Event]:
    """Return the settlement in cash, at the last price known, of names without a price for `after` bars.

    Names that are `active`, which trade, split or pay in this bar, are left for the next one.
    """
    silent = ledger.unpriced if after > 1 else ledger.positions  # the first bar without a price has no other before
    if not silent:
        return []
    quoted, key, busy = quotes(bar, "close", silent), bar_key(bar), set(active)
    return [
        HoldingDelisted.of(ledger.run, key, name, held, ledger.marks[name], ledger.money.terms(name).multiplier)
        for name, held in sorted(ledger.positions.items())
        if ledger.unpriced.get(name, 0) + 1 >= after
        and name not in quoted
        and name not in busy
        and ledger.sleeves[name] == bar.sleeve
    ]
