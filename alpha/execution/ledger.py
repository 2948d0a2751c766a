"""The ledger: the sum of the events of a journal."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import repeat
from typing import Any, Literal, NamedTuple, Self

import numpy as np

from alpha.core.errors import BrokerError
from alpha.core.nouns import Order
from alpha.core.panel import Bar
from alpha.execution import events as e
from alpha.execution.events import MICRO, Event, bar_sleeve, micros
from alpha.execution.journals import Journal
from alpha.execution.money import Money, Terms

Status = Literal[
    "submitted", "acknowledged", "partially filled", "filled", "rejected", "cancelled", "expired",
]  # fmt: skip
_DECIMALS = 9  # of a share that are kept: what floating point leaves below is nothing


class Lot(NamedTuple):
    """Shares that were bought (or sold short, negative) at one price."""

    quantity: float
    price: float


class Valuation(NamedTuple):
    """The value of an account at the close of a bar.

    Parameters
    ----------
    prices : mapping of str to float
        Price of every name held: the quote at this close, else the last price known.
    unpriced : tuple of str
        The names held by the bar's sleeve that the market does not quote at this close.
    equity : float
        Cash plus positions at `prices`, those of other sleeves too, in the account's currency.
    shares, weights : array of shape (N,)
        Held, as the bar's symbols; weights are fractions of equity.
    """

    prices: Mapping[str, float]
    unpriced: tuple[str, ...]
    equity: float
    shares: np.ndarray
    weights: np.ndarray


class Ledger:
    """Cash, positions and open orders: the sum of a journal. An event that is posted twice counts once.

    Attributes
    ----------
    run : str
        Name of the run, as the journal gives it.
    money : Money
        Cash by currency, rates, and the terms of contracts.
    fees, slippage, dividends, realised : int
        In micro-units of the account's currency, at the rate of the bar in which each was journaled; `slippage` is
        already inside the prices paid, `realised` is the profit of closed lots, first in first out.
    positions : dict of str to float
        Shares held, signed; a name that is not held is not there.
    lots : dict of str to deque of Lot
        Lots of the positions, oldest first.
    marks : dict of str to float
        Last known price of every name held.
    unpriced : dict of str to int
        Finished bars in a row in which a name held has had no price.
    status : dict of str to str
        State of each order, by id: ``submitted`` (journaled), ``acknowledged`` by the broker, ``partially filled``,
        and at the end ``filled``, ``rejected``, ``cancelled`` or ``expired``.
    open_orders : dict of str to Order
        Those that have not come to an end, by id; the quantity is what is left, `expires` the bars that are left.
    rests : dict of str to Order
        Rests of the cancelled and the expired orders, by id: where the broker was faster, a fill may still come.
    peak, last_equity : float
        Highest and last equity at the close of a finished bar, in the account's currency. A halt that a person
        acknowledged starts the peak anew at the equity of the halt.
    last_bar : str
        The last bar that was finished or skipped; empty before the first.
    settled, decided : str
        The last bar whose actions and fills, and whose orders, are in the journal.
    halted, halted_at : str
        Reason of the halt, empty while trading goes on; and the bar of the last halt.
    halts : int
        Number of halts.
    bundles : list of BundleChosen
        The bundles that have decided; the newest last.
    sleeves : dict of str to str
        The sleeve that trades a symbol; all are empty where the account has none.
    """

    def __init__(self, run: str) -> None:
        self.run = run
        self.money = Money()
        self.fees = self.slippage = self.dividends = self.realised = 0
        self.positions: dict[str, float] = {}
        self.lots: dict[str, deque[Lot]] = {}
        self.marks: dict[str, float] = {}
        self.unpriced: dict[str, int] = {}
        self.status: dict[str, Status] = {}
        self.open_orders: dict[str, Order] = {}
        self.rests: dict[str, Order] = {}
        self.peak = self.last_equity = 0.0
        self.last_bar = self.settled = self.decided = self.halted = self.halted_at = ""
        self.halts = 0
        self.bundles: list[e.BundleChosen] = []
        self.sleeves: dict[str, str] = {}
        self._posted: set[str] = set()
        self._valued: tuple[Bar, Valuation] | None = None

    @classmethod
    def replay(cls, journal: Journal) -> Self:
        """Return the ledger of a journal, its events added up: the only way to start."""
        ledger = cls(journal.run)
        for event in journal.events():
            ledger.post(event)
        return ledger

    @property
    def cash(self) -> int:
        """Cash in the account's currency, in micro-units."""
        return self.money.balances.get(self.money.currency, 0)

    @property
    def empty(self) -> bool:
        """True before the first event, the cash paid in."""
        return not self._posted

    def __contains__(self, event_id: object) -> bool:
        return event_id in self._posted

    def post(self, event: Event) -> None:
        """Add one event, which must be in the journal, to the account.

        Raises
        ------
        BrokerError
            ``unknown_fill``, ``unknown_order``: it is about an order that was never placed. ``unknown_rate``: it is
            an order in a currency that has no rate yet.
        """
        if event.id not in self._posted:
            _POST[event.kind](self, event)
            self._posted.add(event.id)

    def _open(self, event: e.AccountOpened) -> None:
        self.money.currency = event.currency
        self.money.pay(event.cash)
        self.peak = self.last_equity = event.cash / MICRO

    def _rate(self, event: e.RateFixed) -> None:
        self.money.rates[event.currency] = event.rate
        self._valued = None

    def _bundle(self, event: e.BundleChosen) -> None:
        self.bundles.append(event)

    def _order(self, event: e.OrderPlaced) -> None:
        self.open_orders[event.id] = event.order
        self.status[event.id] = "submitted"
        self.sleeves[event.symbol] = bar_sleeve(event.bar)
        self.decided = event.bar
        if event.currency or event.multiplier != 1.0:
            self.money.learn(event.symbol, Terms(event.currency, event.multiplier))

    def _sent(self, event: e.OrdersSent) -> None:
        self.decided = event.bar

    def _accept(self, event: e.OrderAccepted) -> None:
        self._check_placed(event.order)
        if self.status[event.order] == "submitted":
            self.status[event.order] = "acknowledged"

    def _fill(self, event: e.OrderFilled) -> None:
        symbol, quantity, price = event.symbol, event.quantity, event.price
        self._take_off(event.order, quantity)
        self.settled = event.bar
        self.marks[symbol] = price
        self._valued = None
        money, unit = self.money, 1.0
        if symbol in money.contracts:
            (currency, multiplier), unit = money.terms(symbol), money.unit(symbol)
            self.fees += money.converted(event.fee, currency)
            self.slippage += money.converted(event.slippage, currency)
            money.pay(event.flow(multiplier), currency)
        else:
            self.fees += event.fee
            self.slippage += event.slippage
            money.pay(event.cash)
        self._trade(symbol, quantity, price, unit)

    def _check_placed(self, order: str, code: str = "unknown_order") -> None:
        if order not in self.status:
            raise BrokerError(f"the journal reports on the order {order!r}, which it never placed", code=code)

    def _take_off(self, name: str, quantity: float) -> None:
        """Take a fill off an open order, or off the rest of one that was cancelled or expired."""
        orders = self.open_orders if name in self.open_orders else self.rests
        if (order := orders.get(name)) is None:
            self._check_placed(name, "unknown_fill")
            return
        if partial := order.quantity != quantity and (left := left_of(order.quantity, quantity)) * order.quantity > 0:
            orders[name] = order._replace(quantity=left)
        else:
            del orders[name]
        if orders is self.open_orders:
            self.status[name] = "partially filled" if partial else "filled"

    def _reject(self, event: e.OrderRejected) -> None:
        self._check_placed(event.order)
        self.status[event.order] = "rejected"
        self.open_orders.pop(event.order, None)

    def _cancel(self, event: e.OrderCancelled) -> None:
        self._end(event.order, "cancelled")

    def _expire(self, event: e.OrderExpired) -> None:
        self._end(event.order, "expired")

    def _end(self, name: str, status: Status) -> None:
        self._check_placed(name)
        if (rest := self.open_orders.pop(name, None)) is not None:
            self.rests[name] = rest
            self.status[name] = status

    def _trade(self, symbol: str, quantity: float, price: float, unit: float) -> None:
        """Move a position; closing older lots realises their profit, `unit` for a difference of 1 in the price."""
        held, left = self.positions.get(symbol, 0.0), quantity
        if (lots := self.lots.get(symbol)) is None:
            lots = self.lots[symbol] = deque()
        while lots and lots[0].quantity * left < 0:
            lot = lots.popleft()
            closed = -left if abs(left) < abs(lot.quantity) else lot.quantity
            self.realised += micros(closed * (price - lot.price) * unit)
            left = _shares(left + closed)
            if kept := _shares(lot.quantity - closed):
                lots.appendleft(Lot(kept, lot.price))
        if left:
            lots.append(Lot(left, price))
        self._hold(symbol, held + quantity)

    def _hold(self, symbol: str, quantity: float) -> None:
        if quantity := _shares(quantity):
            self.positions[symbol] = quantity
            return
        for held in (self.positions, self.lots, self.marks, self.unpriced):
            held.pop(symbol, None)

    def _dividend(self, event: e.DividendPaid) -> None:
        self.settled = event.bar
        currency = self.money.terms(event.symbol).currency
        self.dividends += self.money.converted(event.cash, currency)
        self.money.pay(event.cash, currency)
        self._valued = None

    def _delisting(self, event: e.HoldingDelisted) -> None:
        self.settled = event.bar
        self.money.pay(event.cash, self.money.terms(event.symbol).currency)
        self._valued = None
        self._trade(event.symbol, event.quantity, event.price, self.money.unit(event.symbol))

    def _split(self, event: e.SharesSplit) -> None:
        self.settled, self._valued = event.bar, None
        symbol, ratio = event.symbol, event.ratio
        for orders in (self.open_orders, self.rests):
            for name, order in list(orders.items()):
                if order.symbol == symbol:
                    orders[name] = split_order(order, ratio)
        if symbol in self.positions:
            self.lots[symbol] = deque(Lot(lot.quantity * ratio, lot.price / ratio) for lot in self.lots[symbol])
            self.marks[symbol] /= ratio
            self._hold(symbol, self.positions[symbol] * ratio)

    def _mark(self, event: e.BarMarked) -> None:
        self.last_bar = event.bar
        self.last_equity = event.equity
        self.peak = max(self.peak, event.equity)
        self.marks = dict(event.prices)
        self.unpriced = dict(event.unpriced)
        for name, order in self.orders(event.bar).items():
            if order.expires is not None and order.bar < event.bar:
                self.open_orders[name] = order._replace(expires=order.expires - 1)

    def _skip(self, event: e.BarSkipped) -> None:
        self.last_bar = event.bar

    def _halt(self, event: e.TradingHalted) -> None:
        self.halted, self.halted_at = event.reason, event.bar
        self.halts += 1
        self.last_equity = event.equity

    def _acknowledge(self, event: e.HaltAcknowledged) -> None:
        self.halted = ""
        self.peak = self.last_equity

    def value(self, bar: Bar) -> Valuation:
        """Return the value of the account at the close of `bar`; computed once, until something changes."""
        if self._valued is None or self._valued[0] is not bar:
            self._valued = bar, self._value(bar)
        return self._valued[1]

    def _value(self, bar: Bar) -> Valuation:
        close = bar.quoted("close")
        shares = np.array(list(map(self.positions.get, bar.symbols, repeat(0.0))))
        held = np.flatnonzero(shares)
        quoted = [bar.symbols[i] for i in held], close[held].tolist()
        prices = {name: price for name, price in zip(*quoted, strict=True) if 0 < price < math.inf}
        missing = sorted(self.positions.keys() - prices.keys()) if len(prices) < len(self.positions) else []
        unpriced = tuple(name for name in missing if self.sleeves[name] == bar.sleeve)
        prices.update((name, self.marks[name]) for name in missing)
        equity = self.equity(prices)
        each = np.zeros(len(shares))
        each[held] = [prices[name] for name in quoted[0]]
        with np.errstate(all="ignore"):  # an account that is worth nothing has no weights
            return Valuation(prices, unpriced, equity, shares, shares * each * bar.unit / equity)

    def equity(self, prices: Mapping[str, float]) -> float:
        """Return cash plus positions at `prices`, in the account's currency."""
        cash, unit = self.money.cash(), self.money.unit
        if not self.money.contracts:
            return math.fsum([*cash, *(held * prices[name] for name, held in self.positions.items())])
        return math.fsum([*cash, *(held * prices[name] * unit(name) for name, held in self.positions.items())])

    def silent(self, bar: Bar) -> dict[str, int]:
        """Return `unpriced` as of the end of `bar`: only the counts of its own sleeve change."""
        others = {name: bars for name, bars in self.unpriced.items() if self.sleeves[name] != bar.sleeve}
        return others | {name: self.unpriced.get(name, 0) + 1 for name in self.value(bar).unpriced}

    def orders(self, bar: str) -> dict[str, Order]:
        """Return the open orders of the sleeve of a bar, by id, given the key of the bar."""
        sleeve = bar_sleeve(bar)
        return {name: order for name, order in self.open_orders.items() if bar_sleeve(order.bar) == sleeve}

    def weights(self, bar: Bar) -> np.ndarray:
        """Return the weights held at the close of `bar`, fractions of equity, shape (N,) as the bar's symbols."""
        return self.value(bar).weights


