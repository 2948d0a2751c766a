"""Named sets of features, for ``{set: name}`` in a configuration."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from alpha.features import feature_set
from alpha.features.library.alpha101 import PLAIN, SECTOR


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


@feature_set
def technical() -> tuple[dict[str, Any], ...]:
    """Every classic indicator in every part, with its author's windows."""
    return tuple({"name": name, **({"part": part} if part else {})}
                 for name, parts in _TECHNICAL.items() for part in parts)  # fmt: skip


@feature_set
def alpha101(*, vwap: bool = False) -> tuple[dict[str, Any], ...]:
    """The formulas of Kakushadze (2016) that bars allow; with `vwap`, of the field ``vwap`` too."""
    return _numbered(PLAIN, vwap)


@feature_set
def alpha101_sector(*, vwap: bool = False) -> tuple[dict[str, Any], ...]:
    """The formulas of Kakushadze (2016) that are neutral to the sector: for panels with the group ``sector``."""
    return _numbered(SECTOR, vwap)


@feature_set
def price_risk() -> tuple[dict[str, Any], ...]:
    """Momentum, reversal, volatility and what returns share with the market, over the windows of their authors."""
    return (
        {"name": "momentum"}, {"name": "momentum", "window": 126}, {"name": "risk_adjusted_momentum"},
        {"name": "reversal"}, {"name": "reversal", "window": 21}, *({"name": name} for name in _PRICE_RISK),
    )  # fmt: skip


@feature_set
def liquidity(*, shares_outstanding: bool = False) -> tuple[dict[str, Any], ...]:
    """Costs of trading and volume, from bars; with `shares_outstanding`, the turnover from the field of that name."""
    return tuple({"name": name} for name in (*_LIQUIDITY, *(("turnover",) if shares_outstanding else ())))


def _numbered(numbers: Iterable[int], vwap: bool) -> tuple[dict[str, Any], ...]:
    return tuple({"name": "alpha101", "number": number, "vwap": vwap, "as": f"alpha{number:03}"} for number in numbers)


_LINES = ("line", "signal", "histogram")
_CHANNEL = ("position", "width", "lower", "middle", "upper")
_WHOLE = ("",)
_TECHNICAL: dict[str, tuple[str, ...]] = {
    "macd": _LINES, "ppo": _LINES, "pvo": _LINES, "kst": _LINES,
    "keltner": _CHANNEL, "keltner_original": _CHANNEL, "donchian": _CHANNEL,
    "directional": ("plus", "minus"), "aroon": ("up", "down", "oscillator"), "vortex": ("plus", "minus", "difference"),
    "ichimoku": ("conversion", "base", "span_a", "span_b"), "stochastic_rsi": ("raw", "k", "d"),
    **dict.fromkeys((
        "rsi", "stochastic_k", "stochastic_d", "williams_r", "cci", "tsi", "ultimate_oscillator", "awesome_oscillator",
        "kama_distance", "bollinger_b", "bollinger_width", "adx", "trix", "mass_index", "detrended_price",
        "schaff_trend_cycle", "parabolic_sar", "atr", "ulcer_index", "money_flow", "money_flow_index",
        "on_balance_volume", "volume_price_trend", "negative_volume_index", "force_index", "ease_of_movement",
        "vwap_distance",
    ), _WHOLE),
}  # fmt: skip
_PRICE_RISK = (
    "high_nearness", "drawdown", "max_return", "tail_return", "overnight_mean", "intraday_mean", "tug_of_war", "vol",
    "downside_vol", "parkinson", "garman_klass", "rogers_satchell", "yang_zhang", "beta", "downside_beta",
    "market_correlation", "idiosyncratic_vol", "coskewness", "return_skew", "return_kurtosis", "fractional_difference",
)  # fmt: skip
_LIQUIDITY = (
    "amihud", "illiquidity_ratio", "roll_spread", "corwin_schultz", "kyle_lambda", "pastor_stambaugh",
    "zero_return_share", "log_dollar_volume", "dollar_volume_ratio", "volume_ratio", "volume_shock",
)  # fmt: skip
