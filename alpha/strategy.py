"""A strategy: the bundle that makes signals, the rules that turn them into orders, and one bar of trading."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from alpha.core.errors import DataError, RiskBreach
from alpha.core.instrument import CURRENCY, check_converted
from alpha.core.nouns import FeatureSet, Label, Model, Order, Scorecard, Target, Verdict
from alpha.core.panel import Bar, Panel
from alpha.core.registry import Plugin
from alpha.execution import Account, MemoryJournal, bar_key, rebalance
from alpha.execution.book import Book, booked
from alpha.execution.corporate import actions, delistings
from alpha.execution.events import (
    MICRO,
    BarMarked,
    DividendPaid,
    OrderFilled,
    OrderPlaced,
    OrdersSent,
    SharesSplit,
)
from alpha.execution.ledger import quotes
from alpha.execution.money import Terms
from alpha.execution.reports import news
from alpha.portfolio.costs import estimated
from alpha.portfolio.target import target
from alpha.portfolio.view import Risk, View
from alpha.risk import guard
from alpha.stats.arguments import of_panel

MOVING = (OrderFilled, DividendPaid, SharesSplit)  # events after which a name is no candidate for a delisting

if TYPE_CHECKING:
    from alpha.features import Plan
    from alpha.portfolio.risk_models.machine import RiskModel


@dataclass(frozen=True, eq=False)
class Bundle:
    """A fitted model with its features, label and golden predictions, as it is saved and loaded.

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
        Predictions of the model for `golden_inputs`: equal to the last bit, or within its tolerance.
    reference : mapping of str to list of float
        Deciles of every feature and of the prediction, against which drift is measured.
    weights : tuple of Plugin
        The sample weights of its fit; empty in a bundle that was loaded, for it is not fitted again.
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
    weights: tuple[Plugin, ...] = ()

    def predict(self, values: np.ndarray, tradable: np.ndarray) -> np.ndarray:
        """Return the signal, shape (...,), of feature values (..., F); NaN where not tradable."""
        return self.outputs(values, tradable)["signal"]

    def outputs(self, values: np.ndarray, tradable: np.ndarray) -> dict[str, np.ndarray]:
        """Return every output of the model by name, ``signal`` first, each as `predict` returns the signal."""
        from alpha.validation.crossfit import outputs

        return outputs(self.model, values, tradable)


@dataclass(frozen=True, eq=False)
class Candidate:
    """A bundle, the data it was made from, its out-of-sample evidence, and the verdicts of the gates.

    Parameters
    ----------
    gates : tuple of Verdict
        Verdicts of the gates that have judged it.
    waiting : tuple of str
        The gates that judge it only once blessing has opened the holdout.
    """

    bundle: Bundle
    panel: Panel
    features: FeatureSet
    label: Label
    signal: np.ndarray
    book: Book
    scorecard: Scorecard
    gates: tuple[Verdict, ...] = ()
    config_id: str = ""
    data_id: str = ""
    seed: int = 0
    waiting: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """True where gates have judged it, and it passed all of them."""
        return bool(self.gates) and all(gate.passed for gate in self.gates)


@dataclass(frozen=True)
class Rules:
    """The rules by which a signal becomes orders: policy, overlays, limits, guards.

    Parameters
    ----------
    policy : Plugin
        From a `View` to the weights wanted.
    limits : tuple of Plugin
        Projections of the weights, applied in this order.
    max_drawdown : float
        Loss from the highest equity, as a fraction of it, that halts trading: the limit of the guard ``drawdown``.
    min_trade : float
        A change of weight smaller than this fraction of equity is not traded.
    delist_after : int
        Bars without a price after which a holding is settled in cash at its last one.
    overlays : tuple of Plugin
        Changes to the weights wanted, applied in this order before the limits.
    guards : tuple of Plugin
        Asked before each decision, in this order, then the drawdown.
    risk_model : Plugin, optional
        Makes the machine whose estimate is `View.risk`.
    share : float
        Part of the account's equity that this strategy trades, as a sleeve; the guards watch the whole account.
    """

    policy: Plugin
    limits: tuple[Plugin, ...] = ()
    max_drawdown: float = 0.25
    min_trade: float = 0.0
    delist_after: int = 5
    overlays: tuple[Plugin, ...] = ()
    guards: tuple[Plugin, ...] = ()
    risk_model: Plugin | None = None
    share: float = 1.0

    @cached_property
    def watch(self) -> tuple[Plugin, ...]:
        """Every guard, in the order in which they are asked."""
        return *self.guards, guard.bind({"name": "drawdown", "limit": self.max_drawdown})

    def unguarded(self) -> Rules:
        """Return the rules without a guard: a backtest has no person to halt for, and shows the whole history."""
        return replace(self, max_drawdown=1.0, guards=())

    def machine(self, history: Panel | None = None) -> RiskModel | None:
        """Return the risk model as it is after `history`, or None where none is configured."""
        if self.risk_model is None:
            return None
        made: RiskModel = self.risk_model()
        if history is not None:
            made.catch_up(history)
        return made


