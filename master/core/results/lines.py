"""The table of results: a line for each group, the best first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from master.core.json_values import same
from master.core.results.comparison import Paired, lower_is_better, paired, ranked
from master.core.results.groups import OVER, Group, Row, grouped
from master.core.results.statistics import Summary


@dataclass(frozen=True)
class Question:
    """What the user wants to know of the results."""

    metrics: tuple[str, ...]
    by: str
    """The metric that the lines are in order of, one of `metrics`."""
    ascending: bool
    over: tuple[str, ...] = OVER
    baseline: Mapping[str, Any] | None = None
    """Parameters of the group that the others are compared with."""


@dataclass(frozen=True)
class ResultLine:
    """A group, and its figures."""

    group: Group
    summaries: Mapping[str, Summary | None]
    missing: Mapping[str, int]
    against: Paired | None = None
    """The difference of the metric `by` to the baseline's; None for the baseline, and where there is none."""


def ask(
    rows: Sequence[Row], metrics: Sequence[str] = (), by: str = "", ascending: bool | None = None
) -> Question:
    """Return what is meant where the user says little: all metrics, the first one's best first."""
    known = list(dict.fromkeys(name for row in rows for name in row.metrics))
    chosen = tuple(metrics) or tuple(known)
    first = by or (chosen[0] if chosen else "")
    chosen = chosen if not first or first in chosen else (first, *chosen)
    return Question(chosen, first, lower_is_better(first) if ascending is None else ascending)


def result_lines(rows: Sequence[Row], question: Question) -> list[ResultLine]:
    """Return a line for each group, the best first.  LookupError: the baseline is not one group."""
    groups = ranked(grouped(rows, question.over), question.by, question.ascending)
    baseline = _baseline(groups, question.baseline) if question.baseline else None
    return [_line(group, question, baseline) for group in groups]


def _line(group: Group, question: Question, baseline: Group | None) -> ResultLine:
    against = None
    if baseline is not None and group is not baseline:
        against = paired(group, baseline, question.by, question.over)
    return ResultLine(
        group,
        {name: group.summary(name) for name in question.metrics},
        {name: group.missing(name) for name in question.metrics},
        against,
    )


def _baseline(groups: Sequence[Group], wanted: Mapping[str, Any]) -> Group:
    found = [
        group for group in groups if all(same(group.rows[0].parameters.get(k), v) for k, v in wanted.items())
    ]
    told = ", ".join(f"{name}={value}" for name, value in wanted.items())
    if len(found) == 1:
        return found[0]
    raise LookupError(f"{len(found) or 'no'} groups have {told}: a baseline is one group")
