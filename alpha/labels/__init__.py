"""Labels: the outcomes that a model predicts, and the instant at which each was known.

A label is a function ``f(panel, *, ...) -> Label`` registered with ``@label``. Labels look forward by
nature, so each one gives in ``known_at`` the instant at which its outcome was known, by row or by cell; everything
downstream purges by it.
"""

from alpha.core.registry import Registry

label = Registry("label", __name__)
