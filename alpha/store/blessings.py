"""The log of blessings, and the functions that add to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import AwareDatetime

from alpha.core.errors import ConfigError, GateFailed, ModelError
from alpha.core.log import FileLog, Log, Owner
from alpha.core.records import Record, VerdictRecord
from alpha.store.bundle_files import locate, reference, save
from alpha.store.disk import locked
from alpha.store.verification import verify

if TYPE_CHECKING:
    from alpha.core.nouns import Verdict
    from alpha.strategy import Candidate

OWNER = Owner("blessings", "paths.artifacts", ModelError, "altered")
_DATE = len("2026-01-31")


class Blessing(Record):
    """One line of the log: the bundle `ref` is blessed from `at` until the next line."""

    at: AwareDatetime
    action: Literal["bless", "rollback"]
    ref: str
    config_id: str
    gates: tuple[VerdictRecord, ...]
    previous: str
    hash: str


def promote(candidate: Candidate, config: Mapping[str, Any], root: Path) -> str:
    """Save and bless a candidate that passed every gate; return its reference.

    Raises
    ------
    GateFailed
        `gates_failed`, with a line for each gate that failed; `not_judged`. Nothing is written.
    ModelError
        The written bundle fails verification. It is not blessed.
    """
    name = candidate.bundle.name
    require_passed(name, candidate.gates)
    if candidate.waiting:
        raise GateFailed(f"{name} was not judged by {', '.join(candidate.waiting)}, so it cannot be blessed; "
                         f"tools/bless_model_inference.py opens the holdout for it", code="not_judged")  # fmt: skip
    with locked(root):
        ref = reference(save(candidate, config, root))
        Blessings(root).bless(ref)
    return ref


def require_passed(name: str, gates: Sequence[Verdict] | Sequence[VerdictRecord]) -> None:
    """Raise `GateFailed` unless there is at least one gate and all passed."""
    if not gates:
        raise GateFailed(f"{name} was judged by no gate, so it cannot be blessed", code="not_judged")
    failed = [gate for gate in gates if not gate.passed]
    if failed:
        lines = "\n".join(f"  {_line(gate)}" for gate in failed)
        raise GateFailed(f"{name} failed {len(failed)} of {len(gates)} gates and is not blessed:\n{lines}",
                         code="gates_failed")  # fmt: skip


def _line(gate: Verdict | VerdictRecord) -> str:
    value = "nothing" if gate.value is None else f"{gate.value:.4f}"
    return f"{gate.gate}: {value}, expected {gate.relation} {gate.limit:g}; {gate.note}"


@dataclass(frozen=True)
class Blessings:
    """The append-only log of blessings in ``<root>/blessings.jsonl`` (see `FileLog`).

    Parameters
    ----------
    root : Path
        The store of the bundles, ``artifacts/<world>/models``.
    """

    root: Path

    @property
    def path(self) -> Path:
        """The file of the log."""
        return self.root / "blessings.jsonl"

    @property
    def log(self) -> Log:
        """The log itself."""
        return FileLog(self.path, OWNER)

    @property
    def current(self) -> str | None:
        """The currently blessed bundle."""
        history = self.history()
        return history[-1].ref if history else None

    def bless(self, ref: str) -> Blessing:
        """Verify and bless a bundle of this store. Blessing the current one again adds no line.

        Raises
        ------
        ModelError
            The bundle is refused.
        GateFailed
            It failed a gate when it was made.
        """
        with locked(self.root):
            history = self.history()
            if history and history[-1].ref == ref:
                return history[-1]
            return self._append("bless", ref)

    def rollback(self) -> str:
        """Go back to the bundle blessed before the current one, and return it.

        A rollback undoes one blessing, so a second rollback goes further back. The undone bundle stays in the store
        and can be blessed again.

        Raises
        ------
        ModelError
            `nothing_before`: there is no earlier blessing. Also where the earlier bundle is refused.
        """
        with locked(self.root):
            blessed = _standing(self.history())
            if len(blessed) < 2:
                what = f"nothing was blessed before {blessed[0]}, which stays" if blessed else "nothing was blessed yet"
                raise ModelError(f"there is nothing to go back to: {what}", code="nothing_before")
            return self._append("rollback", blessed[-2]).ref

    def at(self, when: datetime | date | str) -> str | None:
        """Return the bundle that was blessed at an instant; a date alone means its end, in UTC.

        Raises
        ------
        ConfigError
            `bad_date`.
        """
        instant = _instant(when)
        before = [blessing for blessing in self.history() if blessing.at <= instant]
        return before[-1].ref if before else None

    def require(self, ref: str) -> Path:
        """Return the folder of a bundle that was blessed at some time.

        Raises
        ------
        ModelError
            `not_blessed`, `bundle_missing`.
        """
        if ref not in {blessing.ref for blessing in self.history()}:
            raise ModelError(f"{ref} was never blessed in {self.root}; the current one is {self.current}",
                             code="not_blessed")  # fmt: skip
        return locate(self.root, ref)

    def history(self) -> tuple[Blessing, ...]:
        """Check the chain of hashes and return every line, oldest first.

        Raises
        ------
        ModelError
            `blessings_altered`: something other than Alpha changed the log; `blessings_torn`: its last line is cut off.
        """
        return tuple(map(self._read, self.log.read()))

    def _append(self, action: Literal["bless", "rollback"], ref: str) -> Blessing:
        manifest = verify(locate(self.root, ref))
        require_passed(ref, manifest.gates)
        return self._read(self.log.append({
            "at": _now().isoformat(), "action": action, "ref": ref, "config_id": manifest.config_id,
            "gates": [gate.model_dump(mode="json") for gate in manifest.gates],
        }))  # fmt: skip

    def _read(self, line: Mapping[str, Any]) -> Blessing:
        try:
            return Blessing.model_validate(line)
        except ValueError as error:
            raise ModelError(f"{self.path} holds a line that is no blessing: {error}; restore it from a copy",
                             code="blessings_altered") from None  # fmt: skip


def _standing(history: Sequence[Blessing]) -> list[str]:
    """Return the blessings that no rollback has undone."""
    standing: list[str] = []
    for blessing in history:
        if blessing.action == "bless":
            standing.append(blessing.ref)
        else:
            standing.pop()
    return standing


def _now() -> datetime:
    return datetime.now(UTC)


def _instant(when: datetime | date | str) -> datetime:
    if isinstance(when, str):
        try:
            when = date.fromisoformat(when) if len(when) <= _DATE else datetime.fromisoformat(when)
        except ValueError:
            raise ConfigError(f"expected a date such as 2026-01-31, or with a time; it was {when!r}",
                              code="bad_date") from None  # fmt: skip
    if not isinstance(when, datetime):
        when = datetime.combine(when, time.max)
    return when if when.tzinfo else when.replace(tzinfo=UTC)
