"""From a jobs file, and what the command line adds to it, to every job of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from master.core.nearest import shown
from master.intake.strict_json import Node
from master.intake.sweeps.axes import GRID, SAMPLE, ZIP, Axis, axes_of
from master.intake.sweeps.entry import Entry, written_entry
from master.intake.sweeps.exclusions import Exclusion, exclusions_of, without
from master.intake.sweeps.values import MOST_JOBS

DEFAULTS, EXCLUDE, JOBS, SET = "defaults", "exclude", "jobs", "set"
GROUP_KEYS = (DEFAULTS, GRID, ZIP, SAMPLE, EXCLUDE, JOBS)
"""What a jobs file has at its top, and a group of jobs inside it."""
BASE_MODEL = "base_model"
NOT_IN_A_JOB = "belongs at the top of the file, beside `jobs`"
_SWEEPS = (GRID, ZIP, SAMPLE)


@dataclass(frozen=True)
class Group:
    """Jobs with common defaults and a common sweep; nothing of it is built yet."""

    node: Node
    defaults: Mapping[str, Any]
    axes: Sequence[Axis]
    exclusions: list[Exclusion]
    written: Sequence[Entry | Group]
    set_to: Mapping[str, Any]
    """What counts more than anything that the jobs say."""

    @property
    def size(self) -> int:
        """How many jobs it spells out, those that are left out counted too."""
        inside = sum(each.size if isinstance(each, Group) else 1 for each in self.written)
        return math.prod(axis.size for axis in self.axes) * inside

    @property
    def is_sweep(self) -> bool:
        """Whether it spells out more than what is written."""
        return bool(self.axes) or any(isinstance(each, Group) and each.is_sweep for each in self.written)

    @property
    def names(self) -> dict[str, str]:
        """The fields that its sweep gives values to, and by which key."""
        flag = "" if self.node.document.has_lines else "--"
        return {name: f"{flag}{axis.key}" for axis in self.axes for name in axis.names}


def expanded(top: Node, over: Node | None = None) -> list[Entry]:
    """Return all jobs of a file, or of a list; `over` is what the command line says of all of them.

    Raises ConfigError; a sweep of too many jobs is refused before it is built.
    """
    if isinstance(top.value, list) and over is None:
        return [written_entry(job, f"job {number}") for number, job in enumerate(top.items(), 1)]
    inner = _group(top, may_be_empty=over is not None)
    group = _group(over, inner) if over else inner
    _refuse_too_many(group)
    _refuse_overlaps(group, {})
    return list(_built(group))


def _group(node: Node, inside: Group | None = None, place: str = "", *, may_be_empty: bool = False) -> Group:
    """Return a group of jobs; `inside` is what it consists of where that stands elsewhere.

    One that `may_be_empty` leaves its jobs to what lies over it.
    """
    if isinstance(node.value, list):
        return Group(node, {}, (), [], _written(node, ""), {})
    defaults, jobs, set_to = (node.get(key) for key in (DEFAULTS, JOBS, SET))
    swept = any(node.get(key) for key in _SWEEPS)
    if jobs is None and inside is None and not (swept or set_to or may_be_empty):
        node.fail("there are no jobs: give `jobs`, `grid`, `zip`, `sample` or several of them")
    return Group(
        node,
        defaults.as_object() if defaults else {},
        axes_of(node),
        exclusions_of(node.get(EXCLUDE)),
        [inside] if inside else _written(jobs, place) if jobs else [_empty(node, place)],
        set_to.as_object() if set_to else {},
    )


def _empty(node: Node, place: str) -> Entry:
    """Return the job that a sweep without `jobs` fills."""
    key = next((key for key in _SWEEPS if node.get(key)), SET)
    return Entry(node.document, (*node.trail, key), place, {})


def _written(jobs: Node, place: str) -> list[Entry | Group]:
    found: list[Entry | Group] = []
    for number, job in enumerate(jobs.items(), 1):
        where = ", ".join(filter(None, (place, f"job {number}")))
        if _is_group(job.value):
            if misplaced := job.get(BASE_MODEL):
                misplaced.fail(f"{shown(BASE_MODEL)} {NOT_IN_A_JOB}")
            job.only_keys(GROUP_KEYS)
            found.append(_group(job, place=where))
        else:
            found.append(written_entry(job, where))
    return found


def _is_group(value: Any) -> bool:
    """Tell a group from a job, whose fields are no objects where a group's keys are."""
    if not isinstance(value, dict):
        return False
    jobs = value.get(JOBS)
    lists_jobs = isinstance(jobs, list) and any(isinstance(job, dict) for job in jobs)
    return lists_jobs or any(isinstance(value.get(key), dict) for key in (DEFAULTS, *_SWEEPS))


def _refuse_too_many(group: Group) -> None:
    if group.size <= MOST_JOBS or not group.is_sweep:
        return
    key = next((key for key in _SWEEPS if group.node.get(key)), None)
    node = (key and group.node.get(key)) or group.node
    node.fail(
        f"this spells out {group.size:,} jobs, allowed are {MOST_JOBS:,}: give fewer values, or draw some of"
        " them with `sample`"
    )


def _refuse_overlaps(group: Group, taken: Mapping[str, str]) -> None:
    """Refuse a field that stands in a job, or in a sweep, and in a sweep around it."""
    for name in group.names:
        if name in taken:
            group.node.fail(f"{shown(name)} is in `{taken[name]}` as well: give it in one place")
        if name in group.set_to:
            group.node.fail(f"{shown(name)} is in `--{SET}` as well: give it in one place")
    around = {**taken, **group.names}
    for each in group.written:
        if isinstance(each, Group):
            _refuse_overlaps(each, around)
            continue
        for name in each.own:
            if name in around:
                raise each.error(name, f"is in `{around[name]}` as well: give it in one place")


def _built(group: Group) -> Iterator[Entry]:
    return without(_swept(group), group.exclusions)


def _swept(group: Group) -> Iterator[Entry]:
    points = _points(group.axes)
    for entry in _inside(group):
        for place, values in points:
            swept = entry.at(values, place) if values else entry
            yield swept.with_set(group.set_to) if group.set_to else swept


def _inside(group: Group) -> Iterator[Entry]:
    for each in group.written:
        entries: Iterable[Entry] = _built(each) if isinstance(each, Group) else (each,)
        yield from (entry.below(group.defaults) for entry in entries)


def _points(axes: Sequence[Axis]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the places and values of all points of the axes, the last axis changing fastest."""
    points: list[tuple[str, Mapping[str, Any]]] = [("", {})]
    for axis in axes:
        rows = [(f"{axis.place} {number}", row) for number, row in enumerate(axis.rows(), 1)]
        points = [
            (f"{place}, {own}" if place else own, {**values, **row} if values else row)
            for place, values in points
            for own, row in rows
        ]
    return points
