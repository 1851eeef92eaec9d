"""What additions are called: their users' names, or those of their programs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path

from master.code.code_history import CodeStart
from master.core.nearest import shown
from master.core.running.orders.of_jobs import AddJobs, AskedProgram
from master.errors import UsageError
from master.intake.job_ids import prefix_problem
from master.specs import EMPTY

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")


def name_of(order: AddJobs, start: CodeStart, additions: Mapping[str, CodeStart] = EMPTY) -> str:
    """Return the name of an addition: its user's, or that of its program, counted up where the code differs.

    Raises UsageError for a name that cannot be, or that other code has.
    """
    if not order.name:
        return next(
            name
            for name in _names(_stem(order.program))
            if name not in additions or _is_same(additions[name], start)
        )
    if not _NAME.fullmatch(order.name) or prefix_problem(order.name):
        allowed = "letters, digits, `_`, `.` and `-`, a letter or digit first, 60 at most"
        raise UsageError(f"--name {shown(order.name)} is a folder of results: allowed are {allowed}")
    if order.name in additions and not _is_same(additions[order.name], start):
        advice = "give another name, or none"
        raise UsageError(f"--name {order.name}: the jobs of that name run other code: {advice}")
    return order.name


def _is_same(one: CodeStart, other: CodeStart) -> bool:
    return (one.record, one.argv) == (other.record, other.argv)


def _stem(asked: AskedProgram) -> str:
    word = asked.trainer or asked.module.rpartition(".")[2] or Path(asked.script).stem
    stem = re.sub(r"[^A-Za-z0-9._-]", "-", word).lstrip("._-")[:40]
    return stem if _NAME.fullmatch(stem) and not prefix_problem(stem) else "addition"


def _names(stem: str) -> Iterator[str]:
    yield stem
    yield from (f"{stem}-{number}" for number in count(2))
