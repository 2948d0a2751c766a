"""Operators across the symbols of one row.

They compare the symbols that are tradable and finite in that row; the others get NaN, but for `cs_mean` and `cs_std`,
which every symbol gets. With `by`, each symbol is compared with those that share its label: ``by=group("sector")``,
or any expression, such as a bucket of size. A symbol without a label takes no part. None of them depends on the order
of the symbols.
"""

from __future__ import annotations

from alpha.core.errors import ConfigError
from alpha.features.expr import Expr, field, pure, tradable


def group(name: str) -> Expr:
    """Return the leaf that numbers the labels of a panel's group, such as ``sector``: for `by`, not for a model.

    NaN of a symbol without a label.
    """
    return field(f"group:{name}", unit=0.0)


def cs_rank(x: Expr, *, by: Expr | None = None) -> Expr:
    """Return the rank across symbols, centred: (rank - 0.5) / count - 0.5; equals share their mean rank.

    NaN of one that takes no part.
    """
    return _across("cs_rank", x, by)


def cs_zscore(x: Expr, *, by: Expr | None = None) -> Expr:
    """Return the distance from the mean across symbols in standard deviations (ddof 1); NaN where all are equal."""
    return _across("cs_zscore", x, by)


def cs_demean(x: Expr, *, by: Expr | None = None) -> Expr:
    """Return the distance from the mean across symbols; NaN of one that takes no part."""
    return _across("cs_demean", x, by)


def cs_mean(x: Expr, *, by: Expr | None = None) -> Expr:
    """Return the mean across symbols, the same for every symbol (of the group), whether it took part or not.

    NaN only where none takes part, or without a label.
    """
    return _across("cs_mean", x, by)


def cs_std(x: Expr, *, by: Expr | None = None) -> Expr:
    """Return the standard deviation across symbols (ddof 1), the same for every symbol; NaN where all are equal."""
    return _across("cs_std", x, by)


def cs_winsorize(x: Expr, low: float = 0.01, high: float = 0.99, *, by: Expr | None = None) -> Expr:
    """Return `x` held between its quantiles `low` and `high` across symbols, each interpolated linearly.

    NaN of one that takes no part.
    """
    if not 0 <= low < high <= 1:
        message = f"cs_winsorize needs 0 <= low < high <= 1; they were {low!r} and {high!r}"
        raise ConfigError(message, code="bad_quantile")
    return _across("cs_winsorize", x, by, float(low), float(high))


def cs_bucket(x: Expr, buckets: int = 5, *, by: Expr | None = None) -> Expr:
    """Return the quantile bucket across symbols, 0 (least) to `buckets` - 1, of equal size but for equal values.

    NaN is in no bucket.
    """
    if buckets != int(buckets) or buckets < 2:
        raise ConfigError(f"cs_bucket needs at least 2 buckets; it was {buckets!r}", code="bad_window")
    return _across("cs_bucket", x, by, float(buckets))


def cs_neutralize(x: Expr, *columns: Expr, by: Expr | None = None) -> Expr:
    """Return the residual of `x` after a least-squares fit across symbols on `columns` and a constant (one a group).

    A symbol in which any of them is missing takes no part. A column that the others explain to 1e-12 is left out.
    """
    pures = tuple(pure("cs_neutralize", column) for column in columns)
    whole = x
    for column in pures:
        whole = whole + 0 * column  # a hole in any column is a hole in x
    return _across("cs_neutralize", whole, by, columns=pures)


def _across(op: str, x: Expr, by: Expr | None, *params: float, columns: tuple[Expr, ...] = ()) -> Expr:
    """The operands are x, the mask, the label of the group if there is one (its number is the first parameter)."""
    x, labels = pure(op, x), [] if by is None else [pure(op, by)]
    for label in labels:
        x = x + 0 * label  # a symbol without a label takes no part
    return Expr(op, (x, tradable, *labels, *columns), (float(len(labels)), *params))
