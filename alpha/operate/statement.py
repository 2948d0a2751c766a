"""Make the daily report from a journal."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import pandas as pd

from alpha.execution import MICRO, Journal, Ledger, order_hash
from alpha.execution.events import BarMarked, BundleChosen, OrderFilled, bar_time
from alpha.report.daily import Costs, DailyReport, Decided, EquityPoint, Pnl, Position, Skip, Trade


def statement(
    journal: Journal, *, run: str, mode: str, fallback: str | None = None, other_data: str | None = None,
    traded: int | None = None,
) -> DailyReport:  # fmt: skip
    """Return the report of a whole journal, from its first bar to its last.

    Parameters
    ----------
    mode : {"paper", "shadow"}
    fallback : str, optional
        Why the fallback bundle trades instead of the selected one.
    other_data : str, optional
        How the data traded on differ from those of research.
    traded : int, optional
        Sessions that the last run added; default: all.
    """
    events, ledger = list(journal.events()), Ledger.replay(journal)
    marks = [event for event in events if isinstance(event, BarMarked)]
    start = next(event.cash for event in events if event.kind == "open") / MICRO
    curve = [(pd.Timestamp(bar_time(mark.bar)), float(mark.equity)) for mark in marks]
    seen = [pd.Timestamp(bar_time(event.bar)) for event in events if event.bar]
    positions = _positions(ledger)
    decided = [_decided(time, ledger) for time, _ in curve]
    return DailyReport(
        created=datetime.now(UTC), run=run, mode=mode, bundle=decided[-1].ref, fallback=fallback,
        other_data=other_data, bundles=_spans(decided), traded=len(marks) if traded is None else traded,
        in_sample=any(time <= pd.Timestamp(by.trained_until) for (time, _), by in zip(curve, decided, strict=True)),
        first_bar=min(seen), last_bar=max(seen), sessions=len(marks),
        equity_start=start, equity_end=ledger.last_equity, pnl=_pnl(ledger, start, curve, positions),
        costs=Costs(fees=ledger.fees / MICRO, slippage=ledger.slippage / MICRO),
        balances=_balances(ledger), positions=positions,
        trades=tuple(_trade(event) for event in events if isinstance(event, OrderFilled)),
        limits_hit=dict(Counter(limit for mark in marks for limit in mark.limits)),
        skipped=tuple(Skip(bar=bar_time(event.bar), reason=event.reason) for event in events if event.kind == "skip"),
        halted=ledger.halted or None, order_hash=order_hash(events),
        equity=tuple(EquityPoint(bar=time, equity=value) for time, value in curve),
    )  # fmt: skip


def _decided(time: pd.Timestamp, ledger: Ledger) -> BundleChosen:
    """Return the bundle that decided in a bar."""
    return next(by for by in reversed(ledger.bundles) if not by.bar or pd.Timestamp(bar_time(by.bar)) < time)


def _spans(decided: list[BundleChosen]) -> tuple[Decided, ...]:
    return tuple(Decided(ref=ref, sessions=len(list(bars))) for ref, bars in groupby(by.ref for by in decided))


def _balances(ledger: Ledger) -> dict[str, float]:
    """Return the cash of each currency; nothing where there is one."""
    balances = ledger.money.balances
    return {currency: cash / MICRO for currency, cash in balances.items()} if len(balances) > 1 else {}


def _positions(ledger: Ledger) -> tuple[Position, ...]:
    return tuple(_position(ledger, symbol, shares) for symbol, shares in sorted(ledger.positions.items()))


def _position(ledger: Ledger, symbol: str, shares: float) -> Position:
    price, unit = ledger.marks[symbol], ledger.money.unit(symbol)
    paid = sum(lot.quantity * lot.price for lot in ledger.lots[symbol]) * unit
    value = shares * price * unit
    return Position(symbol=symbol, shares=shares, price=price, value=value, weight=value / ledger.last_equity,
                    unrealised=value - paid)  # fmt: skip


def _pnl(ledger: Ledger, start: float, curve: list[tuple[Any, float]], positions: tuple[Position, ...]) -> Pnl:
    now = max(curve[-1][0], pd.Timestamp(bar_time(ledger.halted_at))) if ledger.halted_at else curve[-1][0]
    before = next((equity for time, equity in reversed(curve) if time < now), start)  # a halted bar has no mark
    return Pnl(
        total=ledger.last_equity - start,
        realised=ledger.realised / MICRO,
        unrealised=sum(position.unrealised or 0.0 for position in positions),
        day=ledger.last_equity - before,
    )


def _trade(fill: OrderFilled) -> Trade:
    return Trade(bar=bar_time(fill.bar), symbol=fill.symbol, side="buy" if fill.quantity > 0 else "sell",
                 quantity=abs(fill.quantity), price=fill.price, fee=fill.fee / MICRO)  # fmt: skip
