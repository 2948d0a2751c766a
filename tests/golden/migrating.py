"""The three things that a later version may do with what an earlier one wrote: read it, migrate it, or refuse it.

A refusal names the command that migrates: ``tools/<name>.py`` or ``scripts/<name>.py`` with its options, to the end of
the line. The command is run here, and the artifact must then be read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from reading import AlphaError

T = TypeVar("T")
COMMAND = re.compile(r"\b(?:tools|scripts)/\w+\.py\b[^\n;]*")


def read_or_migrated(read: Callable[[], T], run: Callable[[str], int]) -> T:
    """Return what `read` returns: at once, or after the migration that its refusal names."""
    try:
        return read()
    except AlphaError as error:
        refusal = str(error)
    named = COMMAND.search(refusal)
    assert named, f"a refusal names the migration to run; this one does not: {refusal}"
    status = run(named[0])
    assert status == 0, f"{named[0]} ended with exit status {status}"
    return read()
