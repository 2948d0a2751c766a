"""A strategy: the bundle that makes signals, the rules that turn them into orders, and one bar of trading."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from alpha.core.errors import DataError
from alpha.core.nouns import Broker, FeatureSet, Fill, GateResult, Label, Model, Order, Scorecard, Target
from alpha.core.panel import Bar, Panel
from alpha.core.registry import Plugin
from alpha.execution import Journal, Ledger, MemoryJournal, bar_key, halt, order_hash, rebalance
from alpha.execution.corporate import actions, delistings
from alpha.execution.events import MICRO, Event
from alpha.execution.ledger import quotes
from alpha.execution.reconcile import refuse, write
from alpha.portfolio.limits import limited
from alpha.stats.arguments import of_panel

if TYPE_CHECKING:
    from alpha.features import Plan


@dataclass(frozen=True, eq=False)
class Bundle:
    """A fitted model and everything needed to use it again and to notice that something has changed.

    Parameters
    ----------
    name : str
    model : Model
        Fitted on the rows described by `trained`.
    model_entry, label_entry : dict
        The configuration entries they were made from, every default spelled out.
    feature_entries : tuple of dict
        The entries of the columns, in the order in which the model reads them.
    plan : Plan
        The compiled features.
    trained : mapping
        ``start`` and ``end`` (first and last row), ``rows``, ``samples``.
    golden_inputs : array of shape (K, F)
    golden_predictions : array of shape (K,), or (K, outputs) where the model has several
        What the model itself answers to `golden_inputs`: to the last bit, or within its tolerance.
    reference : mapping of str to list of float
        Deciles of every feature and of the prediction: what drift is measured against.
    """

    name: str
    model: Model
    model_entry: Mapping[str, Any]
    feature_entries: tuple[Mapping[str, Any], ...]
    plan: Plan
    label_entry: Mapping[str, Any]
    trained: Mapping[str, Any]
    golden_inputs: np.ndarray
    golden_predictions: np.ndarray
    reference: Mapping[str, list[float]]

    def predict(self, values: np.ndarray, tradable: np.ndarray) -> np.ndarray:
        """Return the signal, shape (...,), of feature values (..., F); NaN where not tradable."""
        return self.outputs(values, tradable)["signal"]

    def outputs(self, values: np.ndarray, tradable: np.ndarray) -> dict[str, np.ndarray]:
        """Return every output of the model by name, ``signal`` first, each as `predict` returns the signal."""
        from alpha.validation.crossfit import outputs

        return outputs(self.model, values, tradable)


@dataclass(frozen=True, eq=False)
class Book:
    """What trading a signal over T bars came to. Arrays are (T,) or (T, N); row t is known at ``times[t]``.

    Parameters
    ----------
    equity : array (T,)
        Cash plus positions at the close, in the quote currency, after all costs.
    net_returns, gross_returns : array (T,)
        Changes of equity as fractions of the equity before; gross: without `costs`.
    weights : array (T, N)
        Held at the close, fractions of equity.
    targets : array (T, N)
        Wanted at the close, for the next bar.
    turnover : array (T,)
        ``sum |weights[t] - weights[t-1]|``; the book before the first row is empty.
    costs : array (T,)
        Slippage and fees, as fractions of the equity before.
    trades : int
        Fills.
    limits_hit : mapping of str to int
        In how many bars each limit changed the weights.
    order_hash : str
        Of all orders: equal for a paper run that decided alike.
    """

    times: pd.DatetimeIndex
    equity: np.ndarray
    gross_returns: np.ndarray
    net_returns: np.ndarray
    weights: np.ndarray
    targets: np.ndarray
    turnover: np.ndarray
    costs: np.ndarray
    trades: int
    limits_hit: Mapping[str, int]
    order_hash: str


@dataclass(frozen=True, eq=False)
class Candidate:
    """A bundle, the data and the out-of-sample evidence it rests on, and what the gates said.

    `weights` are the sample weights of its fits.
    """

    bundle: Bundle
    panel: Panel
    features: FeatureSet
    label: Label
    signal: np.ndarray
    book: Book
    scorecard: Scorecard
    gates: tuple[GateResult, ...] = ()
    config_id: str = ""
    data_id: str = ""
    seed: int = 0
    weights: tuple[Plugin, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether it was judged and every gate passed."""
        return bool(self.gates) and all(gate.passed for gate in self.gates)


