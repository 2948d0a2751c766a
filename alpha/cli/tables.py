"""Tables for the terminal: the metrics of a scorecard, and the summary of a run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from alpha.core.nouns import Scorecard
from alpha.operate.study import SummaryRow
from alpha.report.page import METRICS, MISSING, best_baseline, metric

if TYPE_CHECKING:
    from rich.console import Console


def summary_table(rows: Sequence[SummaryRow], console: Console | None = None) -> None:
    """Print one line for each world, and below them the full paths of the reports."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console() if console is None else console
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), collapse_padding=True)
    for heading in ("world", "model"):
        table.add_column(heading, overflow="fold")
    for heading in ("IC", "hit rate", "gates"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("blessed", no_wrap=True)
    traded = any(row.paper_equity is not None for row in rows)
    if traded:
        table.add_column("paper equity", justify="right", no_wrap=True)
    for row in rows:
        passed, total = row.gates
        verdict = Text("yes", style="bold green") if row.blessed else Text("no", style="bold red")
        table.add_row(Text(row.world), Text(row.model), f"{row.ic:.4f}", f"{row.hit_rate:.4f}", f"{passed}/{total}",
                      verdict, *([_equity(row)] if traded else []))  # fmt: skip
    console.print(table)
    for line in dict.fromkeys(f"{row.world}: {row.report}" for row in rows):
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    if any(row.shadow for row in rows):
        console.print("shadow: not blessed; replayed to show what it would have done", style="dim", soft_wrap=True)


def _equity(row: SummaryRow) -> str:
    if row.paper_equity is None:
        return "-"
    return f"{row.paper_equity:,.0f}" + (" shadow" if row.shadow else "")


def evidence_table(card: Scorecard) -> str:
    """Return every metric of a candidate with its 95 % interval and the best baseline, in at most 100 columns.

    Lines below give the number of predictions, the number of trials, and the metrics corrected for it.
    """
    head = f"  {'metric':<36}{'value':>9}  {'95 % interval':>20}  {'best baseline':>13}"
    return "\n".join([head, *_metric_lines(card), *_luck_lines(card)])


def _metric_lines(card: Scorecard) -> Iterator[str]:
    judged = [key for key, shown in METRICS.items() if shown.group in ("Prediction", "Book, after costs")]
    for key in judged:
        if key not in card.metrics:
            continue
        shown, (low, high) = metric(key), card.intervals.get(key, (math.nan, math.nan))
        name = f"{shown.title}, {shown.unit}" if shown.unit.startswith("%") else shown.title
        known = math.isfinite(low) and math.isfinite(high)
        ends = f"{shown.show(low):>8} to {shown.show(high):>8}" if known else MISSING
        best = best_baseline(key, card.baselines)
        other = MISSING if best is None else f"{shown.show(best[1]):>13}  {best[0]}"
        yield f"  {name:<36}{shown.show(card.metrics[key]):>9}  {ends:>20}  {other:>13}"


def _luck_lines(card: Scorecard) -> Iterator[str]:
    def show(key: str) -> str:
        return metric(key).show(card.metrics.get(key))

    yield (
        f"  predictions {show('predictions')}, bars with an IC {show('ic_days')}, "
        f"deflated Sharpe {show('deflated_sharpe')}"
    )
    yield (
        f"  of all trials together: trials {show('trials')} (effective {show('trials_effective')}), "
        f"PBO {show('pbo')}, SPA p {show('spa_p')}"
    )
