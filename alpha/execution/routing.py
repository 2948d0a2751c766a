"""One broker made of several: each sleeve of an account trades with its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from alpha.core.errors import ConfigError
from alpha.core.nouns import Broker, Order, Update
from alpha.core.panel import Bar
from alpha.execution.account import Custodian
from alpha.execution.events import bar_sleeve
from alpha.portfolio.costs import estimated


def routed(brokers: Mapping[str, Broker]) -> Broker:
    """Return the broker of an account, given the brokers of its sleeves by name; one without a name is used as it is.

    Raises
    ------
    ConfigError
        ``custodian``: one of several brokers reports positions, which say nothing of those at the others.
    """
    if "" in brokers:
        (broker,) = brokers.values()
        return broker
    for sleeve, broker in brokers.items():
        if isinstance(broker, Custodian):
            raise ConfigError(f"the broker of the sleeve {sleeve!r} reports the positions of a whole account; sleeves "
                              f"trade with brokers that do not, such as simulated", code="custodian")  # fmt: skip
    return Routed(brokers)


class Routed:
    """A broker that hands each order and each bar to the broker of its sleeve.

    Parameters
    ----------
    brokers : mapping of str to Broker
        By the name of the sleeve.
    """

    def __init__(self, brokers: Mapping[str, Broker]) -> None:
        self.brokers = brokers
        self._sleeve = ""  # of the last bar

    def submit(self, orders: Sequence[Order]) -> None:
        """Take orders, each to the broker of the sleeve that decided it."""
        for sleeve, broker in self.brokers.items():
            if own := [order for order in orders if bar_sleeve(order.bar) == sleeve]:
                broker.submit(own)

    def advance(self, bar: Bar) -> None:
        """Trade up to the close of a bar, at the broker of its sleeve alone."""
        self._sleeve = bar.sleeve
        self.brokers[bar.sleeve].advance(bar)

    def poll(self) -> Sequence[Update]:
        """Return the reports on the sleeve of the last bar; reports on other sleeves wait for their own bars."""
        return self.brokers[self._sleeve].poll() if self._sleeve else ()

    def open_orders(self) -> Sequence[Order]:
        """Return the orders that all brokers work on."""
        return tuple(order for broker in self.brokers.values() for order in broker.open_orders())

    def cancel(self, ids: Sequence[str]) -> None:
        """Cancel orders by id, wherever they are."""
        for broker in self.brokers.values():
            broker.cancel(ids)

    def cancel_all(self) -> None:
        """Cancel every open order at every broker."""
        for broker in self.brokers.values():
            broker.cancel_all()

    def costs(self, bar: Bar) -> np.ndarray | None:
        """Return the costs that the broker of the bar's sleeve expects; None where it estimates none."""
        return estimated(self.brokers[bar.sleeve], bar)
