"""The result of trading: equity, returns, weights and costs, a row a bar."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from alpha.execution.account import Account
from alpha.execution.events import OrderFilled
from alpha.execution.orders import order_hash


@dataclass(frozen=True, eq=False)
class Book:
    """The result of trading a signal over T bars. Arrays are (T,) or (T, N); row t is known at ``times[t]``.

    Parameters
    ----------
    equity : array (T,)
        Cash plus positions at the close, in the account's currency, after all costs.
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
        Number of bars in which each limit changed the weights.
    order_hash : str
        Hash of all orders: equal for a paper run that decided alike.
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


def booked(times: pd.DatetimeIndex, account: Account, cash: float, *arrays: np.ndarray, clipped: Counter[str]) -> Book:
    """Return the book of an account that began with `cash`; the arrays: equity, costs so far, weights, targets."""
    equity, spent, weights, targets = arrays
    before = np.concatenate([[cash], equity[:-1]])
    costs = np.diff(spent, prepend=0.0) / before
    net = equity / before - 1
    turnover = np.abs(np.diff(weights, axis=0, prepend=0.0)).sum(axis=1)
    events = list(account.journal.events())
    trades = sum(isinstance(event, OrderFilled) for event in events)
    return Book(times, equity, net + costs, net, weights, targets, turnover, costs, trades, dict(clipped),
                order_hash(events))  # fmt: skip
