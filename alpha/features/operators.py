"""Operators that look along time (past rows only) or across the symbols of one row.

Windows hold the current row and the `window` - 1 rows before it. A NaN anywhere in a window makes its value NaN
until it has left; windows are full, so the first `window` - 1 rows are NaN. The result depends on the content of the
window alone: no drift, and it does not matter where the data starts.

Cross-sectional operators (``cs_*``) compare the symbols that are tradable and finite in that row; the others
get NaN, but for `cs_mean`, which every symbol gets.
"""

from __future__ import annotations

import builtins
from math import ceil, log, log1p
from typing import Literal

from alpha.core.errors import ConfigError
from alpha.features.expr import Expr, pure, tradable

FADED = 1e-12  # relative weight at which the start of a recursive average counts as forgotten


def lag(x: Expr, rows: int) -> Expr:
    """Return the value `rows` rows ago."""
    if not isinstance(rows, int) or isinstance(rows, bool):
        raise ConfigError(f"lag takes a whole number of rows; it was {rows!r}", code="bad_window")
    if rows < 0:
        raise ConfigError(
            f"lag({x!r}, {rows}) would read {-rows} rows ahead; rows must be 0 or more", code="looks_ahead"
        )
    return x if rows == 0 or x.op == "const" else Expr("lag", (x,), (rows,), unit=x.unit, past=rows)


def delta(x: Expr, rows: int = 1) -> Expr:
    """Return the change over `rows` rows."""
    return x - lag(x, rows)


def sum(x: Expr, window: int) -> Expr:
    """Return the sum over a window."""
    return _window("sum", (x,), window, unit=x.unit)


def mean(x: Expr, window: int) -> Expr:
    """Return the mean over a window; of a constant window, exactly the constant."""
    return _window("mean", (x,), window, unit=x.unit)


def var(x: Expr, window: int, *, ddof: int = 1) -> Expr:
    """Return the variance over a window; of a constant window, exactly zero (Chan, Golub and LeVeque, 1979)."""
    return cov(x, x, window, ddof=ddof)


def std(x: Expr, window: int, *, ddof: int = 1) -> Expr:
    """Return the standard deviation over a window; of a constant window, exactly zero."""
    return _window("std", (x,), window, ddof, unit=x.unit, least=1 + ddof)


def cov(x: Expr, y: Expr, window: int, *, ddof: int = 1) -> Expr:
    """Return the covariance over a window. Its unit is the sum of the two."""
    return _window("cov", (x, y), window, ddof, unit=(x.unit or 0.0) + (y.unit or 0.0), least=1 + ddof)


def corr(x: Expr, y: Expr, window: int) -> Expr:
    """Return Pearson's correlation over a window; NaN where either side is constant."""
    return _window("corr", (x, y), window, least=2)


def slope(x: Expr, window: int) -> Expr:
    """Return the slope, a row, of the least-squares line through a window."""
    return _window("slope", (x,), window, unit=x.unit, least=2)


def resid(x: Expr, window: int) -> Expr:
    """Return the distance of the current value from the least-squares line through its window."""
    return _window("resid", (x,), window, unit=x.unit, least=2)


def rsquare(x: Expr, window: int) -> Expr:
    """Return the R-squared of the least-squares line through a window; NaN where it is constant."""
    return _window("rsquare", (x,), window, least=2)


def min(x: Expr, window: int) -> Expr:
    """Return the least value of a window."""
    return _window("min", (x,), window, unit=x.unit)


def max(x: Expr, window: int) -> Expr:
    """Return the greatest value of a window."""
    return _window("max", (x,), window, unit=x.unit)


def argmin(x: Expr, window: int) -> Expr:
    """Return how many rows ago the least value of a window was; of equals, the earliest counts."""
    return _window("argmin", (x,), window)


def argmax(x: Expr, window: int) -> Expr:
    """Return how many rows ago the greatest value of a window was; of equals, the earliest counts."""
    return _window("argmax", (x,), window)


def rank(x: Expr, window: int) -> Expr:
    """Return the rank of the current value in its window, as a fraction in (0, 1]; equals share their mean rank."""
    return _window("rank", (x,), window)


def quantile(x: Expr, window: int, q: float) -> Expr:
    """Return the quantile `q` in [0, 1] of a window, interpolated linearly."""
    if not 0 <= q <= 1:
        raise ConfigError(f"quantile needs q in [0, 1]; it was {q!r}", code="bad_quantile")
    return _window("quantile", (x,), window, float(q), unit=x.unit)


def ema(x: Expr, span: int) -> Expr:
    """Return the exponential moving average with weight 2 / (span + 1).

    It starts at the first finite value, is NaN until it has seen `span` of them, and carries its state over a NaN,
    giving NaN there: ``x.ewm(span=span, adjust=False, min_periods=span).mean()`` of pandas where there are no holes.
    Its memory is counted in finite values.
    """
    return _fading("ema", x, span, 2 / (span + 1), "first")


def wilder(x: Expr, window: int, *, seed: Literal["first", "mean"] = "first") -> Expr:
    """Return Wilder's moving average, with weight 1 / window (Wilder, 1978).

    Parameters
    ----------
    seed : "first" or "mean"
        Start at the first finite value, as `ta` does for the RSI, or at the mean of the first
        `window` of them, as Wilder and `ta` do for the ATR. Otherwise as `ema`.
    """
    return _fading("wilder", x, window, 1 / window if window else 0.0, seed)


def cs_rank(x: Expr) -> Expr:
    """Return the rank across symbols, centred: (rank - 0.5) / count - 0.5; equals share their mean rank."""
    return _across("cs_rank", x)


def cs_zscore(x: Expr) -> Expr:
    """Return the distance from the mean across symbols in standard deviations (ddof 1); NaN where all are equal."""
    return _across("cs_zscore", x)


def cs_demean(x: Expr) -> Expr:
    """Return the distance from the mean across symbols."""
    return _across("cs_demean", x)


def cs_mean(x: Expr) -> Expr:
    """Return the mean across symbols, the same for every symbol, whether it took part or not."""
    return _across("cs_mean", x)


def _window(
    op: str, args: tuple[Expr, ...], window: int, *params: float, unit: float | None = 0.0, least: int = 1
) -> Expr:
    if window != int(window) or window < least:
        raise ConfigError(f"{op} needs a whole window of at least {least} rows; it was {window!r}", code="bad_window")
    return Expr(op, args, (int(window), *params), unit=unit, past=int(window) - 1)


def _fading(op: str, x: Expr, window: int, alpha: float, seed: str) -> Expr:
    if window != int(window) or window < 1:
        raise ConfigError(f"{op} needs a whole window of at least 1 row; it was {window!r}", code="bad_window")
    faded = ceil(log(FADED) / log1p(-alpha)) if alpha < 1 else 0
    past = window - 1 + faded if seed == "mean" else builtins.max(window - 1, faded)
    return Expr(op, (x,), (int(window), alpha, seed), unit=x.unit, past=past, fades=True)


def _across(op: str, x: Expr) -> Expr:
    return Expr(op, (pure(op, x), tradable))
