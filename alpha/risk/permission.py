"""The answer of a guard."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Permission(NamedTuple):
    """Permission of an account to trade after a bar.

    Parameters
    ----------
    action : str
        ``trade``; ``reduce``: each position may shrink, and none may grow or change its side; ``halt``: open orders
        are cancelled, and a person must acknowledge before anything is traded.
    reason : str
        Why, with the numbers compared; empty for ``trade``.
    code : str
        A stable identifier of the reason in lower_snake_case: that of the `RiskBreach` a halt raises.
    """

    action: Literal["trade", "reduce", "halt"]
    reason: str = ""
    code: str = ""


TRADE = Permission("trade")
