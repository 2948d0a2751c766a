"""Time the rank IC of Qlib and of alphalens: ``python bench/peers/rank_ic.py FOLDER``, called by bench/validation.py.

For an environment with ``pip install pyqlib alphalens-reloaded`` and without Alpha. FOLDER holds ``in.npz`` with
`signal` and `realised`, each (days, symbols); ``out.npz`` gets the seconds of each peer, by name, and the rank IC.
Values are converted to the format of each peer before the clock starts. Where a peer is missing, the same groupby in
pandas is timed, under its own name.
"""

from __future__ import annotations

import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

REPEATS = 2


def qlib_rank_ic():
    """Return Qlib's `calc_ic` (IC and rank IC), or its rank IC in pandas, and its name."""
    try:
        from qlib.contrib.eva.alpha import calc_ic
    except ImportError:
        return (
            lambda pred, label: (None, by_pandas(pred, label))
        ), "groupby and Series.corr, as Qlib's calc_ic (rank only)"
    return calc_ic, f"Qlib {version('pyqlib')} calc_ic (IC and rank IC)"


def by_pandas(pred: pd.Series, label: pd.Series) -> pd.Series:
    """Return the rank IC as in the second half of Qlib's `calc_ic`."""
    both = pd.DataFrame({"pred": pred, "label": label})
    days = both.groupby("datetime", group_keys=False)
    return days.apply(lambda day: day["pred"].corr(day["label"], method="spearman"))


def alphalens_rank_ic():
    """Return alphalens' `factor_information_coefficient`, or the same groupby, and its name."""
    try:
        from alphalens.performance import factor_information_coefficient
    except ImportError:

        def factor_information_coefficient(data: pd.DataFrame) -> pd.DataFrame:
            days = data.groupby(data.index.get_level_values("date"))
            return days.apply(lambda day: day[["1D"]].apply(lambda x: stats.spearmanr(x, day["factor"])[0]))

        return factor_information_coefficient, "groupby and spearmanr, as alphalens does"
    return factor_information_coefficient, f"alphalens-reloaded {version('alphalens-reloaded')}"


def timed(run) -> tuple[float, object]:
    """Return the smallest seconds of a few runs, and the result of the last."""
    taken = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        result = run()
        taken.append(time.perf_counter() - start)
    return min(taken), result


def main() -> None:
    """Read, time, write."""
    warnings.simplefilter("ignore")
    folder = Path(sys.argv[1])
    given = np.load(folder / "in.npz")
    signal, realised = given["signal"], given["realised"]
    days, names = pd.bdate_range("2010-01-01", periods=len(signal)), [f"S{i}" for i in range(signal.shape[1])]
    index = pd.MultiIndex.from_product([days, names], names=["datetime", "instrument"])
    pred, label = pd.Series(signal.ravel(), index), pd.Series(realised.ravel(), index)
    data = pd.DataFrame({"1D": label, "factor": pred}).rename_axis(index={"datetime": "date", "instrument": "asset"})
    calc_ic, qlib = qlib_rank_ic()
    coefficient, alphalens = alphalens_rank_ic()
    seconds = {}
    seconds[qlib], (_, ic) = timed(lambda: calc_ic(pred, label))
    seconds["its rank IC alone"], _ = timed(lambda: by_pandas(pred, label))
    seconds[alphalens], other = timed(lambda: coefficient(data))
    assert np.allclose(ic, other["1D"])
    np.savez(folder / "out.npz", ic=ic.to_numpy(), **seconds)


if __name__ == "__main__":
    main()
