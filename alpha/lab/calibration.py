"""Calibration: how often the whole pipeline blesses noise, and how often an edge, in simulated markets."""

from __future__ import annotations

import json
import math
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alpha.config import Config, load
from alpha.core import executor
from alpha.core.identity import code_id
from alpha.operate.opening import examined
from alpha.stats import scorecard_intervals
from alpha.study import Study, Track, research
from alpha.validation import Trials

METRICS = ("ic", "ic_t", "ic_low", "ic_high", "ic_low_corrected", "hit_rate", "sharpe", "net_return_annual", "turnover",
           "trials", "trials_effective", "deflated_sharpe", "pbo", "spa_p", "holdout_ic", "holdout_ic_low")  # fmt: skip
HELD = ("ic", "ic_newey_west", "icir", "net_return_annual", "sharpe")  # their true value is known, at least in noise
HARDEST = "hit_rate"  # 0.52 takes an IC of about 0.06, whatever the number of names: 1/2 + asin(IC) / pi


@dataclass(frozen=True)
class Market:
    """One simulated market: its planted IC (0: none) and its seed."""

    ic: float
    seed: int


@dataclass(frozen=True)
class Experiment:
    """The configuration that is calibrated, as files and overrides."""

    path: str
    overlays: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()

    def config(self, world: Market, folder: Path) -> Config:
        """Return the configuration of one world, with all its files, also the trials, in a folder of its own."""
        paths = {name: str(folder / name) for name in ("artifacts", "reports", "trials", "looks")}
        own = [f"source.ic={world.ic}", f"source.seed={world.seed}", f"paths={json.dumps(paths)}"]
        return load(self.path, self.overlays, [*self.overrides, *own])


def worlds(null: int, planted: int, edges: Iterable[float]) -> list[Market]:
    """Return the worlds to try, with and without an edge in turn, so that a partial run covers both."""
    kinds = [(0.0, null), *((edge, planted) for edge in edges)]
    return [Market(ic, 1000 + seed) for seed in range(max(count for _, count in kinds)) for ic, count in kinds
            if seed < count]  # fmt: skip


def calibrate(pipeline: Experiment, wanted: Iterable[Market], path: Path, jobs: int, track: Track) -> pd.DataFrame:
    """Run the pipeline in every wanted world that is not yet in the file; return the results of all wanted worlds.

    Parameters
    ----------
    path : Path
        JSON lines, one for each world, added as worlds finish: an interrupted calibration resumes there.
    jobs : int
        Processes.
    """
    wanted = list(wanted)
    done = {(line["ic"], line["seed"]) for line in _read(path, pipeline)}
    left = [world for world in wanted if (world.ic, world.seed) not in done]
    path.parent.mkdir(parents=True, exist_ok=True)
    results = executor.run(_tried, [(pipeline, world) for world in left], jobs=jobs, in_order=False)
    for result in track(results, f"{len(wanted)} worlds, {len(done)} known"):
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(result) + "\n")
    asked = {(world.ic, world.seed) for world in wanted}
    found = [line for line in _read(path, pipeline) if (line["ic"], line["seed"]) in asked]
    return pd.json_normalize(found, max_level=1)


def _read(path: Path, pipeline: Experiment) -> list[dict[str, Any]]:
    """Return the results of this pipeline and code; lines of other versions stay in the file and do not count."""
    if not path.exists():
        return []
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    present = (_name(pipeline), code_id())
    return [line for line in lines if (line["pipeline"], line["code"]) == present]


def _name(pipeline: Experiment) -> str:
    with tempfile.TemporaryDirectory() as folder:
        return pipeline.config(Market(0.0, 0), Path(folder)).id


def _tried(pipeline: Experiment, world: Market) -> dict[str, Any]:
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        cfg = pipeline.config(world, Path(folder))
        found = research(cfg)
        best = examined(found, found.best, "calibration") if cfg.holdout else found.best
        metrics = best.scorecard.metrics
        return {
            **asdict(world),
            "pipeline": _name(pipeline),
            "code": code_id(),
            "blessed": best.passed,
            "model": best.bundle.name,
            "gates": {gate.gate: bool(gate.passed) for gate in best.gates},
            "metrics": {name: _plain(metrics[name]) for name in METRICS if name in metrics},
            "first": _first(found),
            "seconds": round(time.perf_counter() - started, 2),
        }


def _first(found: Study) -> dict[str, float | None]:
    """Return the metrics of the first trial with their intervals, which no selection has biased yet."""
    cfg = found.config
    trials = Trials(cfg.paths.trials)
    record = trials.read()[0]
    series = trials.series(record)
    table = scorecard_intervals(series["net_returns"].to_numpy(), ic=series["ic"].to_numpy(),
                                horizon=found.candidates[0].label.horizon)  # fmt: skip
    table.loc["ic_newey_west"] = [record["metrics"][name] for name in ("ic", "ic_low", "ic_high")]
    values = {f"{name}_{column}": _plain(value) for name, row in table.iterrows() for column, value in row.items()}
    return {**values, **{name: _plain(record["metrics"][name]) for name in ("ic_t", "cost_annual")}}


