"""Features of any field joined to the bars: measures of ticks, a macro series, the column of a table.

The field is named by configuration: ``{name: field_z, field: vpin, window: 60}``. A row without it counts as
missing; `min_periods` is the least number of known rows (default: all of the window's). A field that is a price
leaves a plan only where a feature makes it a pure number, as `field_z` and `field_rank` do.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveInt

from alpha.features import feature
from alpha.features.expr import Expr
from alpha.features.expr import field as leaf
from alpha.features.operators import delta, mean, rank, zscore

Least = Annotated[int, Field(ge=2)]


@feature
def field_level(
    *, field: str = "effective_spread", window: PositiveInt = 1, min_periods: PositiveInt | None = None
) -> Expr:
    """Mean of a field over `window` rows. In the field's own unit."""
    return mean(leaf(field), window, min_periods=min_periods)


@feature
def field_change(*, field: str = "effective_spread", window: PositiveInt = 5) -> Expr:
    """A field less what it was `window` rows ago. In its own unit."""
    return delta(leaf(field), window)


@feature
def field_z(*, field: str = "effective_spread", window: Least = 60, min_periods: Least | None = None) -> Expr:
    """A field less its mean of `window` rows, in standard deviations (ddof 1)."""
    return zscore(leaf(field), window, min_periods=min_periods)


@feature
def field_rank(
    *, field: str = "effective_spread", window: PositiveInt = 60, min_periods: PositiveInt | None = None
) -> Expr:
    """Rank of a field among its values of `window` rows. In (0, 1]."""
    return rank(leaf(field), window, min_periods=min_periods)
