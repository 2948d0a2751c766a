"""From a signal to the weights wanted: policies, limits, and what trading costs."""

from alpha.core.registry import Registry

policy = Registry("policy", __name__)
limit = Registry("limit", __name__)

__all__ = ["limit", "policy"]
