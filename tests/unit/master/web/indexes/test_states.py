"""Jobs by state."""

from __future__ import annotations

from master.core.planning.plan import Job
from master.web.indexes.states import StateIndex


def test_jobs_stand_where_they_came_to_last() -> None:
    index, jobs = StateIndex(), [Job(name, phase=2, needs="x" if name != "c" else None) for name in "abc"]
    for job in jobs:
        index.add(job, "pending")
    index.move(jobs[0], "pending", "running")
    index.move(jobs[1], "pending", "failed")
    index.move(jobs[0], "running", "running")
    assert list(index.in_order()) == ["b", "a", "c"] and list(index.in_order(reverse=True)) == ["c", "a", "b"]
    assert list(index.changed) == ["c", "b", "a"]
    assert {state: n for state, n in index.of_base["x"].items() if n} == {"running": 1, "failed": 1}
