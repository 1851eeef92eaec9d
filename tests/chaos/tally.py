"""What jobs say of themselves, to a file outside of all that is tested.  Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Execution:
    """One process that ran a job: two of them with one attempt's number are two executions."""

    job: str
    attempt: int
    host: str
    nonce: str
    """Made up by the process; its result has it too."""
    started: float
    """In seconds since 1970, by the one clock of all containers; so are all times here."""
    ended: float | None = None
    """When it had done all that it does; None if it never came so far."""
    base: str | None = None
    """The digest of the base model that it read, or made."""
    result: str | None = None
    """The digest of what it wrote."""
    damaged: bool = False
    """It saw for itself that its base model is not whole, and failed."""


def executions(lines: Iterable[str]) -> list[Execution]:
    """Return what ran, in the order of the starts.  Raises ValueError for a line that no job writes."""
    found: dict[str, Execution] = {}
    for line in lines:
        said = json.loads(line)
        nonce, what = said["nonce"], said["what"]
        if what == "start":
            found[nonce] = Execution(said["job"], said["attempt"], said["host"], nonce, said["at"])
        elif what == "damaged":
            found[nonce] = replace(found[nonce], damaged=True, base=said["base"])
        else:
            found[nonce] = replace(
                found[nonce], ended=said["at"], base=said.get("base"), result=said.get("result")
            )
    return sorted(found.values(), key=lambda execution: execution.started)
