"""The engines: worker, environment, options and title of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MIDDLE, LARGE = 500, 10**9  # symbols
COMMON = ("numpy==2.4.6", "pandas==3.1.1", "pyarrow==26.0.1")
ENVIRONMENTS: dict[str, tuple[str, ...]] = {
    "qlib": ("pyqlib==0.9.7", "numpy==2.4.6", "pandas==3.1.1"),
    "polars": ("polars==2.1.0", "numpy==2.4.6"),
    "pandas": (*COMMON, "numexpr==2.14.2", "bottleneck==1.6.0"),
    "ta": ("ta==0.11.0", *COMMON),
    "talib": ("TA-Lib==0.8.2", "numpy==2.4.6", "pyarrow==26.0.1"),
    "ml4t": ("ml4t-engineer==0.1.0b1", "polars==2.1.0", "numba==0.68.1", "numpy==2.2.6", "pyarrow==26.0.1"),
}
"""Packages of each environment, in the newest versions for Python 3.11."""


@dataclass(frozen=True)
class Engine:
    """One row of a table.

    Parameters
    ----------
    key : str
        Its name in options and in the JSON file.
    title : str
        Its title in the table, with every tuned option.
    script : str
        The worker beside this file.
    environment : str
        Key of ``ENVIRONMENTS``; empty: Alpha's own.
    threads : int
        Threads or processes that compute.
    tolerance : float
        Largest relative difference from Alpha's values; 0: they are not compared.
    forms : tuple of str
        Timed as a whole process (cold), as computation alone (warm), or as both.
    like : str
        Another engine of the same library whose first rows of each symbol must be equal.
    processes : bool
        Whether it computes in processes of its own, so that their memory is summed.
    most : int
        Largest number of symbols: a variant that adds nothing on large panels is left out of them.
    """

    key: str
    title: str
    script: str
    environment: str = ""
    threads: int = 1
    options: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    tolerance: float = 0.0
    forms: tuple[str, ...] = ("warm", "cold")
    like: str = ""
    processes: bool = False
    most: int = LARGE


def _alpha(key: str, title: str, threads: int, **more: Any) -> Engine:
    forms = more.pop("forms", ("warm", "cold"))
    tolerance, most = more.pop("tolerance", 1e-12), more.pop("most", LARGE)
    options = {"threads": threads, **more}
    return Engine(key, f"Alpha{title}", "with_alpha.py", threads=threads, options=options, tolerance=tolerance,
                  forms=forms, most=most)  # fmt: skip


def _bound(key: str, title: str, threads: int, reuse: bool) -> Engine:
    return Engine(key, title, "with_bound.py", threads=threads, options={"threads": threads, "reuse": reuse},
                  forms=("warm",), most=LARGE if key == "bound-1" else MIDDLE)  # fmt: skip


def _polars(key: str, title: str, threads: int, form: str) -> Engine:
    return Engine(key, f"Polars{title}", "with_polars.py", "polars", threads, {"form": form},
                  {"POLARS_MAX_THREADS": str(threads)}, tolerance=1e-7)  # fmt: skip


def _qlib(kernels: int) -> Engine:
    return Engine(f"qlib-{kernels}", "Qlib", "with_qlib.py", "qlib", kernels, {"kernels": kernels}, tolerance=1e-3,
                  processes=kernels > 1)  # fmt: skip


def _bounds() -> tuple[Engine, ...]:
    return (_bound("bound-1", "write the result once", 1, True), _bound("bound-2", "write the result once", 2, True),
            _bound("bound-new-1", "the same, into new memory", 1, False),
            _bound("bound-new-2", "the same, into new memory", 2, False))  # fmt: skip


ALPHA = "alpha-2"
"""The engine to which ratios refer: the default call of `plan.batch`, with both threads."""
WORKLOADS: dict[str, tuple[Engine, ...]] = {
    "alpha158": (
        _alpha("alpha-1", "", 1), _alpha(ALPHA, "", 2),
        _alpha("alpha-2-reuse", ", into memory used before", 2, reuse=True, forms=("warm",), most=MIDDLE),
        _alpha("alpha-2-f32", ", float32", 2, dtype="float32", tolerance=1e-6),
        _alpha("alpha-2-f32-reuse", ", float32, into memory used before", 2, dtype="float32", reuse=True,
               tolerance=1e-6, forms=("warm",), most=MIDDLE),
        _alpha("alpha-2-checked", ", bars checked by alpha.data", 2, checked=True, forms=("cold",), most=MIDDLE),
        *_bounds(),
        _qlib(1), _qlib(2),
        _polars("polars-1", ", masked", 1, "masked"), _polars("polars-2", ", masked", 2, "masked"),
        _polars("polars-over", ', .over("symbol")', 2, "over"),
        Engine("pandas", "pandas, wide frames", "with_pandas.py", "pandas", 2, tolerance=1e-7),
    ),
    "family": (
        _alpha("alpha-1", "", 1), _alpha(ALPHA, "", 2),
        _alpha("alpha-1-reuse", ", into memory used before", 1, reuse=True, forms=("warm",), most=MIDDLE),
        _alpha("alpha-2-reuse", ", into memory used before", 2, reuse=True, forms=("warm",), most=MIDDLE),
        *_bounds(),
        Engine("talib", "TA-Lib", "with_talib.py", "talib", tolerance=1e-7),
        Engine("ml4t", "ml4t-engineer, symbol by symbol", "with_ml4t.py", "ml4t", options={"form": "symbols"},
               tolerance=1e-7),
        Engine("ml4t-panel", "ml4t-engineer, a panel at once", "with_ml4t.py", "ml4t", 2, {"form": "panel"},
               tolerance=1e-7, like="ml4t"),
        Engine("ta", "ta", "with_ta.py", "ta", tolerance=1e-7),
    ),
}  # fmt: skip
SETTLED = {"alpha158": 61, "family": 400}
"""The row from which values are compared: windows are full, and exponential averages have settled."""
