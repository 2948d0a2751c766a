"""Accuracy against exact arithmetic: huge volumes, tiny prices, small moves on a high level, an outlier gone."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from alpha.core.panel import Panel
from alpha.features import Plan
from alpha.features import expr as e
from alpha.features import operators as o

X, Y = e.field("x"), e.field("y")
ROWS, WINDOW = 70, 21
RNG = np.random.default_rng(12)
NOISE = RNG.normal(size=(2, ROWS))
LEVELS = {
    "volumes": np.exp(25 + 0.5 * NOISE),
    "tiny prices": 1e-6 * np.exp(np.cumsum(0.02 * NOISE, axis=1)),
    "small moves": 1e4 + 0.01 * NOISE,
    "an outlier before": np.where(np.arange(ROWS) == 3, 1e12, 5 + NOISE),
}
"""Each has mean over deviation of at most 1e6: a double of the input itself then says 1e-10 of the deviation."""


def exact_root(value: Fraction) -> float:
    return float(np.sqrt(np.longdouble(value.numerator) / np.longdouble(value.denominator)))


class Exact:
    """Moments of a window in rational numbers."""

    def __init__(self, x, y):
        self.x, self.y = [Fraction(float(v)) for v in x], [Fraction(float(v)) for v in y]
        self.n = len(x)
        self.time = [Fraction(i) for i in range(self.n)]

    def mean(self, x):
        return sum(x) / self.n

    def moment(self, x, power):
        return sum((v - self.mean(x)) ** power for v in x)

    def comoment(self, x, y):
        return sum((a - self.mean(x)) * (b - self.mean(y)) for a, b in zip(x, y, strict=True))

    def trend(self):
        return self.comoment(self.x, self.time) / self.moment(self.time, 2)

    def resid(self):
        return self.x[-1] - self.mean(self.x) - self.trend() * (self.time[-1] - self.mean(self.time))


def corr(w, x, y):
    return float(w.comoment(x, y)) / (exact_root(w.moment(x, 2)) * exact_root(w.moment(y, 2)))


def skew(w):
    return float(w.moment(w.x, 3)) / exact_root(w.moment(w.x, 2)) ** 3 * w.n * np.sqrt(w.n - 1) / (w.n - 2)


def kurt(w):
    n, ratio = w.n, float(w.moment(w.x, 4) / w.moment(w.x, 2) ** 2)
    return (n * (n + 1) * (n - 1) * ratio - 3 * (n - 1) ** 2) / ((n - 2) * (n - 3))


MADE = {
    "sum": (o.sum(X, WINDOW), lambda w: float(sum(w.x))),
    "mean": (o.mean(X, WINDOW), lambda w: float(w.mean(w.x))),
    "var": (o.var(X, WINDOW), lambda w: float(w.moment(w.x, 2) / (w.n - 1))),
    "std": (o.std(X, WINDOW), lambda w: exact_root(w.moment(w.x, 2) / (w.n - 1))),
    "cov": (o.cov(X, Y, WINDOW), lambda w: float(w.comoment(w.x, w.y) / (w.n - 1))),
    "corr": (o.corr(X, Y, WINDOW), lambda w: corr(w, w.x, w.y)),
    "beta": (o.beta(X, Y, WINDOW), lambda w: float(w.comoment(w.x, w.y) / w.moment(w.y, 2))),
    "slope": (o.slope(X, WINDOW), lambda w: float(w.trend())),
    "resid": (o.resid(X, WINDOW), lambda w: float(w.resid())),
    "rsquare": (o.rsquare(X, WINDOW), lambda w: corr(w, w.x, w.time) ** 2),
    "skew": (o.skew(X, WINDOW), skew),
    "kurt": (o.kurt(X, WINDOW), kurt),
    "zscore": (o.zscore(X, WINDOW), lambda w: float(w.x[-1] - w.mean(w.x)) / exact_root(w.moment(w.x, 2) / (w.n - 1))),
    "wma": (o.wma(X, WINDOW), lambda w: float(sum(v * (i + 1) for i, v in enumerate(w.x)) / (w.n * (w.n + 1) // 2))),
    "partial var": (o.var(X, WINDOW, min_periods=5), lambda w: float(w.moment(w.x, 2) / (w.n - 1))),
    "partial corr": (o.corr(X, Y, WINDOW, min_periods=5), lambda w: corr(w, w.x, w.y)),
}  # fmt: skip


RATIOS = ("corr", "partial corr", "beta", "rsquare", "skew", "kurt", "zscore")
"""These pass through zero, where only an absolute accuracy makes sense."""


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("level", LEVELS)
def test_nine_digits(name, level):
    expression, reference = MADE[name]
    x, y = LEVELS[level]
    fields = {"close": np.ones((ROWS, 1)), "x": x[:, None], "y": y[:, None]}
    panel = Panel(pd.date_range("2001-01-01", periods=ROWS, tz="UTC"), ("A",), fields)
    actual = Plan({"out": expression}).batch(panel).values[:, 0, 0]
    spread = float(np.std(x[4:]))
    least = 1e-9 * {"resid": spread, "slope": spread, "cov": spread**2, **dict.fromkeys(RATIOS, 1.0)}.get(name, 0.0)
    for t in range(WINDOW + 4, ROWS):
        rows = slice(t - WINDOW + 1, t + 1)
        expected = reference(Exact(x[rows], y[rows]))
        assert actual[t] == pytest.approx(expected, rel=1e-9, abs=least), (name, t)


def test_a_running_sum_would_not_pass():
    """What this is for: the usual way, adding what comes and taking off what goes, keeps the outlier's dirt."""
    x = LEVELS["an outlier before"][0]
    running = np.cumsum(x)
    naive = (running[WINDOW:] - running[:-WINDOW]) / WINDOW
    exact = np.lib.stride_tricks.sliding_window_view(x, WINDOW)[1:].mean(axis=1)
    assert np.abs(naive[5:] / exact[5:] - 1).max() > 1e-9
