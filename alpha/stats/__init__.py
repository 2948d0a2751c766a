"""Statistics: numbers in, numbers out. They know neither data nor experiment, and record nothing.

Rows are periods in time order; fractions, not percent. Anything above may use this package; it uses `alpha.core` alone.
"""

from alpha.core.lazy import lazy

_PUBLIC = {
    "alpha.stats.bootstrap": ("block_rows", "bootstrap_interval", "optimal_block", "scorecard_intervals"),
    "alpha.stats.decay": ("ic_by_regime", "ic_by_sector", "ic_by_year", "ic_decay"),
    "alpha.stats.drift": ("population_stability_index",),
    "alpha.stats.multiple": ("benjamini_hochberg", "holm", "reality_check", "superior_predictive_ability"),
    "alpha.stats.overfit": (
        "cscv", "deflated_sharpe_ratio", "expected_max_sharpe", "min_backtest_length",
        "probability_of_backtest_overfitting",
    ),
    "alpha.stats.quantiles": ("monotonic_relation", "quantile_spread"),
    "alpha.stats.risk_tests": (
        "basel_traffic_light", "christoffersen", "christoffersen_independence", "kupiec_pof",
    ),
    "alpha.stats.sharpe": ("min_track_record_length", "probabilistic_sharpe_ratio", "sharpe_difference"),
    "alpha.stats.significance": ("diebold_mariano", "mean_interval", "newey_west_t", "rolling_interval"),
}  # fmt: skip

__getattr__, __dir__ = lazy(__name__, _PUBLIC)
__all__ = sorted(name for names in _PUBLIC.values() for name in names)
