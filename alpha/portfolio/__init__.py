"""From a signal to the weights wanted: policies, limits, and what trading costs."""

from alpha.core.registry import Registry, discover

policy = Registry("policy")
limit = Registry("limit")

discover(__name__)

__all__ = ["limit", "policy"]
