"""Research: from data to judged candidates, in one module."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from alpha.config import Config
from alpha.core import executor
from alpha.core.errors import DataError, ModelError
from alpha.core.identity import expect_packages
from alpha.core.nouns import FeatureSet, Fold, Label, Scorecard
from alpha.core.panel import Panel
from alpha.core.registry import Plugin
from alpha.data import Finding
from alpha.data.seal import origin
from alpha.execution.book import Book
from alpha.features import Plan
from alpha.features.engine.warmup import warmup
from alpha.gates import judge_study, waiting
from alpha.gates.judging import Judge
from alpha.leaks import Case, Pipeline
from alpha.models.search import drawn
from alpha.portfolio import policy
from alpha.strategy import Bundle, Candidate, Rules, Signal, backtest, outputs
from alpha.validation import Trials, cross_fit_outputs, detailed, fit, score
from alpha.validation.scorecard import measure
from alpha.validation.selection import Selection, selection

T = TypeVar("T")
Track = Callable[[Iterable[Any], str], Iterable[Any]]
GOLDEN_ROWS = 64
REFERENCE_SAMPLES = 100_000
WORTH_PROCESSES = 100_000  # bars x symbols above which books run in processes, which take a second or two to start


@dataclass(frozen=True, eq=False)
class Study:
    """The results of one run of research.

    Parameters
    ----------
    candidates : tuple of Candidate
        One for each model, in the order of the configuration, judged by every gate that does not wait for the holdout.
    baselines : mapping of str to Scorecard
        Scores of the baselines over the same rows, at the same costs.
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
        """The candidate with the highest lower bound of its IC, among those that passed, or among all if none did."""
        passed = [c for c in self.candidates if c.passed]
        return max(passed or self.candidates, key=lambda c: np.nan_to_num(c.scorecard.metrics["ic_low"], nan=-np.inf))


@dataclass(frozen=True, eq=False)
class _Bench:
    """The data, folds and rules that all models of a study share."""

    config: Config
    panel: Panel
    plan: Plan
    features: FeatureSet
    label: Label
    folds: tuple[Fold, ...]
    rules: Rules

    @property
    def tested(self) -> slice:
        """The rows out of sample: from the first test row to the last."""
        return slice(int(self.folds[0].test[0]), int(self.folds[-1].test[-1]) + 1)

    @property
    def case(self) -> Case:
        """The pipeline without a model, for the gates; it serves the loaded data without reading them again."""
        panel, folds = self.panel, self.folds
        pipeline = Pipeline(
            load=lambda at: panel if at is None else panel.until(at), features=self.plan.batch, label=self.config.label,
            folds=lambda times, label: folds, predict=_no_model, trade=self.trade,
        )  # fmt: skip
        no_signal = np.full(panel.tradable.shape, np.nan)
        return Case(pipeline, panel, self.features, self.label, folds, no_signal, self.config.seed)

    def trade(self, signal: Signal, panel: Panel) -> np.ndarray:
        """Trade a signal over any panel, by the rules of this study; return the gross return of each row."""
        return backtest(
            signal,
            panel,
            self.rules.unguarded(),
            self.config.broker,
            cash=self.config.paper.cash,
            currency=self.config.paper.currency,
        ).gross_returns

    def books(self, traded: Sequence[tuple[Signal, Rules]], track: Track) -> list[Book]:
        """Trade each signal over all rows out of sample, without guards: no person can lift a halt in research."""
        rows, cfg = self.tested, self.config
        panel, before = self.panel.rows(rows), self.panel.rows(slice(0, rows.start))
        history = before if self.rules.risk_model else None
        jobs = cfg.jobs if panel.tradable.size * len(traded) >= WORTH_PROCESSES else 1
        tasks = [({name: values[rows] for name, values in outputs(signal).items()}, panel, own.unguarded(), cfg.broker)
                 for signal, own in traded]  # fmt: skip
        books = executor.run(
            partial(backtest, cash=cfg.paper.cash, currency=cfg.paper.currency, history=history), tasks, jobs=jobs
        )
        return list(track(books, f"{cfg.name}: backtests"))


def tracked(work: Callable[[], T], what: str, track: Track) -> T:
    """Do one long task, and show that it has begun."""
    (made,) = [work() for _ in track([what], what)]
    return made


