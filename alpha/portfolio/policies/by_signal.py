"""Policies that hold names by their signals. Weights are fractions of equity, shape (N,)."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field, PositiveFloat

from alpha.portfolio import policy
from alpha.portfolio.view import View

Rate = Annotated[float, Field(gt=0, le=1)]


@policy
def long_short(
    view: View,
    *,
    quantile: Annotated[float, Field(gt=0, le=0.5)] = 0.2,
    gross: PositiveFloat = 1.0,
    rate: Rate = 1.0,
) -> np.ndarray:
    """Hold the names with the highest signals long and those with the lowest short, equally weighted.

    Each side is half of `gross`, so the book is neutral to the market; a tail has at least one name. Ties share
    their average rank: names that tie across the edge of a tail are all in it or all out. Where the signal does
    not separate two tails, nothing is held. Jegadeesh & Titman (1993) form their portfolios so.

    Parameters
    ----------
    view : View
        Reads the signal (NaN: no opinion, and nothing held) and the weights held.
    quantile : float
        Fraction of the names in each tail.
    gross : float
        Sum of the absolute weights.
    rate : float
        Part of the way from the present book to the new one that is traded in one bar (Garleanu & Pedersen, 2013).
    """
    rank, count = _ranks(view.signal)
    tail = max(1, int(quantile * count + 1e-9))
    long, short = rank > count - tail, rank < tail + 1
    if not (long.any() and short.any()):
        return _toward(np.zeros_like(view.held), view, rate)
    return _toward((long / long.sum() - short / short.sum()) * (gross / 2), view, rate)


@policy
def long_only(
    view: View,
    *,
    quantile: Annotated[float, Field(gt=0, le=1)] = 1.0,
    gross: PositiveFloat = 1.0,
    rate: Rate = 1.0,
) -> np.ndarray:
    """Hold the names with the highest signals, equally weighted; all that have one at a quantile of 1.

    Parameters are those of `long_short`.
    """
    rank, count = _ranks(view.signal)
    long = rank > count - max(1, int(quantile * count + 1e-9))
    return _toward(long * (gross / max(1, long.sum())), view, rate)


@policy
def signal_weighted(view: View, *, gross: PositiveFloat = 1.0, rate: Rate = 1.0) -> np.ndarray:
    """Hold each name in proportion to its signal less the mean signal: neutral to the market.

    Parameters are those of `long_short`. Where all signals are equal, nothing is held.
    """
    signal = view.signal
    known = np.isfinite(signal)
    centred = np.where(known, signal - (signal[known].mean() if known.any() else 0.0), 0.0)
    total = np.abs(centred).sum()
    flat = total <= 1e-12 * np.abs(signal[known]).sum()
    return _toward(np.zeros_like(view.held) if flat else centred * (gross / total), view, rate)


def _ranks(signal: np.ndarray) -> tuple[np.ndarray, int]:
    """Return average ranks from 1 of the finite signals, NaN elsewhere, and how many there are."""
    known = np.isfinite(signal)
    given = signal[known]
    ordered = np.sort(given)
    rank = np.full(len(signal), np.nan)
    rank[known] = (ordered.searchsorted(given) + ordered.searchsorted(given, "right") + 1) / 2
    return rank, len(given)


def _toward(new: np.ndarray, view: View, rate: float) -> np.ndarray:
    """Go part of the way from the present book to the new one; a name without a signal is sold at once."""
    held = view.held
    return np.where(np.isfinite(view.signal), held + rate * (new - held) if rate < 1 else new, 0.0)
