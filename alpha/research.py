"""From data to judged candidates, on one page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from typing import Any

import numpy as np

from alpha.config import Config
from alpha.core.panel import Panel
from alpha.core.registry import Plugin
from alpha.core.types import FeatureSet, Fold, Label, Scorecard
from alpha.data import Finding
from alpha.features import Plan
from alpha.gates import Evidence, judge
from alpha.portfolio import policy
from alpha.strategy import Book, Bundle, Candidate, Rules, backtest
from alpha.validation import Trials, cross_fit, fit, predict, score

Track = Callable[[Iterable[Any], str], Iterable[Any]]
GOLDEN_ROWS = 64


@dataclass(frozen=True, eq=False)
class Study:
    """What one run of research found.

    Parameters
    ----------
    candidates : tuple of Candidate
        One a model, in the order of the configuration, each judged by every gate.
    baselines : mapping of str to Scorecard
        What a person without a model would have got over the same rows, at the same costs.
    trials : int
        Distinct configurations scored on these data so far, this run included.
    """

    config: Config
    panel: Panel
    findings: tuple[Finding, ...]
    folds: tuple[Fold, ...]
    candidates: tuple[Candidate, ...]
    baselines: Mapping[str, Scorecard]
    trials: int

    @property
    def best(self) -> Candidate:
        """The candidate with the highest lower bound of its IC, among those that passed if any did."""
        passed = [c for c in self.candidates if c.passed]
        return max(passed or self.candidates, key=lambda c: np.nan_to_num(c.scorecard.metrics["ic_low"], nan=-np.inf))


@dataclass(frozen=True, eq=False)
class _Bench:
    """What every model of a study is measured on."""

    config: Config
    panel: Panel
    plan: Plan
    features: FeatureSet
    label: Label
    folds: tuple[Fold, ...]
    rules: Rules

    @property
    def tested(self) -> slice:
        """The rows that are out of sample: from the first test row to the last."""
        return slice(int(self.folds[0].test[0]), int(self.folds[-1].test[-1]) + 1)

    def book(self, signal: np.ndarray, rules: Rules) -> Book:
        """Trade a signal over the rows out of sample, to their end: no person is there to halt for."""
        rows, rules = self.tested, replace(rules, max_drawdown=1.0)
        return backtest(signal[rows], self.panel.rows(rows), rules, self.config.broker, cash=self.config.paper.cash)


def research(cfg: Config, track: Track = lambda items, what: items) -> Study:
    """Load, compute features, label, cross-fit, backtest, score, refit on everything known, judge."""
    panel, findings = cfg.panel()
    plan = cfg.plan()
    label = cfg.label(panel)
    folds = tuple(cfg.walk_forward(panel.times, label))
    bench = _Bench(cfg, panel, plan, plan.batch(panel), label, folds, cfg.rules())
    baselines = {b.name: _baseline(bench, b) for b in track(cfg.baselines, f"{cfg.name}: baselines")}
    trials = Trials(cfg.paths.artifacts / "trials.jsonl")
    scored = [_score(bench, model, baselines, track) for model in cfg.models.candidates]
    for candidate in scored:
        trials.record(cfg.id, candidate.data_id, candidate.bundle.name, candidate.scorecard.metrics["ic"])
    counted = trials.count()
    candidates = tuple(_judge(cfg, c, baselines, folds, counted) for c in track(scored, f"{cfg.name}: gates"))
    return Study(cfg, panel, findings, folds, candidates, baselines, counted)


def _baseline(bench: _Bench, baseline: Plugin) -> Scorecard:
    signal = baseline(bench.panel)
    named = getattr(baseline.make, "policy", None)
    rules = bench.rules if named is None else replace(bench.rules, policy=policy.bind(named))
    return score(baseline.name, signal, bench.label, bench.book(signal, rules), bench.folds)


def _score(bench: _Bench, model: Plugin, baselines: Mapping[str, Scorecard], track: Track) -> Candidate:
    cfg, panel, label = bench.config, bench.panel, bench.label
    folds = track(bench.folds, f"{cfg.name}: {model.name}")
    signal = cross_fit(model, bench.features, label, folds, panel.tradable)
    book = bench.book(signal, bench.rules)
    card = score(model.name, signal, label, book, bench.folds)
    bundle = _refit(bench, model, signal)
    return Candidate(bundle, panel, bench.features, label, signal, book, card, (), cfg.id, panel.id, cfg.seed)


def _refit(bench: _Bench, model: Plugin, signal: np.ndarray) -> Bundle:
    """Fit on every row whose label is known, and keep what shows later that nothing has changed."""
    panel, label = bench.panel, bench.label
    known = panel.tradable & np.isfinite(label.values) & ~np.isnat(label.known_at.reshape(len(panel), -1))
    fitted = fit(model, bench.features, label, known)
    rows = np.flatnonzero(known.any(axis=1))
    golden = _golden(bench.features.values, known)
    return Bundle(
        name=model.name, model=fitted, model_entry=model.entry, plan=bench.plan, label_entry=bench.config.label.entry,
        feature_entries=feature_entries(bench.config),
        trained={"start": str(panel.times[rows[0]]), "end": str(panel.times[rows[-1]]),
                 "rows": len(rows), "samples": int(known.sum())},
        golden_inputs=golden, golden_predictions=predict(fitted, golden, np.ones(len(golden), bool)),
        reference=_reference(bench.plan.names, bench.features.values[known], signal),
    )  # fmt: skip


def feature_entries(cfg: Config) -> tuple[dict[str, Any], ...]:
    """Return the configured columns with the cross-section each one uses spelled out."""
    return tuple({"cross_section": cfg.features.cross_section, **entry} for entry in cfg.features.columns)


def _golden(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return up to 64 complete input rows, spread over the training window."""
    complete = np.argwhere(known & np.isfinite(values).all(axis=-1))
    picked = complete[np.linspace(0, len(complete) - 1, min(GOLDEN_ROWS, len(complete))).astype(int)]
    return values[picked[:, 0], picked[:, 1]].copy()


def _reference(names: Sequence[str], inputs: np.ndarray, signal: np.ndarray) -> dict[str, list[float]]:
    """Return deciles of every input and of the prediction: what drift is measured against."""
    grid = np.linspace(0, 1, 11)
    deciles = {name: np.nanquantile(inputs[:, f], grid).tolist() for f, name in enumerate(names)}
    return {**deciles, "prediction": np.nanquantile(signal, grid).tolist()}


def _judge(
    cfg: Config, candidate: Candidate, baselines: Mapping[str, Scorecard], folds: tuple[Fold, ...], trials: int
) -> Candidate:
    card = candidate.scorecard
    card = replace(card, metrics={**card.metrics, "trials": float(trials)},
                   baselines={name: dict(other.metrics) for name, other in baselines.items()})  # fmt: skip
    candidate = replace(candidate, scorecard=card)
    evidence = Evidence(metrics=card.metrics, baselines=card.baselines, candidate=candidate, folds=folds)
    return replace(candidate, gates=judge(evidence, cfg.gates))


