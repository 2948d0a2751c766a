"""Honest evaluation: splits that cannot leak, predictions out of sample, and what they were worth.

`score` is the one way to a scorecard, and it records a trial. The statistics take any numbers and record nothing, since
they know neither data nor experiment: whoever chooses by one of them scores what was tried.
"""

from alpha.core.registry import Registry, discover

splitter = Registry("splitter")
baseline = Registry("baseline")
discover(__name__)

from alpha.validation.bootstrap import block_rows, bootstrap_interval, optimal_block, scorecard_intervals  # noqa: E402
from alpha.validation.crossfit import backtest_paths, cross_fit, cross_fit_paths, fit, predict  # noqa: E402
from alpha.validation.decay import ic_by_regime, ic_by_sector, ic_by_year, ic_decay  # noqa: E402
from alpha.validation.detail import detailed  # noqa: E402
from alpha.validation.drift import population_stability_index  # noqa: E402
from alpha.validation.multiple import (  # noqa: E402
    benjamini_hochberg,
    holm,
    reality_check,
    superior_predictive_ability,
)
from alpha.validation.overfit import (  # noqa: E402
    cscv,
    deflated_sharpe_ratio,
    expected_max_sharpe,
    min_backtest_length,
    probability_of_backtest_overfitting,
)
from alpha.validation.quantiles import monotonic_relation, quantile_spread  # noqa: E402
from alpha.validation.risk_tests import (  # noqa: E402
    basel_traffic_light,
    christoffersen,
    christoffersen_independence,
    kupiec_pof,
)
from alpha.validation.scorecard import score  # noqa: E402
from alpha.validation.sharpe import (  # noqa: E402
    min_track_record_length,
    probabilistic_sharpe_ratio,
    sharpe_difference,
)
from alpha.validation.significance import (  # noqa: E402
    diebold_mariano,
    mean_interval,
    newey_west_t,
    rolling_interval,
)
from alpha.validation.trials import Trials  # noqa: E402

__all__ = [
    "Trials",
    "backtest_paths",
    "basel_traffic_light",
    "baseline",
    "benjamini_hochberg",
    "block_rows",
    "bootstrap_interval",
    "christoffersen",
    "christoffersen_independence",
    "cross_fit",
    "cross_fit_paths",
    "cscv",
    "deflated_sharpe_ratio",
    "detailed",
    "diebold_mariano",
    "expected_max_sharpe",
    "fit",
    "holm",
    "ic_by_regime",
    "ic_by_sector",
    "ic_by_year",
    "ic_decay",
    "kupiec_pof",
    "mean_interval",
    "min_backtest_length",
    "min_track_record_length",
    "monotonic_relation",
    "newey_west_t",
    "optimal_block",
    "population_stability_index",
    "predict",
    "probabilistic_sharpe_ratio",
    "probability_of_backtest_overfitting",
    "quantile_spread",
    "reality_check",
    "rolling_interval",
    "score",
    "scorecard_intervals",
    "sharpe_difference",
    "splitter",
    "superior_predictive_ability",
]
