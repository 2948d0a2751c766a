"""Baselines: signals without a fitted model. Each has shape (T, N), is known at its row, and is NaN without an opinion.

A baseline marked with `holds` names the policy that turns it into weights; the others use the configured one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
from pydantic import NonNegativeInt, PositiveInt

from alpha.core.panel import Panel
from alpha.validation import baseline


def holds(policy: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Mark a baseline with the policy that trades it (attribute `policy`)."""

    def mark(make: Callable[..., Any]) -> Callable[..., Any]:
        vars(make)["policy"] = policy
        return make

    return mark


@baseline
@holds("long_only")
def always_long(panel: Panel) -> np.ndarray:
    """Hold every tradable name with equal weight."""
    return np.where(panel.tradable, 1.0, np.nan)


@baseline
def momentum(panel: Panel, *, window: PositiveInt = 252, skip: NonNegativeInt = 21) -> np.ndarray:
    """Return over the last `window` bars without the last `skip` (Jegadeesh and Titman, 1993)."""
    signal = np.full(panel.tradable.shape, np.nan)
    close, rows = panel["close"], len(panel)
    if rows > window > skip:
        signal[window:] = close[window - skip : rows - skip] / close[: rows - window] - 1
    return np.where(panel.tradable, signal, np.nan)


@baseline
def random(panel: Panel, *, seed: NonNegativeInt = 0) -> np.ndarray:
    """Random numbers, uniform on [-0.5, 0.5); each depends only on the seed, the time and the symbol.

    Adding rows, dropping symbols or reordering symbols changes no value.
    """
    symbols = np.array([_seed(seed, symbol) for symbol in panel.symbols], np.uint64)
    times = panel.times.as_unit("ns").asi8.astype(np.uint64)
    drawn = _mixed(_mixed(times)[:, None] ^ symbols) >> np.uint64(11)
    return np.where(panel.tradable, drawn * 2.0**-53 - 0.5, np.nan)


def _seed(seed: int, symbol: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}:{symbol}".encode()).digest()[:8], "little")


def _mixed(x: np.ndarray) -> np.ndarray:
    """Hash 64-bit integers (splitmix64; Steele, Lea and Flood, 2014); the overflow is intended."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