def research(cfg: Config, track: Track = lambda items, what: items) -> Study:
    """Load data, compute features and label, cross-fit, backtest, score, refit on all known labels, and judge.

    Raises
    ------
    ConfigError
        ``missing_package``: a package that the bundle of a candidate needs is not installed.
    DataError
        The data are refused, or are too short for the features (``short_history``).
    """
    for plugin in cfg.models.candidates:
        expect_packages(plugin.make)
    panel, findings = tracked(cfg.panel, f"{cfg.name}: data", track)
    plan = cfg.plan()
    features = tracked(lambda: plan.batch(panel), f"{cfg.name}: features", track)
    _check_history(plan, features, {"the data have": len(panel)})
    label = cfg.label(panel)
    folds = tuple(cfg.walk_forward(panel.times, label))
    _check_history(plan, features, {f"fold {fold.index + 1} of {len(folds)} can learn from the first": _past(fold)
                                    for fold in folds})  # fmt: skip
    bench = _Bench(cfg, panel, plan, features, label, folds, cfg.rules())
    beaten = {made.card.model: made.card for made in _baselines(bench, track)}
    scored = _candidates(bench, track)
    tried = selection(Trials(cfg.paths.trials), panel.id, scored[0].card, beaten, source=origin(cfg.source))
    judge = tracked(lambda: judge_study(bench.case, cfg.judges), f"{cfg.name}: gates on the data", track)
    candidates = [_candidate(bench, each, beaten, tried, judge) for each in track(scored, f"{cfg.name}: gates")]
    return Study(cfg, panel, findings, folds, tuple(candidates), beaten, tried.trials)


def _check_history(plan: Plan, features: FeatureSet, spans: Mapping[str, int]) -> None:
    """Refuse a span of rows, from the first one on, that ends before some feature has its first value.

    Raises
    ------
    DataError
        ``short_history``, naming the feature with the longest lookback, the rows it needs, and the rows available.
    """
    needed = {name: 1 + warmup(column) for name, column in plan.columns.items()}
    for what, rows in spans.items():
        silent = [name for f, name in enumerate(plan.names)
                  if needed[name] > rows and not np.isfinite(features.values[:rows, :, f]).any()]  # fmt: skip
        if silent:
            longest = max(silent, key=lambda name: (needed[name], plan.columns[name].lookback))
            raise DataError(
                f"the history is too short: feature {longest!r} needs {needed[longest]} rows to have a value, and "
                f"{what} {rows}. Start the data earlier, take a shorter window, or let testing begin later "
                f"(walk_forward.first_test)",
                code="short_history",
            )


def _past(fold: Fold) -> int:
    """Return the number of rows up to the last training row."""
    return int(fold.train[-1]) + 1 if len(fold.train) else 0


@dataclass(frozen=True, eq=False)
class _Scored:
    """A model or baseline with its signal, its book and its scorecard."""

    plugin: Plugin
    signal: np.ndarray
    book: Book
    card: Scorecard


def _baselines(bench: _Bench, track: Track) -> list[_Scored]:
    """Score the baselines. They are not chosen by their score, so they are no trials."""
    plugins = bench.config.baselines
    traded = [(plugin(bench.panel), _rules_of(bench, plugin)) for plugin in plugins]
    return [
        _Scored(plugin, signal, book, measure(plugin.name, signal, bench.label, book, bench.folds, panel=bench.panel))
        for plugin, (signal, _), book in zip(plugins, traded, bench.books(traded, track), strict=True)
    ]


def _rules_of(bench: _Bench, baseline: Plugin) -> Rules:
    """Return the configured rules, with the policy of the baseline if it names one."""
    named = getattr(baseline.make, "policy", None)
    return bench.rules if named is None else replace(bench.rules, policy=policy.bind(named))


def _candidates(bench: _Bench, track: Track) -> list[_Scored]:
    """Score the candidates; where a search is configured, score every draw of each and return the best."""
    cfg, search = bench.config, bench.config.models.search
    if search is None:
        return _scored(bench, cfg.models.candidates, track)
    made: dict[str, _Scored] = {}

    def worth(variant: Plugin) -> float:
        made[variant.label] = _scored(bench, [variant])[0]
        return made[variant.label].card.metrics["ic_low"]

    best = [
        drawn(plugin, search, worth, seed=cfg.seed, track=_titled(track, f"{cfg.name}: search of {plugin.name}"))
        for plugin in cfg.models.candidates
    ]
    return [made.get(plugin.label) or _scored(bench, [plugin])[0] for plugin in best]


def _titled(track: Track, what: str) -> Callable[[Iterable[int]], Iterable[int]]:
    return lambda items: track(items, what)


