"""The tables of the benchmark, as Markdown that is also readable as plain text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

import numpy as np
from cells import fastest, said
from engines import ALPHA, WORKLOADS

Row = dict[str, Any]
TITLES = {"alpha158": "Alpha158", "family": "RSI, MACD, Bollinger, Stochastic, ATR, ADX"}
FORMS = {"cold": "whole process, bars on disk to one frame", "warm": "computation alone, bars in memory"}


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; all columns except the first are aligned right."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def shown(seconds: float) -> str:
    """Return seconds with three digits."""
    return f"{seconds:.3g}" if seconds < 100 else f"{seconds:.0f}"


def key(workload: str, form: str, size: str) -> str:
    """Return the key of a cell in the results."""
    return f"{workload}/{form}/{size}"


def conditions(about: Row) -> str:
    """Return the conditions of the measurements as a text."""
    pins = "; ".join(f"{name}: {', '.join(found)}" for name, found in about["peers"].items())
    ours = f"{about['processors']} processors, Python {about['python']}, commit {about['commit']}"
    return f"{ours}. Peers, each in an environment of its own: {pins}.\n"


def cell(results: Row, workload: str, form: str, size: str) -> str:
    """Return the table of one cell: a workload, a form and a size."""
    rows = results["cells"].get(key(workload, form, size))
    if not rows:
        return ""
    bound = _median(rows, "bound-1") if form == "warm" else float("nan")
    ours = _median(rows, ALPHA)
    lines = []
    for engine in WORKLOADS[workload]:
        row = rows.get(engine.key)
        if row is not None:
            lines.append([engine.title, str(engine.threads), *_figures(row, ours, bound, form)])
    symbols, days = size.split("x")
    title = f"**{TITLES[workload]}, {FORMS[form]}: {symbols} symbols x {int(days):,} days**"
    last = "MiB" if form == "cold" else "over the bound"
    return f"{title}\n\n{markdown(['engine', 'threads', 'seconds', 'least - most', 'times Alpha', last], lines)}\n"


def _figures(row: Row, ours: float, bound: float, form: str) -> list[str]:
    if "failed" in row or "left_out" in row or not row["seconds"]:
        return [row.get("left_out") or f"failed: {row.get('failed', '')}", "", "", ""]
    taken = median(row["seconds"])
    last = f"{max(row['peak']) / 2**20:.0f}" if form == "cold" else f"{taken / bound:.1f}"
    spread = f"{shown(min(row['seconds']))} - {shown(max(row['seconds']))}"
    return [shown(taken), spread, f"{taken / ours:.2f}", last]


def _median(rows: Row, name: str) -> float:
    found = rows.get(name, {}).get("seconds")
    return median(found) if found else float("nan")


def agreement(results: Row, workload: str) -> str:
    """Return the table of agreement with Alpha's values, at the largest size that was compared."""
    found = [name for name in results["agreement"] if name.startswith(f"{workload}/")]
    if not found:
        return ""
    rows = results["agreement"][found[-1]]
    lines = [[engine.title, str(engine.threads), said(rows[engine.key])]
             for engine in WORKLOADS[workload] if engine.key in rows]  # fmt: skip
    title = f"**{TITLES[workload]}: columns that agree with Alpha's ({found[-1].partition('/')[2]})**"
    return f"{title}\n\n{markdown(['engine', 'threads', 'agreement'], lines)}\n"


def phases(results: Row, size: str) -> str:
    """Return the table of phases of a whole process; the remainder is the start of Python, imports and the exit."""
    rows = results["cells"].get(key("alpha158", "cold", size), {})
    lines = []
    for engine in WORKLOADS["alpha158"]:
        row = rows.get(engine.key, {})
        if row.get("phases"):
            spent = {name: median(part[name] for part in row["phases"]) for name in ("load", "compute", "frame")}
            rest = median(row["seconds"]) - sum(spent.values())
            lines.append([engine.title, str(engine.threads), *map(shown, (rest, *spent.values()))])
    head = ["engine", "threads", "start, imports, end", "read the bars", "compute", "build the frame"]
    return f"**Alpha158, whole process of {size}, in seconds**\n\n{markdown(head, lines)}\n" if lines else ""


def exponents(results: Row, form: str, pairs: Sequence[tuple[int, str]], of: str) -> list[float]:
    """Return the scaling exponent of seconds or of peak memory, over the whole range of sizes and its last step."""
    found = []
    for count, size in pairs:
        row = results["cells"].get(key("alpha158", form, size), {}).get(ALPHA, {})
        if row.get("seconds"):
            found.append((count, median(row["seconds"]) if of == "seconds" else max(row["peak"])))
    if len(found) < 2:
        return []
    x, y = np.log(np.array(found, float)).T
    return [float(np.polyfit(x, y, 1)[0]), float((y[-1] - y[-2]) / (x[-1] - x[-2]))]


