"""Append-only journals of events: one in memory for backtests, one on disk that survives a kill at any instant.

`protocol` says what a journal must do and how an event becomes text; `memory` and `sqlite` do it; `schema2` reads and
migrates the files of the version before.
"""

from alpha.execution.journals.memory import MemoryJournal
from alpha.execution.journals.protocol import Journal
from alpha.execution.journals.sqlite import SqliteJournal

__all__ = ["Journal", "MemoryJournal", "SqliteJournal"]
