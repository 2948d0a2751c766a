"""The report of a run of research as one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path

import pandas as pd

from alpha.core.nouns import Scorecard
from alpha.report import figures, plots
from alpha.report.evaluation import Evaluation, ModelResult
from alpha.report.page import METRICS, MISSING, Html, by_width, facts, figure, metric, page, plain, safe, table
from alpha.report.record import Cell, write_text
from alpha.report.verdicts import gate_table, prose, shortfall

FILE = "report.html"
_INTERVAL_ENDS = ("_low", "_high")
Intervals = Mapping[str, tuple[float | None, float | None]]


def render(
    evaluation: Evaluation, scorecards: Mapping[str, Scorecard], baseline_series: Mapping[str, pd.Series]
) -> str:
    """Return the report as one HTML text; equal inputs give equal bytes.

    Parameters
    ----------
    scorecards : mapping of str to Scorecard
        By model name, for their `series`; an absent model or series is drawn as "no data".
    baseline_series : mapping of str to Series
        Equity of each baseline net of costs, by bar in UTC.
    """
    series = {result.model: scorecards[result.model].series if result.model in scorecards else {}
              for result in evaluation.models}  # fmt: skip
    body = [
        *_header(evaluation),
        _how_to_read(evaluation),
        *_comparison(evaluation, series, baseline_series),
        *(part for result in evaluation.ranked for part in _model(evaluation, result, series[result.model])),
        *_findings(evaluation),
        *_folds(evaluation),
        *_reproduce(evaluation),
    ]
    return page(f"{evaluation.run}: Alpha research report", body)


def write_html(
    evaluation: Evaluation,
    scorecards: Mapping[str, Scorecard],
    baseline_series: Mapping[str, pd.Series],
    folder: str | Path,
) -> Path:
    """Write ``report.html`` into `folder` and return its path."""
    return write_text(render(evaluation, scorecards, baseline_series), Path(folder) / FILE)


def _header(evaluation: Evaluation) -> Iterator[str]:
    span, label = evaluation.span, evaluation.label
    invented = ", an invented market" if "seed" in evaluation.source else ""
    world = f"{evaluation.source.get('name', '')}{invented}"
    yield '<div class="kicker">Alpha · research report</div>'
    yield f"<h1>{safe(evaluation.run)}</h1>"
    yield (
        f'<p class="lede">{safe(world)} · {span.start} to {span.end} · {span.sessions:,} sessions · '
        f"{span.symbols:,} symbols · label {safe(label.name)}, horizon {label.horizon} "
        f"bar{'s' if label.horizon > 1 else ''} · {len(evaluation.folds)} refits</p>"
    )
    yield f'<div class="cards">{"".join(_card(evaluation, result) for result in evaluation.ranked)}</div>'


def _card(evaluation: Evaluation, result: ModelResult) -> str:
    failed = [verdict for verdict in result.verdicts if not verdict.passed]
    passed = len(result.gates) - len(failed)
    verdict = "✓ BLESSED" if result.blessed else "✗ NOT BLESSED" if failed else "✓ PASSED, NOT YET BLESSED"
    if failed:
        why = f"{passed} of {len(result.gates)} gates passed. It failed on:"
        why = f"<p>{why}</p><ul>{''.join(f'<li>{safe(shortfall(gate))}</li>' for gate in failed)}</ul>"
    elif result.blessed:
        bundle = f" Bundle <code>{safe(result.bundle)}</code>." if result.bundle else ""
        why = f"<p>All {passed} gates passed.{bundle}</p>"
    else:
        why = f"<p>All {passed} gates passed. It does not trade until it is blessed.</p>"
    chosen = " · best candidate" if result.model == evaluation.chosen and len(evaluation.models) > 1 else ""
    return (
        f'<div class="card{"" if failed else " pass"}"><div class="verdict">{verdict}{chosen}</div>'
        f"<h3>{safe(result.model)}</h3>{why}</div>"
    )


def _how_to_read(evaluation: Evaluation) -> str:
    broker = ", ".join(f"{key} {plain(value)}" for key, value in evaluation.broker.items() if key != "name")
    return (
        f'<div class="box"><p><b>Where orders fill.</b> {safe(evaluation.label.fills)}</p>'
        "<p><b>Research is walk-forward.</b> Every number here is out of sample: each model was refitted for every "
        "fold on labels already known before that fold began, and tested on rows it had not seen. Returns are after "
        f"costs{f' ({safe(broker)})' if broker else ''}. Past evidence is not a promise.</p>"
        "<p><b>What returns leave out.</b> Fees for borrowed shares, the impact of large orders, taxes. Where the "
        "source lists only names that still exist, those that failed are missing: that flatters whatever holds "
        "stocks.</p>"
        f"{_sealed(evaluation)}</div>"
    )


def _sealed(evaluation: Evaluation) -> str:
    if not evaluation.holdout:
        return ""
    tried = max(result.trials for result in evaluation.models)
    return (
        f"<p><b>Choosing costs.</b> Configurations tried on these data so far: {tried:,}. "
        f"{safe(evaluation.holdout[0].upper() + evaluation.holdout[1:])}.</p>"
    )


def _comparison(
    evaluation: Evaluation,
    series: Mapping[str, Mapping[str, pd.Series | pd.DataFrame]],
    baseline_series: Mapping[str, pd.Series],
) -> Iterator[str]:
    names = [result.model for result in evaluation.ranked]
    curves = {name: _equity(series[name]) for name in names} | {
        name: curve for name, curve in baseline_series.items() if name not in names
    }
    note = "Growth of 1, out of sample. Models in colour, baselines in grey; the same rows, the same costs."
    drawn = (plots.equity(curves, names, size=size) for size in (plots.WIDE, plots.HALF))
    yield "<h2>Models against baselines</h2>"
    yield figure("Equity net of costs", note, by_width(*drawn))
    yield '<h3>Key facts</h3><p class="small">Below a number: its 95 % interval.</p>'
    yield _facts_table(evaluation)


def _equity(series: Mapping[str, pd.Series | pd.DataFrame]) -> pd.Series:
    found = series.get("equity")
    return found if isinstance(found, pd.Series) else pd.Series(dtype=float)


def _facts_table(evaluation: Evaluation) -> Html:
    columns = {result.model: result.metrics for result in evaluation.ranked}
    for result in evaluation.ranked:
        columns = columns | {name: values for name, values in result.baselines.items() if name not in columns}
    given = list(dict.fromkeys(key for values in columns.values() for key in values))
    keys = [key for key in METRICS if key in given] + [key for key in given if key not in METRICS]
    ends = {f"{key}{end}" for key in keys for end in _INTERVAL_ENDS
            if all(f"{key}{other}" in given for other in _INTERVAL_ENDS)}  # fmt: skip
    intervals = {result.model: result.intervals for result in evaluation.models}
    models = {result.model for result in evaluation.models}
    roles = {name: "model" if name in models else "baseline" for name in columns}
    head = ["", *(Html(f"{safe(name)}<br><small>{role}</small>") for name, role in roles.items())]
    rows: list[list[object]] = []
    for group, shown in groupby((key for key in keys if key not in ends), key=lambda key: metric(key).group):
        rows.append([group])
        for key in shown:
            cells = (_value(values, key, intervals.get(name, {})) for name, values in columns.items())
            rows.append([_metric_name(key), *cells])
    return table(head, rows, kind="facts")


def _metric_name(key: str) -> Html:
    shown = metric(key)
    return Html(f"{safe(shown.title)}{f' <small>{safe(shown.unit)}</small>' if shown.unit else ''}")


def _value(values: Mapping[str, float | None], key: str, intervals: Intervals) -> Html:
    return (
        _with_interval(key, values[key], intervals.get(key) or _ends(values, key)) if key in values else Html(MISSING)
    )


def _with_interval(key: str, value: Cell, interval: tuple[float | None, float | None] | None) -> Html:
    show, ends = metric(key).show, interval or (None, None)
    below = "" if None in ends else f'<small class="below">{show(ends[0])} to {show(ends[1])}</small>'
    return Html(_cell(key, value) + below)


def _model(
    evaluation: Evaluation, result: ModelResult, series: Mapping[str, pd.Series | pd.DataFrame]
) -> Iterator[str]:
    colour = plots.MODELS[[r.model for r in evaluation.ranked].index(result.model) % len(plots.MODELS)]
    yield f"<h2>{safe(result.model)}</h2>"
    yield "<h3>Gates</h3>"
    yield gate_table(result)
    horizon = evaluation.label.horizon
    yield "<h3>Signal</h3>"
    yield f'<div class="figures">{"".join(figures.of_signal(result, series, horizon, colour))}</div>'
    yield "<h3>By fold</h3>"
    yield _fold_table(result)
    yield f"<details><summary>The numbers of each year</summary>{_records(result.by_year)}</details>"
    yield "<h3>Luck and choice</h3>"
    yield f'<div class="figures">{"".join(figures.of_luck(result, series, colour))}</div>'
    yield "<h3>Book</h3>"
    yield f'<div class="figures">{"".join(figures.of_book(result, series, colour))}</div>'


def _fold_table(result: ModelResult) -> Html:
    """Return the table of the folds: the test span of each, and its metrics."""
    if not result.by_fold:
        return Html('<p class="small">There are none.</p>')
    reach = max((abs(_float(row, key)) for row in result.by_fold for key in ("ic", "ic_low", "ic_high")), default=0.0)
    sides = Html("below zero&ensp;|&ensp;above zero")
    head = ("fold", "tested from", "to", "training rows", "IC", sides, "hit rate", "net return, %")
    rows = [
        (_cell("fold", row.get("fold")), _cell("", row.get("test_start")), _cell("", row.get("test_end")),
         _cell("train_rows", row.get("train_rows")), _with_interval("ic", row.get("ic"), _ends(row, "ic")),
         _range(row, reach), _with_base(row), _cell("net_return", row.get("net_return")))
        for row in result.by_fold
    ]  # fmt: skip
    note = "Below each IC its 95 % interval, and below each hit rate that of the better constant guess. "
    return Html(f'{table(head, rows, kind="folds")}<p class="small">{note}Folds that disagree mean an unsteady '
                "edge.</p>")  # fmt: skip


def _range(row: Mapping[str, Cell], reach: float) -> Html:
    """Draw the IC as a dot on its interval, with zero in the middle."""
    ic, low, high = (_float(row, key) for key in ("ic", "ic_low", "ic_high"))
    if not row.get("ic") or not reach:
        return Html(MISSING)
    low, high = (low, high) if low < high else (ic, ic)
    at, left, right = (50 + 50 * value / reach for value in (ic, low, high))
    kind = "good" if ic > 0 else "bad"
    return Html(f'<span class="bar"><i class="{kind} range" style="left:{left:.1f}%;width:{right - left:.1f}%"></i>'
                f'<i class="{kind} dot" style="left:{at:.1f}%"></i></span>')  # fmt: skip


def _with_base(row: Mapping[str, Cell]) -> Html:
    base = row.get("hit_base_rate")
    below = "" if base is None else f'<small class="below">{_cell("hit_base_rate", base)}</small>'
    return Html(_cell("hit_rate", row.get("hit_rate")) + below)


def _ends(values: Mapping[str, Cell], key: str) -> tuple[float | None, float | None] | None:
    low, high = (values.get(f"{key}{end}") for end in _INTERVAL_ENDS)
    return (low, high) if isinstance(low, (int, float)) and isinstance(high, (int, float)) else None


def _float(row: Mapping[str, Cell], key: str) -> float:
    value = row.get(key)
    return float(value) if isinstance(value, (int, float)) else 0.0


def _records(rows: tuple[dict[str, Cell], ...]) -> Html:
    if not rows:
        return Html('<p class="small">There are none.</p>')
    keys = list(dict.fromkeys(key for row in rows for key in row))
    head = [f"{prose(key)}{', %' if metric(key).unit.startswith('%') else ''}" for key in keys]
    return table(head, ([_cell(key, row.get(key)) for key in keys] for row in rows))


def _cell(key: str, value: Cell) -> str:
    if key == "year" or isinstance(value, (str, bool)):
        return str(value)
    return metric(key).show(value)


def _findings(evaluation: Evaluation) -> Iterator[str]:
    yield "<h2>Findings in the data</h2>"
    if not evaluation.findings:
        yield "<p>The sanity checks found nothing.</p>"
        return
    yield "<p>Nothing was repaired. A warning is shown and kept; a waiver is an error that a person accepted.</p>"
    rows = [(found.code, found.kind, f"{found.count:,}", "; ".join(found.examples)) for found in evaluation.findings]
    yield table(("code", "kind", "count", "examples"), rows, text=(1, 3))


def _folds(evaluation: Evaluation) -> Iterator[str]:
    yield "<h2>Folds</h2>"
    yield "<p>Each fold trains only on labels known strictly before its cutoff.</p>"
    rows = [(f.index, f.train_start, f.train_end, f"{f.cutoff:%Y-%m-%d %H:%M}", f.test_start, f.test_end)
            for f in evaluation.folds]  # fmt: skip
    yield table(("fold", "learned from", "to", "cutoff (UTC)", "tested from", "to"), rows)


def _reproduce(evaluation: Evaluation) -> Iterator[str]:
    def code(text: str) -> Html:
        return Html(f"<code>{safe(text)}</code>")

    yield "<h2>How to reproduce this</h2>"
    source = ", ".join(f"{key}={value}" for key, value in evaluation.source.items())
    yield facts((
        ("command", code(evaluation.command)),
        ("config id", code(evaluation.config_id)),
        ("data id", code(evaluation.data_id)),
        ("code id", code(evaluation.code_id)),
        ("source", source),
        ("environment", ", ".join(f"{name} {version}" for name, version in evaluation.environment.items())),
        ("configurations tried", max(result.trials for result in evaluation.models)),
    ))  # fmt: skip
    yield (
        f"<footer>Made {evaluation.created:%Y-%m-%d %H:%M} UTC. The same numbers, for programs, are in "
        "<code>alpha_eval.json</code> beside this file.</footer>"
    )
