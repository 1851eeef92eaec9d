"""What matters now: how far the run is, what failed in which ways, what needs a human."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from master.core.explaining.cause_json import from_json
from master.core.harmless import brief, last_line
from master.core.running.summary import JobRow
from master.view.answers.why import sentence, what_changes_it
from master.view.wording import plural
from master.web.model import Model

Told = Mapping[str, Any]
"""What a running master tells of its machines."""
MOST_WAYS, MOST_NAMED = 50, 5
_NUMBERS = re.compile(r"0x[0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_FAILED = ("failed", "blocked")
_LONGEST = 300


@dataclass
class Failures:
    """In which ways jobs have failed: each end is parsed once."""

    _known: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    """Job → its end as it lies in the journal, the way of it, and its words."""

    def ways(self, model: Model) -> list[dict[str, Any]]:
        """Return the ways, the most frequent first; blocked jobs are told by what they wait for."""
        found: dict[str, dict[str, Any]] = {}
        for job_id in chain.from_iterable(model.index.by_state[state] for state in _FAILED):
            standing = model.standing(job_id)
            way, says = self._way(model, job_id, standing.detail or standing.note)
            entry = found.setdefault(way, {"says": says, "count": 0, "jobs": [], "workers": []})
            entry["count"] += 1
            _name(entry["jobs"], job_id)
            _name(entry["workers"], standing.worker)
        return sorted(found.values(), key=lambda each: -each["count"])[:MOST_WAYS]

    def _way(self, model: Model, job_id: str, end: str) -> tuple[str, str]:
        known = self._known.get(job_id)
        if known is None or known[0] != end:
            says = words_of(model.row(job_id))
            known = self._known[job_id] = end, _NUMBERS.sub("#", says), says
        return known[1], known[2]


def _name(named: list[str], name: str | None) -> None:
    """Add a name to the few that are told, each once."""
    if name and len(named) < MOST_NAMED and name not in named:
        named.append(name)


def words_of(row: JobRow) -> str:
    """Return in a line why a job failed: the last that it wrote, else how it ended."""
    said = last_line(row.stderr_tail) if row.state.value == "failed" else ""
    error = brief(row.error, _LONGEST)
    return said if said and said not in error else error


def phases(model: Model) -> list[dict[str, Any]]:
    """Return how the jobs of each phase stand."""
    return [
        {"phase": phase, "total": sum(counts.values()), "states": {s: n for s, n in counts.items() if n}}
        for phase, counts in model.counts.items()
    ]


def eta(left: Told | None) -> list[float] | None:
    """Return the least and the most seconds until all has ended, of what a master reckons for each phase."""
    known = [each for each in (left or {}).values() if each]
    if not known:
        return None
    return [max(each["low_s"] for each in known), max(each["high_s"] for each in known)]


def needs_a_human(model: Model, told: Told | None, at: float) -> Iterator[dict[str, str]]:
    """Yield what does not go on by itself, and what would mend it."""
    if told is None:
        if model.open:
            left = plural(model.open, "job has", "jobs have")
            says = f"no master works on this run, and {left} not ended"
            yield {"says": says, "cure": "give the command that started the run again: it goes on"}
        return
    if told["halted"]:
        yield {"says": brief(told["halted"]), "cure": "mend it, then give the same command again"}
    if told["idle"]:
        cause = from_json(told["idle"]["cause"])
        says = f"nothing runs: {told['idle']['job_id']} {sentence(cause, at)}"
        yield {"says": brief(says), "cure": what_changes_it(cause)}
    for worker in told["workers"]:
        if worker["reason"] and worker["tried"] and not worker["held"]:
            what = "cannot be used" if not worker["usable"] else "has trouble"
            says = f"{worker['name']} {what}: {worker['reason']}"
            yield {"says": brief(says), "cure": f"twophase doctor tells more of {worker['name']}"}
