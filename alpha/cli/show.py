"""Print the records of research, of blessing and of paper trading."""

from __future__ import annotations

from pathlib import Path

from alpha.cli.tables import evidence_table, summary_table
from alpha.config.sleeves import Sleeves
from alpha.operate.blessing import Kept
from alpha.operate.hints import BLESS, command
from alpha.operate.opening import state
from alpha.operate.sleeves import Together
from alpha.operate.study import counted, row
from alpha.report import evaluation
from alpha.report.daily import DailyReport
from alpha.study import Study


def study(found: Study, *, metrics: bool = True) -> None:
    """Print the findings in the data and every gate of every model; optionally its metrics with their intervals."""
    for finding in counted(found.findings):
        print(f"data: {finding.count} x {finding.code} ({finding.kind}), e.g. {_example(finding)}")
    for candidate in found.candidates:
        print(f"\n{found.config.name} / {candidate.bundle.name}")
        print("\n".join(f"  {gate}" for gate in candidate.gates))
        for name in candidate.waiting:
            print(f"  ----  {name:<28} not judged: blessing opens it")
        if metrics:
            print(f"\n{evidence_table(candidate.scorecard)}")
    print(f"\nconfigurations tried on these data so far: {found.trials}")
    print(state(found.config, found.panel.id))


def _example(finding: evaluation.FindingCount) -> str:
    """Return the place and the text of the first example, without its kind and code."""
    return " ".join(finding.examples[0].split()[2:])


def table(found: Study, folder: Path, options: str = "") -> None:
    """Print the table of a run without blessing: one line for each model, and the path of the report.

    Parameters
    ----------
    options : str
        Command-line options that chose the configuration, for the command that blesses.
    """
    summary_table([row(found, candidate, folder, blessed=False) for candidate in found.candidates])
    if found.best.passed:
        print(f"{found.best.bundle.name} passed every gate; to bless it: {command(BLESS, options)}")


def looked(kept: Kept) -> None:
    """Print the verdict of the holdout, where blessing opened it."""
    if kept.holdout is not None:
        print(f"  {kept.holdout}")


def together(world: Sleeves, found: Together) -> None:
    """Print the best candidate of each sleeve, and the results of their common book."""
    for entry, (sleeve, each) in zip(world.sleeves, found.studies.items(), strict=True):
        table(each, found.folders[sleeve], entry.options)
    first, last = found.book.times[[0, -1]]
    print(f"\n{world.name}: {len(found.book.times):,} bars, {first:%Y-%m-%d} to {last:%Y-%m-%d}")
    for metric, value in found.metrics().items():
        print(f"  {metric:<14} {value:>12,.4f}")
    print(f"  {'trades':<14} {found.book.trades:>12,}")
    print(f"  orders         {found.book.order_hash}")


def day(report: DailyReport, page: Path) -> None:
    """Print the report of the paper account in a few lines."""
    pnl, fees, slippage = report.pnl, report.costs.fees or 0.0, report.costs.slippage or 0.0
    if report.mode == "shadow":
        print("SHADOW: this bundle is replayed, blessed or not; nothing here earns it promotion")
    if report.fallback:
        print(f"FALLBACK: {report.bundle} trades, because {report.fallback}")
    if report.other_data:
        print(f"OTHER DATA: {report.other_data}")
    if report.in_sample:
        print("IN SAMPLE: some bars lie in the window the bundle was trained on; profit on them is no evidence")
    if report.traded == 0:
        print("NO NEW BAR: nothing was traded in this run; these are the numbers of the ledger so far")
    print(f"{report.run}  {report.bundle}")
    for span in report.bundles[:-1]:
        print(f"  before that {span.ref} decided {span.sessions} sessions")
    print(f"  {report.first_bar:%Y-%m-%d} to {report.last_bar:%Y-%m-%d}, {report.sessions} sessions")
    print(f"  equity     {report.equity_end:>16,.2f}   P&L {pnl.total:+,.2f} (last day {pnl.day:+,.2f})")
    print(f"  costs      {fees + slippage:>16,.2f}   fees {fees:,.2f}, slippage {slippage:,.2f}")
    print(f"  trades     {len(report.trades):>16,}   positions {len(report.positions)}")
    print(f"  limits hit {sum(report.limits_hit.values()):>16,}   skipped bars {len(report.skipped)}")
    print(f"  orders     {report.order_hash}")
    print(f"  report     {page}")
