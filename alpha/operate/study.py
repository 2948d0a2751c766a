"""Research with a written report, and validation of a report."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from alpha.config import Config
from alpha.core.errors import ConfigError, nearest
from alpha.core.identity import code_id, environment
from alpha.core.nouns import Verdict
from alpha.data import Finding
from alpha.gates import gate, judge_report
from alpha.operate.opening import state
from alpha.report import evaluation, html
from alpha.strategy import Candidate
from alpha.study import Study, Track, research, tracked

EXAMPLES = 5


@dataclass(frozen=True)
class SummaryRow:
    """The summary of one world and its chosen model.

    Parameters
    ----------
    ic, hit_rate : float
        Fractions, out of sample.
    gates : pair of int
        Number of gates passed, and of all gates.
    paper_equity : float, optional
        Equity after the last bar on paper, in the account's currency; None: no paper run.
    shadow : bool
        Whether the paper run was a replay of a candidate that is not blessed.
    report : str
        Path of the HTML report.
    """

    world: str
    model: str
    ic: float
    hit_rate: float
    gates: tuple[int, int]
    blessed: bool
    report: str
    paper_equity: float | None = None
    shadow: bool = False


def study(cfg: Config, track: Track) -> tuple[Study, Path]:
    """Research, and write ``reports/<name>-<config id>/``; return the study and the folder."""
    found = research(cfg, track)
    return found, tracked(lambda: write_report(found), f"{cfg.name}: report", track)


def write_report(found: Study, bundles: Mapping[str, str] | None = None) -> Path:
    """Write the scorecards as JSON and as one HTML page; return their folder.

    Parameters
    ----------
    bundles : mapping of str to str, optional
        The blessed bundle of a model, by the model's name.
    """
    folder = found.config.paths.reports / f"{found.config.name}-{found.config.id}"
    record = evaluated(found, bundles or {})
    evaluation.write(record, folder)
    cards = {c.bundle.name: c.scorecard for c in found.candidates}
    curves = {name: pd.Series(card.series["equity"]) for name, card in found.baselines.items()}
    html.write_html(record, cards, curves, folder)
    return folder


def evaluated(found: Study, bundles: Mapping[str, str]) -> evaluation.Evaluation:
    """Return the evaluation of a study: all results that a report needs."""
    cfg, times = found.config, found.panel.times
    return evaluation.Evaluation(
        created=datetime.now(UTC),
        run=f"{cfg.name}-{cfg.id}",
        source=cfg.resolved()["source"],
        span=evaluation.Span(start=times[0], end=times[-1], sessions=len(times), symbols=len(found.panel.symbols)),
        label=evaluation.LabelSpec.of(found.candidates[0].label),
        folds=tuple(evaluation.FoldSpan.of(fold, times) for fold in found.folds),
        broker=_broker(found),
        config_id=cfg.id,
        data_id=found.candidates[0].data_id,
        code_id=code_id(),
        environment=environment(),
        command=" ".join(["python", *sys.argv]) if sys.argv[0] else "python",
        findings=counted(found.findings),
        holdout=state(cfg, found.panel.id),
        models=tuple(_result(c, bundles.get(c.bundle.name), found.trials) for c in found.candidates),
        chosen=found.best.bundle.name,
    )


def _broker(found: Study) -> dict[str, Any]:
    """Return the entry of the broker, with the price at which it filled orders."""
    entry = dict(found.config.resolved()["broker"])
    if "price" in entry and found.candidates[0].label.entry == "next_close":
        entry["price"] = "close"
    return entry


def _result(candidate: Candidate, bundle: str | None, trials: int) -> evaluation.ModelResult:
    return evaluation.ModelResult.of(
        candidate.scorecard, candidate.gates, blessed=bundle is not None, bundle=bundle, trials=trials
    )


def row(found: Study, candidate: Candidate, folder: Path, *, blessed: bool, paper_equity: float | None = None,
        shadow: bool = False) -> SummaryRow:  # fmt: skip
    """Return the summary of a candidate."""
    metrics = candidate.scorecard.metrics
    return SummaryRow(
        world=found.config.name, model=candidate.bundle.name, ic=metrics["ic"], hit_rate=metrics["hit_rate"],
        gates=(sum(gate.passed for gate in candidate.gates), len(candidate.gates)), blessed=blessed,
        report=str(folder / html.FILE), paper_equity=paper_equity, shadow=shadow,
    )  # fmt: skip


def counted(findings: Iterable[Finding]) -> tuple[evaluation.FindingCount, ...]:
    """Return findings by code and kind, with some examples of each."""
    groups: dict[tuple[str, Literal["waiver", "warning"]], list[Finding]] = defaultdict(list)
    for finding in findings:
        groups[finding.code, "waiver" if finding.severity == "note" else "warning"].append(finding)
    return tuple(
        evaluation.FindingCount(code=code, kind=kind, count=len(found), examples=tuple(map(str, found[:EXAMPLES])))
        for (code, kind), found in sorted(groups.items())
    )


def validate(
    cfg: Config, path: str, *, model: str | None = None, limits: Mapping[str, float | None] | None = None
) -> tuple[str, tuple[Verdict, ...]]:
    """Judge a model by a report alone, with the configured gates; return the name of the model and the verdicts.

    Parameters
    ----------
    model : str, optional
        Default: the model that the report chose.
    limits : mapping of str to float or None
        Limits that replace the configured ones, by gate.

    Raises
    ------
    DataError
        ``report_invalid``.
    ConfigError
        ``unknown_model``: the report has no model of that name.
    """
    record = evaluation.read(path)
    by_name = {result.model: result for result in record.models}
    name = model or record.chosen
    if name not in by_name:
        raise ConfigError(f"the report has no model {name!r}; {nearest(name, by_name)}", code="unknown_model")
    result = by_name[name]
    recorded = {verdict.gate: verdict for verdict in result.verdicts}
    gates = {bound.name: bound for bound in cfg.gates}
    replaced = {each: limit for each, limit in (limits or {}).items() if limit is not None}
    gates |= {each: gate.bind({"name": each, "limit": limit}) for each, limit in replaced.items()}
    if "holdout" in recorded:  # an opened holdout counts, listed or not
        gates.setdefault("holdout", gate.bind("holdout"))
    judged = judge_report(result, recorded, tuple(gates.values()))
    return name, tuple(_beside(verdict, recorded.get(verdict.gate)) for verdict in judged)


def _beside(verdict: Verdict, recorded: Verdict | None) -> Verdict:
    """Add to a verdict's note that the report was judged by another limit, or by none."""
    said = "" if recorded is not None else "the report was not judged by it"
    if recorded is not None and recorded.limit != verdict.limit:
        said = f"the report was judged with {recorded.relation} {recorded.limit:g}"
    return replace(verdict, note="; ".join(filter(None, (verdict.note, said))))
