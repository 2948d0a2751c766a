"""Features of trades and quotes: small machines that read events one by one, in a batch or in a stream.

A feature is a function that returns a `TickMachine`; its keyword arguments are its configuration. Its value at an
event depends on the events up to it, and is the same in every bit however the events are cut into pieces::

    events = Events.of(trades, quotes, opens=opens, closes=closes)
    spread = tick_feature.bind("effective_spread")().push(events)

Events of one symbol, in the order of time. Sessions begin with an OPEN, which forgets quotes and prices; an interval
ends with a CLOSE, at which `at_closes` reads the value of the interval.
"""

from __future__ import annotations

from alpha.features.ticks.events import Events
from alpha.features.ticks.machine import Builder, TickMachine, bar_builder, tick_feature
from alpha.features.ticks.tables import at_closes

__all__ = ["Builder", "Events", "TickMachine", "at_closes", "bar_builder", "tick_feature"]
