"""Guards: checks of an account, made before each decision, that let it trade, only shrink its positions, or halt.

`alpha.strategy.step` asks them; nothing below it does.
"""

from alpha.core.registry import Registry, discover

guard = Registry("guard")

from alpha.risk.permission import TRADE, Permission  # noqa: E402

discover(__name__)

__all__ = ["TRADE", "Permission", "guard"]