def scaling(results: Row, symbols: Sequence[int], days: Sequence[int], at: tuple[int, int]) -> str:
    """Return the table of scaling exponents in symbols and in rows."""
    axes = {"symbols": [(n, f"{n}x{at[1]}") for n in symbols], "rows": [(n, f"{at[0]}x{n}") for n in days]}
    lines = []
    for axis, pairs in axes.items():
        for what, form, of in (("seconds, warm", "warm", "seconds"), ("seconds, cold", "cold", "seconds"),
                               ("peak memory", "cold", "peak")):  # fmt: skip
            found = exponents(results, form, pairs, of)
            if found:
                lines.append([axis, what, *(f"{value:.2f}" for value in found)])
    head = ["in", "of", "whole range", "last step"]
    return f"**Exponents of Alpha, {2} threads**\n\n{markdown(head, lines)}\n" if lines else ""


def own(results: Row) -> str:
    """Return the table of the measurements of Alpha alone."""
    lines, found = [], results["own"]
    if "push" in found:
        push = found["push"]
        lines.append(["a new bar through Alpha158", f"median {push['median']:.3f} ms, p99 {push['p99']:.3f} ms"])
    if "chunks" in found:
        part = found["chunks"]
        took = f"{part['seconds']:.1f} s, peak {part['peak'] / 2**20:.0f} MiB"
        took += f" ({part['before'] / 2**20:.0f} once the bars were read)"
        lines.append([f"Alpha158 in chunks of {part['rows']} rows, {part['of']}", took])
    if "kernels" in found:
        kernels = found["kernels"]
        lines.append(["first compilation of all kernels (the whole command)", f"{kernels['first']:.1f} s"])
        lines.append(["the same command later", f"{kernels['later']:.2f} s"])
    for name, title in (("alpha158", "compiling the plan of Alpha158"), ("thousand", "compiling 1,000 operations")):
        if "plans" in found:
            plan = found["plans"][name]
            lines.append([f"{title} ({plan['instructions']:,} instructions)", f"{plan['median']:.0f} ms"])
    return markdown(["Alpha alone", "measured"], lines) + "\n" if lines else ""


def aims(results: Row, size: str) -> str:
    """Return the table of aims and results; both sides in their best form, and with one thread each."""
    cold, warm = (results["cells"].get(key("alpha158", form, size), {}) for form in FORMS)
    over_new, over_used = (_median(warm, ALPHA) / _median(warm, "bound-new-2"),
                           _median(warm, "alpha-2-reuse") / _median(warm, "bound-2"))  # fmt: skip
    family, same = results["cells"].get(key("family", "warm", size), {}), "float32 as Qlib"
    lines = [
        _aim(f"whole process, {same}: times Qlib's speed", 10, fastest(cold, "qlib") / _median(cold, "alpha-2-f32"),
             fastest(cold, "qlib") / _median(cold, ALPHA), "float64"),
        _aim(f"whole process, {same}: Qlib's peak memory over Alpha's", 2,
             _peak(cold, "qlib-1") / _peak(cold, "alpha-2-f32"), _peak(cold, "qlib-1") / _peak(cold, ALPHA), "float64"),
        _aim(f"warm, {same}: times Qlib's speed", 50, fastest(warm, "qlib") / _median(warm, "alpha-2-f32"),
             fastest(warm, "qlib") / _median(warm, "alpha-2-f32-reuse"), "into memory used before"),
        _aim("warm, float64: times Qlib's speed", 50, fastest(warm, "qlib") / _median(warm, ALPHA),
             fastest(warm, "qlib") / _median(warm, "alpha-2-reuse"), "into memory used before"),
        _aim("warm: times Polars' speed", 20, fastest(warm, "polars") / _median(warm, ALPHA),
             _median(warm, "polars-1") / _median(warm, "alpha-1")),
        _aim("warm: times the seconds of writing the result once", 5, over_new, over_used, "into memory used before",
             most=True),
        _aim("family, warm: times ta's speed", 200, _median(family, "ta") / _median(family, ALPHA),
             _median(family, "ta") / _median(family, "alpha-1")),
        _aim("family, warm: times TA-Lib's speed", 3, _median(family, "talib") / _median(family, ALPHA),
             _median(family, "talib") / _median(family, "alpha-1")),
    ]  # fmt: skip
    own = results["own"]
    if "push" in own:
        lines.append(_aim("a new bar of 500 symbols, ms at the median", 0.5, own["push"]["median"], most=True))
    if "kernels" in own:
        lines.append(_aim("first compilation, seconds", 25, own["kernels"]["first"], most=True))
    if "plans" in own:
        lines.append(_aim("compiling a plan of 1,000 nodes, ms", 50, own["plans"]["thousand"]["median"], most=True))
    measured = [line for line in lines if line[2] != "nan"]
    return markdown(["aim", "wanted", "measured", "verdict", "otherwise"], measured) + "\n" if measured else ""


def _aim(what: str, wanted: float, reached: float, other: float | None = None, how: str = "one thread each",
         most: bool = False) -> list[str]:  # fmt: skip
    good = reached <= wanted if most else reached >= wanted
    verdict = "" if np.isnan(reached) else ("reached" if good else "missed")
    relation = "at most" if most else "at least"
    otherwise = "" if other is None or np.isnan(other) else f"{other:.3g} ({how})"
    return [what, f"{relation} {wanted:g}", f"{reached:.3g}", verdict, otherwise]


def _peak(rows: Row, name: str) -> float:
    found = rows.get(name, {}).get("peak")
    return max(found) if found else float("nan")