Signal = np.ndarray | Mapping[str, np.ndarray]
"""A signal alone, or the outputs of a model by name, one of which is ``signal``."""


def outputs(signal: Signal) -> Mapping[str, np.ndarray]:
    """Return the outputs of a model by name; an array is its signal."""
    return signal if isinstance(signal, Mapping) else {"signal": signal}


def step(signal: Signal, bar: Bar, rules: Rules, account: Account, risk_model: RiskModel | None = None) -> Target:
    """Trade one bar: settle, mark, decide, send. The same in backtest, paper and live.

    Its orders live for one bar: where the next has no price for one, it expires there and the decision is made anew.

    Everything is journaled before it counts, and an order before it is sent. After a crash at any point, replay the
    journal, reconcile the broker and call again with the same bar: the journal ends up the same.

    Parameters
    ----------
    signal : array of shape (N,), or mapping of output name to such arrays that holds ``signal``
        The model's prediction at the close of `bar`, or all its outputs, ``signal`` among them; NaN: no opinion.
    risk_model : RiskModel, optional
        The machine of `rules.machine`, which has seen the bars before this one; it takes in `bar`.

    Returns
    -------
    Target
        The weights wanted; the orders toward them fill in a later bar.

    Raises
    ------
    DataError
        ``old_bar``: the bar is not after the last one finished.
    RiskBreach
        ``bankrupt``, ``bad_weights``, or the code of the guard that halts, such as ``drawdown``: open orders are
        cancelled and the account is halted for a person. ``halted``: it was before.
    BrokerError
        ``unknown_fill``, ``over_fill`` and others: a report of the broker that cannot be true; see
        `alpha.execution.reports.news`.
    """
    key = bar_key(bar)
    _check_ready(key, account)
    _settle(bar, rules, account)
    account.expire(key)
    view = _view(signal, bar, account, risk_model.push(bar) if risk_model else None)
    target = _target(view.of(rules.share), rules, account, reducing=_permitted(view, rules, account))
    orders = _decide(target, bar, rules, account)
    if orders:
        account.broker.submit(orders)
    _finish(orders, target, bar, account)
    return target


def _check_ready(key: str, account: Account) -> None:
    last = account.ledger.last_bar
    if account.ledger.halted:
        account.refuse()
    if key <= last:
        raise DataError(f"expected a bar after {last}, the last one finished; it is {key}", code="old_bar")


def _settle(bar: Bar, rules: Rules, account: Account) -> None:
    """Journal the events before this bar's decision: corporate actions, fills, delistings."""
    ledger = account.ledger
    if bar_key(bar) in (ledger.settled, ledger.decided):
        return
    account.take_rate(bar)
    happened = actions(bar, ledger)
    ratios = {event.symbol: event.ratio for event in happened if isinstance(event, SharesSplit)}
    account.broker.advance(bar)
    happened += news(account.broker.poll(), bar_key(bar), ledger, ratios)
    active = (event.symbol for event in happened if isinstance(event, MOVING))
    account.write([*happened, *delistings(bar, ledger, rules.delist_after, active)])


def _view(signal: Signal, bar: Bar, account: Account, risk: Risk | None) -> View:
    """Return the account and the market at the close of a bar, settled."""
    worth, price = account.ledger.value(bar), bar.quoted("close")
    return View(
        bar=bar, outputs=outputs(signal), held=worth.weights,
        stuck=(worth.shares != 0) & ~((price > 0) & (price < np.inf)), equity=worth.equity, risk=risk,
        costs=estimated(account.broker, bar), groups=bar.groups,
    )  # fmt: skip