@dataclass(frozen=True)
class Rules:
    """How a signal becomes orders, and what bounds the book.

    Parameters
    ----------
    policy : Plugin
        From signal and weights held to the weights wanted.
    limits : tuple of Plugin
        Projections of the weights, applied in this order.
    max_drawdown : float
        Loss from the highest equity, as a fraction of it, that halts trading.
    lot_size, min_trade : float
        See `alpha.execution.rebalance`.
    delist_after : int
        Bars without a price after which a holding is settled in cash at its last one.
    """

    policy: Plugin
    limits: tuple[Plugin, ...] = ()
    max_drawdown: float = 0.25
    lot_size: float = 1.0
    min_trade: float = 0.0
    delist_after: int = 5


Signal = np.ndarray | Mapping[str, np.ndarray]
"""A signal alone, or the outputs of a model by name, one of which is ``signal``."""


def outputs(signal: Signal) -> Mapping[str, np.ndarray]:
    """Return the outputs of a model by name; an array is its signal."""
    return signal if isinstance(signal, Mapping) else {"signal": signal}


def step(signal: Signal, bar: Bar, rules: Rules, ledger: Ledger, journal: Journal, broker: Broker) -> Target:
    """Trade one bar: settle, mark, decide, send. The same in backtest, paper and live.

    An order lives for one bar: where the next has no price for it, it is cancelled there and the decision made anew.

    Everything is journaled before it counts, and an order before it is sent. After a crash at any point, replay the
    journal, reconcile the broker and call again with the same bar: the journal ends up the same.

    Parameters
    ----------
    signal : array of shape (N,), or mapping of output name to such arrays that holds ``signal``
        What the model thinks at the close of `bar`; NaN: no opinion.

    Returns
    -------
    Target
        The weights wanted; the orders toward them fill in a later bar.

    Raises
    ------
    DataError
        ``old_bar``: the bar is not after the last one finished.
    RiskBreach
        ``drawdown``, ``bankrupt``, ``bad_weights``: open orders are cancelled and the account is halted for a
        person. ``halted``: it was before.
    BrokerError
        ``unknown_fill``: a fill of an order that was never journaled.
    """
    key = bar_key(bar)
    _check_ready(key, ledger)
    if key not in (ledger.settled, ledger.decided):
        happened = [*actions(bar, ledger), *_fills(broker.settle(bar), ledger)]
        gone = delistings(bar, ledger, rules.delist_after, {event.symbol for event in happened})
        write([*happened, *gone], ledger, journal)
    _expire(key, ledger, journal, broker)
    _check_loss(ledger.value(bar).equity, bar, rules, ledger, journal, broker)
    raw = rules.policy(outputs(signal)["signal"], ledger.weights(bar))
    if not np.isfinite(raw).all():
        halt(f"{rules.policy.label} wants weights that are not finite", bar, ledger, journal, broker,
             code="bad_weights")  # fmt: skip
    target = limited(raw, rules.limits)
    orders = _decide(target, bar, key, rules, ledger, journal)
    if orders:
        broker.submit(orders)
    _finish(orders, target, bar, key, ledger, journal)
    return target


def _check_ready(key: str, ledger: Ledger) -> None:
    if ledger.halted:
        refuse(ledger)
    if key <= ledger.last_bar:
        raise DataError(f"expected a bar after {ledger.last_bar}, the last one finished; it is {key}", code="old_bar")


def _expire(key: str, ledger: Ledger, journal: Journal, broker: Broker) -> None:
    """Cancel what the bar after the decision did not fill: what it would buy today was never decided."""
    if stale := [order for order in ledger.open_orders.values() if order.bar < key]:
        broker.cancel_all()
        write([Event.cancel(key, order) for order in stale], ledger, journal)


def _fills(fills: Iterable[Fill], ledger: Ledger) -> Iterator[Event]:
    """Yield what is new, once it is clear that the account can take it: what is journaled stays."""
    for fill in fills:
        event = Event.fill(fill)
        if event.id not in ledger:
            ledger.expect(fill.order_id, fill.symbol)
            yield event


