"""Print the results of experiments on Alpha itself: leak checks, the battery and the smoke run."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from alpha.cli import show
from alpha.cli.tables import summary_table
from alpha.lab.battery import matrix
from alpha.lab.leakage import CheckResult
from alpha.lab.smoke import PLANTED, Run
from alpha.operate.study import SummaryRow


def checks(results: Iterable[CheckResult]) -> bool:
    """Print the result of each check of each model as it arrives; return whether none found a leak."""
    model, leaks = "", 0
    for result in results:
        if result.model != model:
            model = result.model
            print(f"\n{model}")
        print(result, flush=True)
        leaks += result.said is not None
    print(f"\nleaks found: {leaks}")
    return not leaks


def battery(results: Sequence[matrix.WorldResult], *, explain: bool) -> bool:
    """Print the matrix of the battery; return whether all leaks were caught without a false alarm.

    Parameters
    ----------
    explain : bool
        Also print the finding of each check that found a leak.
    """
    print("\n".join(matrix.lines(results)))
    for result in results if explain else ():
        for name, said in result.found.items():
            print(f"{result.world.name}, {name}: {said}")
    return not any(result.wrong for result in results)


def smoke(runs: Iterable[Run]) -> int:
    """Print each world as it ends, and a table of all; return the exit status: 1 unless the planted edge is blessed."""
    rows = {run.world: _printed(run) for run in runs}
    print()
    summary_table(list(rows.values()))
    if not rows[PLANTED].blessed:
        print("FAILED: the planted edge was not blessed", file=sys.stderr)
        return 1
    return 0


def _printed(run: Run) -> SummaryRow:
    show.study(run.found, metrics=False)
    show.looked(run.kept)
    if run.kept.refused is not None:
        print(f"\n{run.kept.refused.args[0]}\n")
    else:
        print(f"\nkilled the paper runner (SIGKILL) after {run.killed} bars; resuming from its journal")
        equity = run.day.equity_end
        print(f"killed and resumed = never killed: same orders, same equity to the cent ({equity:,.2f})")
    show.day(run.day, run.page)
    return run.row
