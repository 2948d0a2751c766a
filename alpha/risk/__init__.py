"""Guards: checks of an account, made before each decision, that let it trade, only shrink its positions, or halt.

`alpha.strategy.step` asks them; nothing below it does.
"""

from alpha.core.registry import Registry

guard = Registry("guard", __name__)

from alpha.risk.permission import TRADE, Permission  # noqa: E402

__all__ = ["TRADE", "Permission", "guard"]
