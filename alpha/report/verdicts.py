"""The verdicts of gates as sentences and as a table."""

from __future__ import annotations

import math

from alpha.core.nouns import Verdict
from alpha.report.evaluation import ModelResult
from alpha.report.page import MISSING, Html, plain, safe, table

_RELATIONS = {">=": "≥", "<=": "≤", ">": ">", "<": "<", "==": "="}
_NAMES = {"ic": "IC", "pbo": "PBO", "spa": "SPA", "sharpe": "Sharpe"}
_SHARED = ("pbo", "spa")  # they judge the search, not the model
_TOGETHER = "of all trials together"
_REACH = {  # the largest margin that is drawn to scale, in the units of the gate's value
    "ic": 0.02, "ic_lower_bound": 0.02, "ic_lower_bound_corrected": 0.02, "holdout": 0.02,
    "hit_rate": 0.02, "hit_rate_above_base": 0.02, "net_return_above_baseline": 0.1, "turnover": 2.0,
    "deflated_sharpe": 0.5, "pbo": 0.5, "spa": 0.5,
}  # fmt: skip


def prose(name: str) -> str:
    """Return the name of a gate or a column in words."""
    first, *rest = name.split("_")
    return " ".join([_NAMES.get(first) or first.capitalize(), *(_NAMES.get(word, word) for word in rest)])


def shortfall(verdict: Verdict) -> str:
    """Return a sentence on by how much a gate passed or failed."""
    name, limit = prose(verdict.gate), plain(verdict.limit)
    if verdict.gate in _SHARED:
        name = f"{name} {_TOGETHER}"
    if not math.isfinite(verdict.value):
        why = verdict.note or f"the limit is {_RELATIONS[verdict.relation]} {limit}"
        return f"{name} has no finite value; {why}"
    if verdict.kind == "property":
        failed = f"does not hold: {_against(verdict)}{f'; {verdict.note}' if verdict.note else ''}"
        return f"{name} {'holds' if verdict.passed else failed}"
    return f"{name} is {plain(verdict.value)}, {_away(verdict)} the limit of {limit}"


def gate_table(result: ModelResult) -> Html:
    """Return the table of gates: verdict, value, limit, and the margin by which each passed or failed."""
    head = ("gate", "", "value", "limit", Html("short of the limit&ensp;|&ensp;beyond it"), "scale", "by how much")
    drawn = table(head, map(_row, result.verdicts), text=(1, 6), kind="gates")
    shared = [prose(verdict.gate) for verdict in result.verdicts if verdict.gate in _SHARED]
    note = f"{' and '.join(shared)}: {_TOGETHER}, the same under every model; they judge the search, not the model."
    return Html(f'{drawn}<p class="small">{note}</p>') if shared else drawn


def _row(verdict: Verdict) -> tuple[object, ...]:
    name = prose(verdict.gate)
    if verdict.gate in _SHARED:
        name = Html(f"{safe(name)} <small>{_TOGETHER}</small>")
    mark = Html('<span class="good">✓ pass</span>' if verdict.passed else '<b class="bad">✗ fail</b>')
    if verdict.kind == "property":
        said = "holds" if verdict.passed else _against(verdict)
        return name, mark, said, "none against", "", "", verdict.note
    limit = f"{_RELATIONS[verdict.relation]} {plain(verdict.limit)}"
    said = verdict.note or f"{_away(verdict)} the limit"
    return name, mark, plain(verdict.value), limit, *_drawn(verdict), said


def _against(verdict: Verdict) -> str:
    return f"{plain(verdict.value)} against it" if math.isfinite(verdict.value) else MISSING


def _away(verdict: Verdict) -> str:
    if not math.isfinite(verdict.margin):
        return MISSING
    if verdict.value == verdict.limit:
        return "at"
    return f"{plain(abs(verdict.value - verdict.limit))} {'above' if verdict.value > verdict.limit else 'below'}"


def _drawn(verdict: Verdict) -> tuple[Html, str]:
    """Return a drawing of the margin, with the limit in the middle and passing values to the right, and its scale.

    A margin larger than the scale ends in an arrow.
    """
    reach = _REACH.get(verdict.gate)
    if reach is None or not math.isfinite(verdict.margin):
        return Html(""), ""
    at = 50 + 50 * max(-1.0, min(verdict.margin / reach, 1.0))
    kind = "good" if verdict.passed else "bad"
    end = f'<i class="{kind} dot" style="left:{at:.1f}%"></i>'
    if abs(verdict.margin) > reach:
        end = f'<i class="{kind} arrow" style="left:{at:.1f}%">{"▶" if verdict.margin > 0 else "◀"}</i>'
    stem = f'<i class="{kind} range" style="left:{min(at, 50):.1f}%;width:{abs(at - 50):.1f}%"></i>'
    return Html(f'<span class="bar">{stem}{end}</span>'), f"± {plain(reach)}"
