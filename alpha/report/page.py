"""The frame of every page (one file, no script, nothing from the network), with its tables and number formats."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

CSS = Path(__file__).with_name("page.css")
MISSING = "–"


class Html(str):
    """A text that is already markup; any other text is escaped when it enters a page."""

    __slots__ = ()


def safe(value: object) -> str:
    """Return markup unchanged, and everything else escaped."""
    return value if isinstance(value, Html) else escape(str(value))


def page(title: str, body: Iterable[str]) -> str:
    """Return a whole HTML document around a body of markup."""
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{safe(title)}</title>\n<style>\n{CSS.read_text(encoding='utf-8')}</style>"
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body><main>\n'
        + "\n".join(body)
        + "\n</main></body></html>\n"
    )


def table(
    head: Sequence[object], rows: Iterable[Sequence[object]], *, text: Sequence[int] = (), kind: str = ""
) -> Html:
    """Return a table that scrolls sideways where it is too wide.

    The columns in `text` are prose. A row of one cell is the heading of the rows below it.
    """

    def cells(tag: str, row: Sequence[object]) -> str:
        return "".join(
            f"<{tag}{' class=text' if number in text else ''}>{safe(cell)}</{tag}>" for number, cell in enumerate(row)
        )

    def line(row: Sequence[object]) -> str:
        if len(row) == 1 < len(head):
            return f'<tr class="group"><td>{safe(row[0])}</td><td colspan="{len(head) - 1}"></td></tr>'
        return f"<tr>{cells('td', row)}</tr>"

    body = "\n".join(map(line, rows))
    return Html(
        f'<div class="scroll"><table class="{kind}"><thead><tr>{cells("th", head)}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>"
    )


def figure(title: str, note: str, svg: str) -> Html:
    """Return a drawing with its title above and a sentence below that explains how to read it."""
    return Html(f"<figure><h4>{safe(title)}</h4>{svg}<figcaption>{safe(note)}</figcaption></figure>")


def by_width(wide: str, narrow: str) -> str:
    """Return two forms of a drawing; the page shows the one that fits its width."""
    return f'<div class="wide">{wide}</div><div class="narrow">{narrow}</div>'


def facts(pairs: Iterable[tuple[str, object]]) -> Html:
    """Return a list of terms and their values."""
    return Html("<dl>" + "".join(f"<dt>{safe(term)}</dt><dd>{safe(value)}</dd>" for term, value in pairs) + "</dl>")


def tiles(pairs: Iterable[tuple[str, object]]) -> Html:
    """Return a row of large numbers, each with its name below."""
    return Html(
        '<div class="tiles">'
        + "".join(f"<div><b>{safe(value)}</b><span>{safe(term)}</span></div>" for term, value in pairs)
        + "</div>"
    )


def plain(value: object) -> str:
    """Return a number with four significant digits, anything else as its text."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return MISSING if value is None else str(value)
    if not math.isfinite(value):
        return MISSING
    if isinstance(value, int) or (value == int(value) and abs(value) >= 1_000):
        return _minus(f"{value:,.0f}")
    return _minus(f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}")


def number(digits: int, *, scale: float = 1.0, unit: str = "", sign: str = "") -> Callable[[float | None], str]:
    """Return a formatter: fixed digits, thousands separators, a true minus sign, a dash where there is no number."""

    def show(value: float | None) -> str:
        if value is None or not math.isfinite(value):
            return MISSING
        text = f"{value * scale:{sign},.{digits}f}"
        return _minus(text) + unit

    return show


def _minus(text: str) -> str:
    return text.replace("-", "−")


class Metric(NamedTuple):
    """The title, format and group of a metric in reports."""

    title: str
    unit: str
    show: Callable[[float | None], str]
    group: str = "Other"
    better: int = 0  # 1: more is better; -1: less is better; 0: neither


_four, _two, _percent, _whole = number(4), number(2), number(2, scale=100), number(0)
_tenth = number(1, scale=100)

_GROUPS: dict[str, dict[str, tuple[str, str, Callable[[float | None], str]]]] = {
    "Prediction": {
        "ic": ("Information coefficient (IC)", "mean rank correlation", _four),
        "ic_t": ("t of the IC", "Newey–West", _two),
        "icir": ("ICIR", "mean over st. dev., per bar", number(3)),
        "hit_rate": ("Hit rate, all predictions", "fraction", _four),
        "hit_base_rate": ("Base rate of the hit rate", "better constant guess", _four),
        "hit_rate_positions": ("Hit rate, positions taken", "fraction", _four),
    },
    "Book, after costs": {
        "net_return_annual": ("Net return", "% a year", _percent),
        "gross_return_annual": ("Gross return, before costs", "% a year", _percent),
        "cost_annual": ("Costs", "% a year", _percent),
        "total_net_return": ("Net return, whole span", "%", _tenth),
        "net_return": ("Net return", "%", _percent),
        "volatility": ("Volatility", "% a year", _percent),
        "sharpe": ("Sharpe ratio", "annual", _two),
        "sortino": ("Sortino ratio", "annual", _two),
        "max_drawdown": ("Largest drawdown", "%", _tenth),
        "var_95": ("Value at risk, 95 %", "% a bar", _percent),
        "cvar_95": ("Expected shortfall, 95 %", "% a bar", _percent),
        "turnover": ("Turnover", "sum of |Δ weight| a bar", _four),
    },
    "Evidence": {
        "predictions": ("Predictions", "count", _whole),
        "ic_days": ("Bars with an IC", "count", _whole),
        "train_rows": ("Training rows", "count", _whole),
    },
    "Luck and choice": {
        "trials": ("Configurations tried", "count", _whole),
        "trials_effective": ("Effective trials", "worth as many independent ones", number(1)),
        "ic_low_corrected": ("Lower bound of the IC", "corrected for the trials", _four),
        "sharpe_expected_max": ("Best Sharpe ratio by chance", "a bar, in as many trials", _four),
        "deflated_sharpe": ("Deflated Sharpe ratio", "probability", _four),
        "pbo": ("Probability of overfitting (PBO)", "of all trials together, CSCV", _four),
        "spa_p": ("p of the SPA test", "of all trials together: none earns anything", _four),
        "holdout_ic": ("IC on the sealed holdout", "mean rank correlation", _four),
        "holdout_ic_low": ("Its lower bound", "at what this look may spend", _four),
        "holdout_looks": ("Looks at the holdout", "count", _whole),
    },
}
_LESS = {"cost_annual", "volatility", "max_drawdown", "var_95", "cvar_95", "turnover"}
_NEITHER = {"hit_base_rate", *_GROUPS["Evidence"], *_GROUPS["Luck and choice"]}
METRICS = {
    key: Metric(*shown, group, -1 if key in _LESS else int(key not in _NEITHER))
    for group, keys in _GROUPS.items()
    for key, shown in keys.items()
}


def metric(name: str) -> Metric:
    """Return the presentation of a metric; one that is not listed is shown under its own name."""
    return METRICS.get(name) or Metric(name.replace("_", " "), "", plain)


def best_baseline(name: str, baselines: Mapping[str, Mapping[str, float | None]]) -> tuple[str, float] | None:
    """Return the best baseline by a metric, and its value; None where the metric has no better direction."""
    better = metric(name).better
    known = {other: value for other, values in baselines.items()
             if (value := values.get(name)) is not None and math.isfinite(value)}  # fmt: skip
    return max(known.items(), key=lambda item: better * item[1]) if better and known else None
