"""Time logs and trials as they grow: ``python bench/log.py``."""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from alpha.core.identity import canonical
from alpha.core.log import START, FileLog, Owner, linked
from alpha.validation import Trials

OWNER = Owner("things", "paths.things")


def appending(lengths: list[int], repeats: int) -> None:
    """Print the CPU seconds of one append to logs of several lengths, and of reading them whole."""
    for length in lengths:
        with tempfile.TemporaryDirectory() as folder:
            log = filled(Path(folder) / "things.jsonl", length)
            taken = cpu(lambda log=log: [log.append({"number": -1}) for _ in range(repeats)]) / repeats
            print(f"log of {length:7,} lines: append {taken * 1e3:.2f} ms, read and check all {cpu(log.verify):.2f} s")


def filled(path: Path, length: int) -> FileLog:
    """Return a log of `length` lines, written at once."""
    seal = START
    with path.open("w", encoding="utf-8") as file:
        for number in range(length):
            line = linked({"number": number, "text": "x" * 400}, seal)
            seal = line["hash"]
            file.write(canonical(line) + "\n")
        file.flush()
        os.fsync(file.fileno())  # otherwise the first append would wait for this write
    path.with_name(f"{path.name}.head").write_text(f"{length} {seal}\n", encoding="utf-8")
    return FileLog(path, OWNER)


def scoring(kind: str, trials: int, rows: int) -> None:
    """Print the CPU seconds so far of recording trials one by one, each followed by the effective number."""
    rng, times = np.random.default_rng(0), pd.date_range("2015-01-01", periods=rows, tz="UTC", unit="ns")
    common = rng.normal(0, 0.01, (rows, 1))
    with tempfile.TemporaryDirectory() as folder:
        record, started = Trials(Path(folder) / "trials.jsonl"), time.process_time()
        for number in range(1, trials + 1):
            share = {"noise": 0.0, "alike": 0.8, "mixed": rng.uniform(0, 0.95)}[kind]
            values = np.sqrt(share) * common + np.sqrt(1 - share) * rng.normal(0, 0.01, (rows, 2))
            series = pd.DataFrame(values, times, ["ic", "net_returns"])
            record.record(f"config {number}", "data", "model", {"ic": 0.0}, series)
            effective = record.family("data", {}, date(2015, 1, 1), date(2035, 1, 1)).effective
            if number in (trials // 4, trials // 2, trials):
                taken = time.process_time() - started
                print(f"{kind}, {number:,} trials of {rows:,} rows: {taken:.1f} s, {taken / number * 1e3:.1f} ms each; "
                      f"worth {effective:.1f}", flush=True)  # fmt: skip


def cpu(run) -> float:
    """Return the CPU seconds of one run."""
    started = time.process_time()
    run()
    return time.process_time() - started


def main() -> None:
    """Print the times of appending and of scoring."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, nargs="*", default=[10, 1_000, 100_000])
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--trials", type=int, default=2_000)
    parser.add_argument("--rows", type=int, default=1_260)
    parser.add_argument("--kinds", nargs="*", default=["noise", "alike", "mixed"])
    options = parser.parse_args()
    appending(options.lines, options.repeats)
    for kind in options.kinds:
        scoring(kind, options.trials, options.rows)


if __name__ == "__main__":
    main()
