"""Named sets of features, for ``{set: name}`` in a configuration."""

from __future__ import annotations

from typing import Any

from alpha.features import feature_set


@feature_set
def alpha_v1() -> tuple[dict[str, Any], ...]:
    """The eight features of Alpha v1."""
    return (
        {"name": "ret", "window": 1, "as": "ret_1d"},
        {"name": "ret", "window": 5, "as": "ret_5d"},
        {"name": "ret", "window": 20, "as": "ret_20d"},
        {"name": "sma_ratio", "fast": 20, "slow": 50, "as": "sma_ratio_20_50"},
        {"name": "vol", "window": 10, "as": "vol_10d"},
        {"name": "vol", "window": 20, "as": "vol_20d"},
        {"name": "rsi", "window": 14, "as": "rsi_14"},
        {"name": "volume_z", "window": 20, "as": "volume_z_20d"},
    )
