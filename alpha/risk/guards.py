"""The guards: each reads an account and the view of a bar, and writes to neither.

A number that is missing is never a reason to trade: a comparison that fails on NaN is a breach.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from alpha.execution.account import Account
from alpha.portfolio.view import View
from alpha.risk import guard
from alpha.risk.permission import TRADE, Permission

Share = Annotated[float, Field(gt=0, le=1)]


@guard
def drawdown(account: Account, view: View, *, limit: Share = 0.25) -> Permission:
    """Halt where the equity is more than `limit` below its peak, as a fraction of the peak.

    After a halt that was acknowledged, the peak is counted from the equity of the halt.
    """
    peak = account.ledger.peak
    lost = 1 - view.equity / max(view.equity, peak)
    if lost <= limit:
        return TRADE
    return Permission("halt", f"equity {view.equity:.2f} is {lost:.4f} below its peak {peak:.2f}; at most {limit:g} "
                              f"is allowed", "drawdown")  # fmt: skip


@guard
def bar_loss(account: Account, view: View, *, limit: Share = 0.05) -> Permission:
    """Let positions only shrink in a bar that lost more than `limit` of the equity of the bar before."""
    before = account.ledger.last_equity
    lost = 1 - view.equity / before
    if lost <= limit:
        return TRADE
    return Permission("reduce", f"equity fell by {lost:.4f} from {before:.2f} to {view.equity:.2f} in one bar; at most "
                                f"{limit:g} is allowed", "bar_loss")  # fmt: skip


@guard
def kill_file(account: Account, view: View, *, path: Path = Path("artifacts/KILL")) -> Permission:
    """Halt while the file `path` exists."""
    return Permission("halt", f"the kill file {path} was there", "kill_file") if path.exists() else TRADE
