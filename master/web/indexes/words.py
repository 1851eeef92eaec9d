"""Which jobs a word of a filter fits: of their fields, and of their ids, workers and notes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from master.core.explaining.standing import Standing
from master.core.json_values import same

Fields = Mapping[str, Any]
_Values = dict[tuple[bool, Any], set[str]]


class FieldIndex:
    """Jobs by the values of a field: made for a name when that is asked for first."""

    def __init__(self, fields: Mapping[str, Fields]) -> None:
        self.names = frozenset(name for each in fields.values() for name in each)
        """Of all fields that a job was given."""
        self._fields = fields
        self._made: dict[str, tuple[_Values, list[tuple[str, Any]]]] = {}

    def having(self, name: str, value: Any) -> set[str]:
        """Return the jobs whose field has a value."""
        if name not in self._made:
            self._made[name] = self._make(name)
        values, others = self._made[name]
        found = values.get(_key(value), set()) if _is_key(value) else set()
        return found | {job_id for job_id, other in others if same(other, value)}

    def _make(self, name: str) -> tuple[_Values, list[tuple[str, Any]]]:
        values: _Values = {}
        others = []
        for job_id, fields in self._fields.items():
            if name not in fields:
                continue
            value = fields[name]
            if _is_key(value):
                values.setdefault(_key(value), set()).add(job_id)
            else:
                others.append((job_id, value))
        return values, others


def _is_key(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float))


def _key(value: Any) -> tuple[bool, Any]:
    """Return what is equal for values that are `same`: true is not 1."""
    return isinstance(value, bool), value


class TextIndex:
    """What a part of a word is looked for in; changed by `add` and `take` alone."""

    def __init__(self) -> None:
        self._mixed: dict[str, str] = {}
        """Ids that are not in small letters, and how they are then."""
        self._notes: dict[str, str] = {}
        self._workers: dict[str, str] = {}

    def add(self, job_id: str) -> None:
        """Take in a job that is new."""
        if (small := job_id.lower()) != job_id:
            self._mixed[job_id] = small

    def take(self, job_id: str, standing: Standing) -> None:
        """Take in how a job stands now."""
        if standing.note:
            self._notes[job_id] = standing.note.lower()
        else:
            self._notes.pop(job_id, None)
        if standing.worker and standing.worker not in self._workers:
            self._workers[standing.worker] = standing.worker.lower()

    def fitting(self, word: str, job_ids: Iterable[str], standings: Mapping[str, Standing]) -> list[str]:
        """Return those of which id, worker or note holds a word in small letters, in their order."""
        others = {job_id for job_id, small in self._mixed.items() if word in small}
        others |= {job_id for job_id, note in self._notes.items() if word in note}
        if workers := {name for name, small in self._workers.items() if word in small}:
            others |= {job_id for job_id, each in standings.items() if each.worker in workers}
        return [job_id for job_id in job_ids if word in job_id or job_id in others]
