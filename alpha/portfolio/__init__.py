"""From a signal to the weights wanted: policies, overlays, limits, risk models and trading costs.

A policy turns a `View` into weights, overlays change them, limits hold them within bounds. A risk model estimates
covariances bar by bar. Only `alpha.strategy`, which trades, and the layers above it use this package.
"""

from alpha.core.registry import Registry

policy = Registry("policy", "alpha.portfolio.policies")
overlay = Registry("overlay", __name__)
limit = Registry("limit", __name__)
risk_model = Registry("risk_model", "alpha.portfolio.risk_models")

from alpha.portfolio.view import Risk, View, needs_risk  # noqa: E402

__all__ = ["Risk", "View", "limit", "needs_risk", "overlay", "policy", "risk_model"]
