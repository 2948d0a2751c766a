"""The view that a policy, an overlay, a limit or a guard reads: the account and the market at a close."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from alpha.core.errors import ConfigError
from alpha.core.panel import Bar


@dataclass(frozen=True, eq=False)
class Risk:
    """An estimate of the covariance of the next returns, known at the close of the bar it was made in.

    Parameters
    ----------
    cov : array of shape (N, N)
        Covariance of the returns of one bar; times the bars in a year it is annual. Symmetric, positive semi-definite.
    beta : array of shape (N,)
        Slope on the return of the market: the equally weighted tradable names, whose betas average 1.
    vol : array of shape (N,)
        Standard deviation of the return of one bar, a fraction: the root of the diagonal of `cov`.
    adv : array of shape (N,)
        Average traded value of a bar at a multiplier of 1, in the instrument's currency; NaN where there is no volume.
    """

    cov: np.ndarray
    beta: np.ndarray
    vol: np.ndarray
    adv: np.ndarray


@dataclass(frozen=True, eq=False)
class View:
    """The account and the market at the close of a bar. Arrays of shape (N,) are in the order of the symbols.

    Parameters
    ----------
    bar : Bar
        The bar that has closed.
    outputs : mapping of str to array of shape (N,)
        The columns of the model's prediction; ``signal`` is always there. NaN: no opinion.
    held : array of shape (N,)
        Weights held, fractions of equity; a name without a price is valued at the last one known.
    stuck : bool array of shape (N,)
        Held, and without a price in this bar: it cannot be traded now.
    equity : float
        Cash plus positions, in the account's currency.
    risk : Risk, optional
        None where no risk model is configured.
    costs : array of shape (N,), optional
        Expected cost of trading, a fraction of the value traded; None where the broker estimates none.
    groups : mapping of str to tuple of str, length N
        Labels of the symbols, such as sector.
    """

    bar: Bar
    outputs: Mapping[str, np.ndarray]
    held: np.ndarray
    stuck: np.ndarray
    equity: float
    risk: Risk | None = None
    costs: np.ndarray | None = None
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, share: float) -> View:
        """Return the view of a sleeve: its equity is a share of the account's, its weights are fractions of that."""
        return self if share == 1.0 else replace(self, held=self.held / share, equity=self.equity * share)

    @property
    def signal(self) -> np.ndarray:
        """The prediction that is traded, shape (N,)."""
        return self.outputs["signal"]

    def required_risk(self) -> Risk:
        """Return the risk.

        Raises
        ------
        ConfigError
            ``no_risk_model``: none is configured.
        """
        if self.risk is None:
            raise ConfigError("the policy, overlay, limit or guard reads covariances and no risk model is configured; "
                              "set risk_model, such as {name: exponential}", code="no_risk_model")  # fmt: skip
        return self.risk


def needs_risk(make: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a plugin that reads `View.risk`: a configuration without a risk model refuses it."""
    vars(make)["needs_risk"] = True
    return make
