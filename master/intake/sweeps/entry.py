"""One job as the user's file or command line has it, before it is checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from master.core.nearest import shown
from master.core.planning.job_settings import OF_MACHINES
from master.errors import ConfigError
from master.intake.plain_values import Trail
from master.intake.strict_json import Document, Node


@dataclass(frozen=True)
class Entry:
    """One job, and where it stands."""

    document: Document
    trail: Trail
    place: str
    own: Mapping[str, Any]
    """What it says itself, and what a sweep gave it."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """What holds where it says nothing."""
    swept: frozenset[str] = frozenset()
    """The fields to which a sweep gave its values: they are part of its name."""
    asked_for: frozenset[str] = frozenset()
    """Those, and the fields that the command line set: columns of the table."""

    @cached_property
    def fields(self) -> dict[str, Any]:
        """All its fields; what it says of resources and limits is added to the defaults, key by key."""
        return _merged(self.defaults, self.own)

    def error(self, name: str, problem: str) -> ConfigError:
        """Return the error about one field of this job."""
        return self.document.error((*self.trail, name), f"{shown(name)} {problem}", self.place)

    def below(self, defaults: Mapping[str, Any]) -> Entry:
        """Return this job with further defaults, which count less than its own."""
        return replace(self, defaults=_merged(defaults, self.defaults)) if defaults else self

    def at(self, values: Mapping[str, Any], place: str = "") -> Entry:
        """Return this job with values of a sweep, at a place that the sweep names."""
        where = ", ".join(filter(None, (self.place, place)))
        swept, asked_for = self.swept.union(values), self.asked_for.union(values)
        return replace(self, place=where, own={**self.own, **values}, swept=swept, asked_for=asked_for)

    def with_set(self, values: Mapping[str, Any]) -> Entry:
        """Return this job with values that count more than its own."""
        return replace(self, own={**self.own, **values}, asked_for=self.asked_for.union(values))


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    both = {}
    for key in OF_MACHINES:
        one, other = below.get(key), above.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            both[key] = {**one, **other}
    return {**below, **above, **both}


def written_entry(job: Node, place: str) -> Entry:
    """Return a job that is written out.  Raises ConfigError."""
    if not isinstance(job.value, dict):
        raise job.document.error(job.trail, "must be an object with the job's fields", place)
    return Entry(job.document, job.trail, place, job.value)
