"""Jobs that differ in nothing but the seed, or the fold, as one line."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from master.core.results.statistics import Summary, summary
from master.core.running.lifecycle import State

OVER = ("seed", "fold")
"""What is averaged over unless the user says otherwise."""
Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """A job: what it was given, and what it reached."""

    job_id: str
    parameters: Parameters
    metrics: Mapping[str, float]
    """Empty where it has none: it failed, or has not ended."""
    state: str = "succeeded"


@dataclass(frozen=True)
class Repeat:
    """Which of the runs of a group a job is: its seed and fold, by name, as text that can be compared."""

    names: tuple[str, ...]
    values: tuple[str, ...]

    def __str__(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in zip(self.names, self.values, strict=True))


@dataclass(frozen=True)
class Group:
    """Jobs that are alike but for what is averaged over."""

    parameters: Parameters
    """Those that tell the groups apart."""
    rows: tuple[Row, ...]
    absent: tuple[Repeat, ...]
    """What most groups were run with, and this one was not."""

    def values(self, metric: str) -> list[float]:
        """Return a metric of all jobs that have it."""
        return [row.metrics[metric] for row in self.rows if metric in row.metrics]

    def summary(self, metric: str) -> Summary | None:
        """Return a metric's mean and interval; None where no job has it."""
        return summary(self.values(metric))

    def missing(self, metric: str) -> int:
        """Return how many jobs have no such figure, or should be there and are not."""
        return len(self.absent) + sum(metric not in row.metrics for row in self.rows)

    @property
    def cancelled(self) -> int:
        """Return how many of its jobs users have cancelled: they have no figures, and none is awaited."""
        return sum(row.state == State.CANCELLED.value for row in self.rows)

    @property
    def pruned(self) -> int:
        """Return how many of its jobs were stopped as they did worse than others: none is awaited."""
        return sum(row.state == State.PRUNED.value for row in self.rows)


def varying(rows: Iterable[Row]) -> list[str]:
    """Return the names of the parameters that jobs differ in, in the order in which they come up.

    A job that does not have one differs from one that has.
    """
    rows = list(rows)
    names = dict.fromkeys(name for row in rows for name in row.parameters)
    return [name for name in names if len({_text(row.parameters, name) for row in rows}) > 1]


def grouped(rows: Sequence[Row], over: Sequence[str] = OVER) -> list[Group]:
    """Return the groups, in the order of their first jobs; jobs alike but for `over` share one."""
    apart = [name for name in varying(rows) if name not in over]
    repeated = tuple(name for name in over if any(name in row.parameters for row in rows))
    of: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        of.setdefault(tuple(_text(row.parameters, name) for name in apart), []).append(row)
    shared = _shared(list(of.values()), repeated)
    return [_group(found, apart, repeated, shared) for found in of.values()]


def _shared(groups: Sequence[Sequence[Row]], repeated: tuple[str, ...]) -> list[Repeat]:
    """Return what most groups were run with: a seed that is one group's own is missing nowhere else."""
    counts = Counter(repeat for rows in groups for repeat in {repeat_of(row, repeated) for row in rows})
    return sorted((each for each, count in counts.items() if 2 * count > len(groups)), key=str)


def _group(rows: list[Row], apart: list[str], repeated: tuple[str, ...], asked: Iterable[Repeat]) -> Group:
    own = {repeat_of(row, repeated) for row in rows}
    first = rows[0].parameters
    told = {name: first[name] for name in apart if name in first}
    return Group(told, tuple(rows), tuple(repeat for repeat in asked if repeat not in own))


def repeat_of(row: Row, names: tuple[str, ...]) -> Repeat:
    """Return which of its group's runs a job is."""
    return Repeat(names, tuple(_text(row.parameters, name) for name in names))


def _text(parameters: Parameters, name: str) -> str:
    """Return a value as text in which 1 and "1" differ, and 1 and 1.0 do not."""
    if name not in parameters:
        return ""
    value = parameters[name]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, sort_keys=True, default=str)
