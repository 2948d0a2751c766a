"""Views of an invented account, for the tests of policies, overlays, limits and guards."""

from __future__ import annotations

import numpy as np
import pandas as pd

from alpha.core.errors import RiskBreach
from alpha.core.panel import Bar
from alpha.portfolio import Risk, View
from alpha.portfolio.target import target

TIME = pd.Timestamp("2020-01-02 21:00", tz="UTC")


def view(signal, held=None, *, stuck=(), equity=1e6, risk=None, **more):
    """Return a view of names ``S000``, ``S001``, ...; `stuck` are the numbers of those held without a price."""
    signal = np.array(signal, float)
    held = np.zeros(len(signal)) if held is None else np.array(held, float)
    without = np.isin(np.arange(len(signal)), stuck)
    symbols = tuple(f"S{i:03d}" for i in range(len(signal)))
    bar = Bar(TIME, symbols, {"close": np.where(without, np.nan, 50.0)}, ~without)
    return View(bar, {"signal": signal}, held, without, equity, risk, np.full(len(signal), 6e-4), {})


def risk(names, seed=0):
    """Return the risk of names with a common factor."""
    rng = np.random.default_rng(seed)
    beta, own = rng.uniform(0.5, 1.5, names), rng.uniform(0.01, 0.03, names)
    cov = 1e-4 * np.outer(beta, beta) + np.diag(own**2)
    return Risk(cov, beta / max(beta.sum(), 1e-9) * names, np.sqrt(np.diagonal(cov)), np.full(names, 1e7))


def permuted(seen, order):
    """Return the view with its names in another order."""
    some = None
    if seen.risk is not None:
        some = Risk(seen.risk.cov[np.ix_(order, order)], seen.risk.beta[order], seen.risk.vol[order],
                    seen.risk.adv[order])  # fmt: skip
    return view(seen.signal[order], seen.held[order], stuck=np.flatnonzero(seen.stuck[order]), equity=seen.equity,
                risk=some)  # fmt: skip


def frozen(seen):
    """Return the view with arrays that cannot be written to."""
    for array in (seen.signal, seen.held, seen.stuck, seen.costs, *seen.bar.fields.values()):
        array.flags.writeable = False
    return seen


def decided(seen, policy, overlays, limits):
    """Return the target of a view, or None where the weights are none that could be traded."""
    try:
        return target(seen, policy, overlays, limits)
    except RiskBreach as breach:
        if breach.code != "bad_weights":
            raise
        return None
