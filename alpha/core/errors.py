"""The errors that Alpha raises on purpose. The class of an error names who must act; any other exception is a bug."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AlphaError(Exception):
    """Base of all deliberate errors.

    Parameters
    ----------
    message : str
        The expected value, the actual value, and the nearest right answer.
    code : str
        A stable identifier in lower_snake_case, for programs and for searching the documentation.
    """

    exit_code = 1

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the message and the code, so that the error keeps both when it comes from another process."""
        return _again, (type(self), self.args[0], self.code)

    def __str__(self) -> str:
        return f"[{self.code}] {self.args[0]}"


def _again(kind: type[AlphaError], message: str, code: str) -> AlphaError:
    return kind(message, code=code)


class ConfigError(AlphaError):
    """A configuration or a command line is wrong. Nothing has run; the user corrects it."""

    exit_code = 2


class DataError(AlphaError):
    """Data are missing, stale or malformed. The runner skips the bar and holds its positions."""

    exit_code = 3


class ModelError(AlphaError):
    """A bundle is missing, changed or unusable. The runner refuses to start, or uses the configured fallback."""

    exit_code = 4


class GateFailed(AlphaError):
    """A candidate failed a gate. It is not blessed; research goes on."""

    exit_code = 5


class RiskBreach(AlphaError):
    """A hard limit was hit. The runner cancels open orders and halts until a person acts."""

    exit_code = 6


class BrokerError(AlphaError):
    """The broker refused or could not be reached. The runner sends the orders again under the same ids, then halts."""

    exit_code = 7


def nearest(name: object, options: Iterable[str]) -> str:
    """Return a hint: the closest option to `name`, or all of them when nothing is close."""
    known = sorted(options)
    close = difflib.get_close_matches(str(name), known, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"choose from {', '.join(known)}" if known else "there is nothing to choose from"