def quotes(bar: Bar, name: str, symbols: Iterable[str]) -> dict[str, float]:
    """Return the price `name` of each of `symbols` that the market quotes in this bar."""
    prices, place = bar.quoted(name).tolist(), _places(bar.symbols)
    return {symbol: prices[place[symbol]] for symbol in symbols
            if symbol in place and 0 < prices[place[symbol]] < math.inf}  # fmt: skip


@lru_cache(maxsize=8)
def _places(symbols: tuple[str, ...]) -> dict[str, int]:
    return {symbol: place for place, symbol in enumerate(symbols)}


def split_order(order: Order, ratio: float) -> Order:
    """Return an open order after `ratio` new shares for one old."""
    limit = None if order.limit is None else order.limit / ratio
    return order._replace(quantity=_shares(order.quantity * ratio), limit=limit)


def left_of(quantity: float, filled: float) -> float:
    """Return the shares that are left of an order of `quantity`."""
    return _shares(quantity - filled)


def _shares(quantity: float) -> float:
    return round(quantity, _DECIMALS) if quantity % 1 else quantity  # whole numbers are most, and exact


_POST: dict[str, Callable[[Ledger, Any], None]] = {
    "open": Ledger._open,
    "bundle": Ledger._bundle,
    "order": Ledger._order,
    "sent": Ledger._sent,
    "accept": Ledger._accept,
    "fill": Ledger._fill,
    "reject": Ledger._reject,
    "cancel": Ledger._cancel,
    "expire": Ledger._expire,
    "dividend": Ledger._dividend,
    "split": Ledger._split,
    "delisting": Ledger._delisting,
    "rate": Ledger._rate,
    "mark": Ledger._mark,
    "skip": Ledger._skip,
    "halt": Ledger._halt,
    "acknowledge": Ledger._acknowledge,
}
