"""Accept or refuse bars: errors refuse them, warnings are shown, nothing is repaired."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, field_validator

from alpha.core.calendar import Calendar
from alpha.core.errors import DataError, nearest
from alpha.data.rows import Rows
from alpha.data.sanity.checks import CHECKS
from alpha.data.sanity.finding import CODES, STRUCTURAL, Finding
from alpha.data.sanity.places import place
from alpha.data.sanity.structure import structure

SHOWN = 20
FAR = 10  # sessions that data may lack at an end without a warning


class Waiver(BaseModel):
    """A person's decision to accept a finding: its errors become notes, its values stay as they are.

    Parameters
    ----------
    code : str
        A code of the sanity checks, other than the structural ones, with which no bar can be placed.
    symbol : str, optional
        Default: every symbol.
    start, end : date, optional
        The whole finding must lie between them, both included. Default: at any time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    code: str = Field(description="a code of the sanity checks")
    symbol: str | None = Field(None, description="default: every symbol")
    start: date | None = Field(None, description="first day of the findings that are accepted")
    end: date | None = Field(None, description="last day of them")

    @field_validator("code")
    @classmethod
    def _waivable(cls, code: str) -> str:
        if code in STRUCTURAL:
            raise ValueError(f"{code!r} cannot be waived, for no bar can be placed; fix the data")
        if code not in CODES:
            raise ValueError(f"no finding has the code {code!r}; {nearest(code, set(CODES) - set(STRUCTURAL))}")
        return code

    def covers(self, finding: Finding) -> bool:
        """Return whether this waives `finding`."""
        if finding.code != self.code or finding.time is None or self.symbol not in (None, finding.symbol):
            return False
        first, last = finding.time.date(), (finding.until or finding.time).date()
        return (self.start is None or self.start <= first) and (self.end is None or last <= self.end)


def inspect_bars(frame: pd.DataFrame, calendar: Calendar, now: pd.Timestamp | None = None) -> list[Finding]:
    """Return everything that is wrong or odd about long bars, errors first.

    Parameters
    ----------
    frame : DataFrame
        Long bars: ``time``, ``symbol`` and any of open, high, low, close, volume, dividend, split, adj_close; whether
        its prices are raw or adjusted is in ``frame.attrs["prices"]``.
    now : Timestamp, optional
        In UTC; a bar that ends later is an error. Default: not checked.
    """
    broken = list(structure(frame))
    if broken or frame.empty:
        return broken
    rows = Rows.of(frame, calendar)
    found = [finding for test in CHECKS for finding in test(rows, now)]
    return sorted(found, key=lambda finding: finding.severity != "error")  # stable: else in the order of the checks


def coverage(frame: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp, calendar: Calendar) -> list[Finding]:
    """Return a warning where the bars begin long after `start`, and one where they stop long before `end`."""
    if frame.empty:
        return []
    first, last = (pd.Timestamp(time.date()) for time in (frame["time"].min(), frame["time"].max()))
    found = []
    for code, at, from_, to in (("starts_late", first, start, first), ("ends_early", last, last, end)):
        missing = len(calendar.sessions(from_, to)) - 1
        if missing > FAR:
            asked = f"{start:%Y-%m-%d} to {end:%Y-%m-%d} was asked for, {first:%Y-%m-%d} to {last:%Y-%m-%d} is there"
            found.append(Finding(code, "warning", "*", at, missing, f"sessions without any bar; {asked}"))
    return found


def accept(
    findings: Iterable[Finding], waive: Sequence[Waiver] = (), frame: pd.DataFrame | None = None
) -> list[Finding]:
    """Return the findings to be shown, waived errors as notes; refuse where an error is left.

    Parameters
    ----------
    frame : DataFrame, optional
        The bars, to name the file and the line of each error.

    Raises
    ------
    DataError
        With the code of the errors, or ``insane_data`` where there are several kinds.
    """
    settled = [
        replace(f, severity="note") if f.severity == "error" and any(w.covers(f) for w in waive) else f
        for f in findings
    ]
    errors = [finding for finding in settled if finding.severity == "error"]
    if not errors:
        return settled
    kinds = Counter(finding.code for finding in errors)
    code = next(iter(kinds)) if len(kinds) == 1 else "insane_data"
    raise DataError(_refusal(errors, kinds, frame), code=code)


def _refusal(errors: Sequence[Finding], kinds: Counter[str], frame: pd.DataFrame | None) -> str:
    counted = ", ".join(f"{count} {code}" for code, count in kinds.most_common())
    shown = "\n".join(f"  {finding}{'' if frame is None else place(frame, finding)}" for finding in errors[:SHOWN])
    more = f"\n  and {len(errors) - SHOWN} more" if len(errors) > SHOWN else ""
    firsts = {finding.code: finding for finding in reversed(errors)}
    remedies = "\n".join(f"  {code}: {firsts[code].remedy}" for code, _ in kinds.most_common())
    return f"the bars cannot be used: {counted}\n{shown}{more}\nwhat to do:\n{remedies}{_otherwise(errors)}"


def _otherwise(errors: Sequence[Finding]) -> str:
    """Return the ways out of any error: leave its symbol out or, where a bar can be placed at all, waive it."""
    lines = []
    if named := next((finding.symbol for finding in errors if finding.symbol != "*"), None):
        lines.append(f"or leave the symbol out: universe: {{exclude: [{named}]}}")
    if odd := next((finding for finding in errors if finding.code not in STRUCTURAL), None):
        days = [f"{time:%Y-%m-%d}" for time in (odd.time, odd.until or odd.time) if time is not None]
        span = f"start: {days[0]}, end: {days[-1]}" if days else ""
        waiver = f"{{code: {odd.code}, symbol: {odd.symbol}, {span}}}"
        lines.append(f"or, having looked into it, accept the values as they are: universe: {{waive: [{waiver}]}}")
    return "".join(f"\n  {line}" for line in lines)