def _scored(bench: _Bench, models: Sequence[Plugin], track: Track = lambda items, what: items) -> list[_Scored]:
    """Score models out of sample and record each as a trial."""
    cfg, trials = bench.config, Trials(bench.config.paths.trials)
    predicted = [_cross_fitted(bench, model, track) for model in models]
    signals = [each["signal"] for each in predicted]
    books = bench.books([(each, bench.rules) for each in predicted], track)
    cards = [
        score(model.name, signal, bench.label, book, bench.folds,
              panel=bench.panel, trials=trials, source=origin(cfg.source), config_id=cfg.trial_id(model))
        for model, signal, book in zip(models, signals, books, strict=True)
    ]  # fmt: skip
    return [_Scored(*each) for each in zip(models, signals, books, cards, strict=True)]


def _cross_fitted(bench: _Bench, model: Plugin, track: Track) -> Mapping[str, np.ndarray]:
    folds = track(bench.folds, f"{bench.config.name}: {model.name}")
    return cross_fit_outputs(
        model, bench.features, bench.label, folds, bench.panel.tradable, weights=bench.config.weights
    )


def _no_model(features: FeatureSet, label: Label, fold: Fold, tradable: np.ndarray) -> np.ndarray:
    raise ModelError("the data of a study are judged without a model", code="no_model")


def _candidate(
    bench: _Bench, made: _Scored, beaten: Mapping[str, Scorecard], tried: Selection, judge: Judge
) -> Candidate:
    """Compute the detailed metrics of a candidate, refit it on all known labels, and judge it by the gates."""
    cfg, panel = bench.config, bench.panel
    card = detailed(made.card, made.signal, bench.label, made.book, panel, bench.folds, seed=cfg.seed)
    card = replace(card, metrics={**card.metrics, **tried.metrics(card, bench.label.horizon)},
                   baselines={name: dict(other.metrics) for name, other in beaten.items()},
                   series={**card.series, "pbo_logits": pd.Series(tried.logits)})  # fmt: skip
    bundle = _refit(bench, made.plugin, made.signal)
    return Candidate(
        bundle=bundle, panel=panel, features=bench.features, label=bench.label, signal=made.signal, book=made.book,
        scorecard=card, gates=judge(card, bundle, made.signal), config_id=cfg.id, data_id=panel.id, seed=cfg.seed,
        waiting=waiting(cfg.judges),
    )  # fmt: skip


def _refit(bench: _Bench, model: Plugin, signal: np.ndarray) -> Bundle:
    """Fit on every row whose label is known; add golden predictions and reference deciles to the bundle."""
    panel, label = bench.panel, bench.label
    known = panel.tradable & np.isfinite(label.values) & ~np.isnat(label.known_at_cells)
    fitted = fit(model, bench.features, label, known, weights=bench.config.weights)
    rows = np.flatnonzero(known.any(axis=1))
    golden = _golden(bench.features.values, known)
    return Bundle(
        name=model.name, model=fitted, model_entry=model.entry, plan=bench.plan, label_entry=bench.config.label.entry,
        feature_entries=bench.config.features.columns,
        trained={"start": str(panel.times[rows[0]]), "end": str(panel.times[rows[-1]]),
                 "rows": len(rows), "samples": int(known.sum())},
        golden_inputs=golden, golden_predictions=fitted.predict(golden) if len(golden) else np.empty(0),
        reference=_reference(bench, known, signal), weights=bench.config.weights,
    )  # fmt: skip


def _golden(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return at most 64 complete input rows, spread over the training window."""
    complete = np.argwhere(known & np.isfinite(values).all(axis=-1))
    picked = complete[np.linspace(0, len(complete) - 1, min(GOLDEN_ROWS, len(complete))).astype(int)]
    return values[picked[:, 0], picked[:, 1]].copy()


def _reference(bench: _Bench, known: np.ndarray, signal: np.ndarray) -> dict[str, list[float]]:
    """Return deciles of every input and of the prediction, with which drift is measured."""
    grid = np.linspace(0, 1, 11)
    rows, symbols = np.nonzero(known)
    sampled = slice(None, None, 1 + len(rows) // REFERENCE_SAMPLES)
    inputs = bench.features.values[rows[sampled], symbols[sampled]]
    deciles = {name: np.nanquantile(inputs[:, f], grid).tolist() for f, name in enumerate(bench.plan.names)}
    return {**deciles, "prediction": np.nanquantile(signal, grid).tolist()}
