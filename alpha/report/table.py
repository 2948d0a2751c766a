"""The table a run ends with in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class SummaryRow:
    """One world and the model chosen in it.

    Parameters
    ----------
    ic, hit_rate : float
        Fractions, out of sample.
    gates : pair of int
        How many passed, and how many there were.
    paper_equity : float, optional
        Equity after the last bar on paper, in the quote currency; None: nothing was traded.
    shadow : bool
        Whether that was the replay of a candidate that is not blessed.
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


def summary_table(rows: Sequence[SummaryRow], console: Console | None = None) -> None:
    """Print one line a world, and below them the paths, whole, so that they can be copied."""
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
