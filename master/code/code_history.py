"""Which code the attempts of a run were started with, when the run was started more than once.  Pure."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from master.code.code_record import CodeRecord, changes, listed

if TYPE_CHECKING:
    from master.core.running.events import Attempt


@dataclass(frozen=True)
class CodeStart:
    """The code that a start of the run used."""

    record: CodeRecord
    snapshot: str = ""
    """Content hash."""
    argv: tuple[str, ...] = ()
    """What jobs are started with, before their flags."""
    at: float = 0.0
    """When it was first used."""
    base: CodeStart | None = None
    """What trains base models, where that is another script."""

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        own = {**vars(self), "record": self.record.as_json(), "argv": list(self.argv)}
        del own["base"]
        return {**own, "base": self.base.as_json()} if self.base else own

    @classmethod
    def from_json(cls, value: object) -> CodeStart | None:
        """Return what JSON values hold; None where they are none of this version's."""
        record = CodeRecord.from_json(value.get("record")) if isinstance(value, Mapping) else None
        if record is None or not isinstance(value, Mapping):
            return None
        at = value.get("at")
        argv = tuple(map(str, value.get("argv") or ()))
        base = cls.from_json(value.get("base"))
        return cls(record, str(value.get("snapshot")), argv, at if isinstance(at, float) else 0.0, base)

    def of_job(self, *, trains: bool) -> CodeStart:
        """Return the part of it that does a job: one that trains a base model, or one that does not."""
        return self.base if trains and self.base else self


@dataclass(frozen=True)
class CodeHistory:
    """The code of the present start, and that of attempts which earlier ones began."""

    now: CodeStart
    former: Mapping[Attempt, CodeStart | None] = field(default_factory=dict)
    """None for attempts whose code was not remembered."""

    def of(self, job_id: str, attempt: int) -> CodeStart | None:
        """Return what an attempt was started with; None where that is not known."""
        return self.former.get((job_id, attempt), self.now)

    def mixed(self, attempts: Iterable[Attempt]) -> list[str]:
        """Say how results differ in their code: nothing where all come from the same."""
        found: dict[str, tuple[CodeStart | None, int]] = {}
        for attempt in attempts:
            start = self.of(*attempt)
            key = start.record.identity if start else ""
            found[key] = (start, found.get(key, (start, 0))[1] + 1)
        return list(_told(list(found.values()))) if len(found) > 1 else []


def _told(found: list[tuple[CodeStart | None, int]]) -> Iterator[str]:
    known = [start.record for start, _ in found if start]
    names = {name for record in known for name in changes(known[0], record).program}
    differ = f", which differ in {listed(names)}" if names else ""
    yield f"These results are of {len(found)} versions of the code{differ}:"
    for start, count in found:
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(start.at)) if start else ""
        yield f"  {count:,} by {f'that of {since}' if start else 'one that was not remembered'}"
