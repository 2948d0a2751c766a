"""Run the leak checks on the configured pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from alpha.config import Config
from alpha.core.calendar import Calendar
from alpha.core.errors import DataError, ModelError, RiskBreach
from alpha.core.nouns import FeatureSet, Fold, Label
from alpha.core.panel import Panel
from alpha.core.registry import Plugin
from alpha.lab.battery import matrix
from alpha.leaks import Case, Pipeline, check
from alpha.models import tolerance_of
from alpha.strategy import backtest
from alpha.study import Track
from alpha.validation.crossfit import cross_fit


class CheckResult(NamedTuple):
    """The finding of one check for one model; `said` is None where it found nothing."""

    model: str
    check: str
    said: str | None

    def __str__(self) -> str:
        return f"{'LEAK' if self.said else 'ok  '}  {self.check:<16}{self.said or ''}".rstrip()


def pipeline(cfg: Config, model: Plugin) -> Pipeline:
    """Return the stages of the configured pipeline with one of its models."""
    plan, rules = cfg.plan(), cfg.rules().unguarded()
    exchange = Calendar(cfg.calendar)

    def load(at: pd.Timestamp | None) -> Panel:
        if at is None:
            return cfg.panel()[0]
        session = exchange.session_of(pd.DatetimeIndex([at]))[0]
        return cfg.panel(session.date())[0].until(at)

    def predict(features: FeatureSet, label: Label, fold: Fold, tradable: np.ndarray) -> np.ndarray:
        return cross_fit(model, features, label, [fold], tradable, weights=cfg.weights)[fold.test]

    def trade(signal: np.ndarray, panel: Panel) -> np.ndarray:
        return backtest(
            signal, panel, rules, cfg.broker, cash=cfg.paper.cash, currency=cfg.paper.currency
        ).gross_returns

    return Pipeline(load, plan.batch, cfg.label, cfg.walk_forward, predict, trade, tolerance_of(model.make))


def check_configured(cfg: Config, track: Track) -> Iterator[CheckResult]:
    """Yield the result of every check for every configured model. Nothing is scored, so no trial is recorded."""
    for model in cfg.models.candidates:
        case = Case.of(pipeline(cfg, model), seed=cfg.seed)
        names: Iterable[str] = track([name for name in matrix.ORDER if name in check], f"{cfg.name}: {model.name}")
        for name in names:
            yield CheckResult(model.name, name, _said(name, case))


def battery(*, leaks: int, seeds: int, only: list[str], jobs: int | None, track: Track) -> list[matrix.WorldResult]:
    """Return the results of the battery: of the planted leaks and of the clean worlds."""
    return list(track(matrix.run(leaks=leaks, seeds=seeds, names=only, jobs=jobs), "worlds"))


def _said(name: str, case: Case) -> str | None:
    try:
        found: str | None = check.bind(name)(case)
    except (DataError, ModelError, RiskBreach) as error:
        return f"it could not be checked: {error}"
    return found