def _check_loss(equity: float, bar: Bar, rules: Rules, ledger: Ledger, journal: Journal, broker: Broker) -> None:
    if equity <= 0:
        halt(f"equity is {equity:.2f}", bar, ledger, journal, broker, code="bankrupt")
    drawdown = 1 - equity / max(equity, ledger.peak)
    if drawdown > rules.max_drawdown:
        halt(f"equity {equity:.2f} is {drawdown:.4f} below its peak {ledger.peak:.2f}; at most {rules.max_drawdown:g} "
             f"is allowed", bar, ledger, journal, broker, code="drawdown")  # fmt: skip


def _decide(target: Target, bar: Bar, key: str, rules: Rules, ledger: Ledger, journal: Journal) -> tuple[Order, ...]:
    """Return the orders of this bar, journaled. What was journaled before a crash is not decided again."""
    if ledger.decided == key:
        return tuple(order for order in ledger.open_orders.values() if order.bar == key)
    orders = rebalance(target.weights, ledger, bar, lot_size=rules.lot_size, min_trade=rules.min_trade)
    quoted = quotes(bar, "close", [order.symbol for order in orders])
    write([Event.order(order, quoted[order.symbol]) for order in orders], ledger, journal)
    return orders


def _finish(orders: tuple[Order, ...], target: Target, bar: Bar, key: str, ledger: Ledger, journal: Journal) -> None:
    """Close the bar: that its orders were sent, and what the account was worth."""
    account = ledger.value(bar)
    unpriced = {name: ledger.unpriced.get(name, 0) + 1 for name in account.unpriced}
    mark = Event.mark(ledger.run, key, equity=account.equity, orders=len(orders), limits=list(target.clipped),
                      prices=account.prices, unpriced=unpriced)  # fmt: skip
    write([Event.sent(ledger.run, key, orders), mark] if orders else [mark], ledger, journal)


def backtest(
    signal: Signal, panel: Panel, rules: Rules, broker: Plugin, *, cash: float = 1_000_000.0, run: str = "backtest"
) -> Book:
    """Trade a signal over a panel, bar by bar, with the same `step` that paper and live use.

    A book alone is no trial: `alpha.validation.score` judges it, and records that it did.

    Parameters
    ----------
    signal : array of shape (T, N), or mapping of output name to such arrays that holds ``signal``
        Row t is known at ``panel.times[t]``; its orders fill in a later row.
    rules : Rules
        A backtest has no person to halt for: give a `max_drawdown` of 1 to see a whole history.
    broker : Plugin
    cash : float
        Equity at the start, in the quote currency.

    Raises
    ------
    RiskBreach
        As `step` does.
    DataError
        `not_numbers`, `bad_shape`: the signal is not of the panel's times and symbols.
    """
    made = {name: of_panel(values, name, panel) for name, values in outputs(signal).items()}
    journal, venue = MemoryJournal(run), broker()
    ledger = Ledger.open(journal, cash)
    shape = (len(panel), len(panel.symbols))
    weights, targets, equity, spent = np.empty(shape), np.empty(shape), np.empty(len(panel)), np.empty(len(panel))
    clipped: Counter[str] = Counter()
    for row in range(len(panel)):
        bar = panel.bar(row)
        target = step({name: values[row] for name, values in made.items()}, bar, rules, ledger, journal, venue)
        targets[row], weights[row] = target.weights, ledger.weights(bar)
        equity[row], spent[row] = ledger.last_equity, (ledger.fees + ledger.slippage) / MICRO
        clipped.update(target.clipped)
    before = np.concatenate([[cash], equity[:-1]])
    costs = np.diff(spent, prepend=0.0) / before
    net = equity / before - 1
    turnover = np.abs(np.diff(weights, axis=0, prepend=0.0)).sum(axis=1)
    trades = sum(event.kind == "fill" for event in journal.events())
    return Book(panel.times, equity, net + costs, net, weights, targets, turnover, costs, trades, dict(clipped),
                order_hash(journal.events()))  # fmt: skip
