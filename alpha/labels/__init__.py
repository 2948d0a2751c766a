"""Labels: what a model is asked to predict, and the instant at which each outcome was known.

A label is a function ``f(panel, *, ...) -> Label`` registered with ``@label``. Labels look forward by
nature, so each one says in ``known_at`` when looking was possible, by row or by cell; everything downstream purges by
it.
"""

from alpha.core.registry import Registry

label = Registry("label", __name__)