def _plain(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def summary(found: pd.DataFrame) -> str:
    """Return the tables of a calibration, in Markdown: blessings, gates passed, intervals, p-values."""
    parts = [_blessed(found), _gates(found), _intervals(found), _pvalues(found[found["ic"] == 0])]
    return "\n\n".join(part for part in parts if part)


def _blessed(found: pd.DataFrame) -> str:
    """Return the table of worlds blessed, and of worlds that would be without the gate hardest for a small edge."""
    rows = [f"| planted IC | worlds | blessed | share (95 % interval) | but for `{HARDEST}` | mean IC found |",
            "|--:|--:|--:|---|---|--:|"]  # fmt: skip
    others = [name for name in found.columns if name.startswith("gates.") and name != f"gates.{HARDEST}"]
    for ic, group in found.groupby("ic"):
        blessed, without = group["blessed"], group[others].all(axis=1)
        rows.append(f"| {ic:g} | {len(group)} | {int(blessed.sum())} | {_share(blessed)} | {_share(without)} "
                    f"| {group['metrics.ic'].mean():.4f} |")  # fmt: skip
    return "\n".join(rows)


def _share(passed: pd.Series) -> str:
    low, high = _wilson(int(passed.sum()), len(passed))
    return f"{passed.mean():.1%} ({low:.1%} to {high:.1%})"


def _wilson(passed: int, count: int) -> tuple[float, float]:
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(passed, count, method="wilson")
    return float(low), float(high)


def _gates(found: pd.DataFrame) -> str:
    """Return the share of worlds that pass each gate."""
    gates = [name for name in found.columns if name.startswith("gates.")]
    shares = found.groupby("ic")[gates].mean()
    head = " | ".join(f"{ic:g}" for ic in shares.index)
    rows = [f"| gate passed, by planted IC | {head} |", f"|---|{'--:|' * len(shares)}"]
    for gate in gates:
        rows.append(f"| `{gate.removeprefix('gates.')}` | {' | '.join(f'{share:.0%}' for share in shares[gate])} |")
    return "\n".join(rows)


def _intervals(found: pd.DataFrame) -> str:
    """Return the table of how often intervals of the first trial contain the true value."""
    rows = [
        "| 95 % interval of | planted IC | worlds | holds the truth | 95 % interval of that |",
        "|---|--:|--:|--:|---|",
    ]
    for name in HELD:
        value, low, high = (f"first.{name}_{part}" for part in ("value", "low", "high"))
        for ic, group in found.dropna(subset=[value, low]).groupby("ic"):
            truth = _truth(name, group)
            if truth is not None:
                holds, count = int(((group[low] <= truth) & (truth <= group[high])).sum()), len(group)
                least, most = _wilson(holds, count)
                rows.append(f"| `{name}` | {ic:g} | {count} | {holds / count:.1%} | {least:.1%} to {most:.1%} |")
    return "\n".join(rows)


def _truth(name: str, group: pd.DataFrame) -> pd.Series | float | None:
    """Return the true value of a metric in worlds of one planted IC; None where it is not known.

    In noise a book loses its costs, and half its variance by compounding: both are known for each world. The return of
    an edge depends on the volatility of its world, so only its IC is known, as the mean over the worlds.
    """
    if name.startswith("ic"):
        return float(group[f"first.{name}_value"].mean()) if group["ic"].any() else 0.0
    if group["ic"].any():
        return None
    costs, volatility = group["first.cost_annual"], group["first.volatility_value"]
    return -costs / volatility if name == "sharpe" else (-costs - volatility**2 / 2).map(math.expm1)


def _pvalues(null: pd.DataFrame) -> str:
    """Return the table of p-values in worlds of noise: if uniform, the share below each level is that level."""
    from scipy.stats import kstest, norm

    if null.empty:
        return ""
    levels = (0.01, 0.05, 0.1, 0.25, 0.5)
    pvalues = {
        "IC of the first trial is above 0 (Newey-West)": norm.sf(null["first.ic_t"].astype(float)),
        "deflated Sharpe ratio of the best": 1 - null["metrics.deflated_sharpe"].astype(float),
        "no trial earns anything (SPA)": null["metrics.spa_p"].astype(float),
    }
    head = " | ".join(f"below {level:g}" for level in levels)
    rows = [f"| p-value in noise | {head} | uniform? (Kolmogorov-Smirnov) |", f"|---|{'--:|' * (len(levels) + 1)}"]
    for name, values in pvalues.items():
        known = np.asarray(values)[np.isfinite(values)]
        shares = " | ".join(f"{np.mean(known <= level):.1%}" for level in levels)
        rows.append(f"| {name} | {shares} | {kstest(known, 'uniform').pvalue:.3f} |")
    return "\n".join(rows)