def _permitted(view: View, rules: Rules, account: Account) -> str:
    """Halt where a guard says so; return the name of one that lets positions only shrink, or nothing."""
    if not view.equity > 0:
        account.halt(f"equity is {view.equity:.2f}", view.bar, code="bankrupt")
    permissions = [(each.name, each(account, view)) for each in rules.watch]
    for _, permission in permissions:
        if permission.action == "halt":
            account.halt(permission.reason, view.bar, code=permission.code)
    return next((name for name, permission in permissions if permission.action == "reduce"), "")


def _target(view: View, rules: Rules, account: Account, *, reducing: str) -> Target:
    """Return the weights wanted; halt where they cannot be traded."""
    try:
        return target(view, rules.policy, rules.overlays, rules.limits, reducing=reducing)
    except RiskBreach as breach:
        account.halt(breach.args[0], view.bar, code=breach.code)


def _decide(target: Target, bar: Bar, rules: Rules, account: Account) -> tuple[Order, ...]:
    """Return the orders of this bar, journaled. Orders that were journaled before a crash are not decided again."""
    ledger = account.ledger
    if ledger.decided == bar_key(bar):
        return tuple(order for order in ledger.open_orders.values() if order.bar == ledger.decided)
    orders = rebalance(target.weights, ledger, bar, min_trade=rules.min_trade, share=rules.share)
    quoted = quotes(bar, "close", [order.symbol for order in orders])
    terms = Terms.of(bar.instrument, ledger.money.currency)
    account.write(OrderPlaced.of(order, quoted[order.symbol], *terms) for order in orders)
    return orders


def _finish(orders: tuple[Order, ...], target: Target, bar: Bar, account: Account) -> None:
    """Close the bar: journal that its orders were sent, and the value of the account."""
    ledger, key, worth = account.ledger, bar_key(bar), account.ledger.value(bar)
    mark = BarMarked.of(ledger.run, key, worth.equity, prices=worth.prices, unpriced=ledger.silent(bar),
                        orders=len(orders), limits=target.clipped)  # fmt: skip
    account.write([OrdersSent.of(ledger.run, key, orders), mark] if orders else [mark])


def backtest(
    signal: Signal,
    panel: Panel,
    rules: Rules,
    broker: Plugin,
    *,
    cash: float = 1_000_000.0,
    currency: str = CURRENCY,
    run: str = "backtest",
    history: Panel | None = None,
) -> Book:
    """Trade a signal over a panel, bar by bar, with the same `step` that paper and live use.

    A book alone is no trial: `alpha.validation.score` judges it, and records that it did.

    Parameters
    ----------
    signal : array of shape (T, N), or mapping of output name to such arrays that holds ``signal``
        Row t is known at ``panel.times[t]``; its orders fill in a later row.
    rules : Rules
        A backtest has no person to halt for: give those of `Rules.unguarded` to see a whole history.
    broker : Plugin
    cash : float
        Equity at the start, in `currency`.
    currency : str
        Currency of the account.
    history : Panel, optional
        The rows before the first one traded, for the risk model to learn from.

    Raises
    ------
    ConfigError
        ``no_conversion``, ``needless_conversion``: see `alpha.core.instrument.check_converted`.
    RiskBreach
        As `step` does.
    DataError
        `not_numbers`, `bad_shape`: the signal is not of the panel's times and symbols.
    """
    made = {name: of_panel(values, name, panel) for name, values in outputs(signal).items()}
    check_converted(panel.instrument, currency, panel.rates is not None)
    risk_model = rules.machine(history)
    account = Account.open(MemoryJournal(run), cash, broker(), currency)
    ledger, shape = account.ledger, (len(panel), len(panel.symbols))
    weights, targets, equity, spent = np.empty(shape), np.empty(shape), np.empty(len(panel)), np.empty(len(panel))
    clipped: Counter[str] = Counter()
    for row in range(len(panel)):
        bar = panel.bar(row)
        target = step({name: values[row] for name, values in made.items()}, bar, rules, account, risk_model)
        targets[row], weights[row] = target.weights, ledger.weights(bar)
        equity[row], spent[row] = ledger.last_equity, (ledger.fees + ledger.slippage) / MICRO
        clipped.update(target.clipped)
    return booked(panel.times, account, cash, equity, spent, weights, targets, clipped=clipped)
