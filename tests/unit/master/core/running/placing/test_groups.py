"""Ready jobs by base model: each is near for who holds it, and far for all others."""

from __future__ import annotations

from collections.abc import Iterator

from master.core.planning.plan import Job
from master.core.running.placing.groups import Groups, Kind, Ranked, merged

KIND: Kind = 0


def groups(*needs: str | None) -> tuple[Groups, list[Job]]:
    found, jobs = Groups(), [Job(f"{spec}{number}", 2, needs=spec) for number, spec in enumerate(needs)]
    for job in jobs:
        found.add(job, KIND)
    return found, jobs


def ids(ranked: Iterator[Ranked]) -> list[str]:
    return [job.job_id for job in merged([ranked])]


def test_what_a_worker_holds_is_near_to_it_and_far_from_others() -> None:
    found, _ = groups("x", "y", None, "y")
    found.hold("w1", "x")
    assert ids(found.near("w1", KIND, 0.0)) == ["x0"]
    assert ids(found.far("w1", KIND, 0.0)) == ["y1", "y3"]
    assert ids(found.near("w2", KIND, 0.0)) == []
    assert ids(found.far("w2", KIND, 0.0)) == ["y1", "y3", "x0"]
    assert ids(found.without_base(KIND, 0.0)) == ["None2"]


def test_what_a_worker_held_before_there_was_a_job_for_it_is_near_too() -> None:
    found, _ = groups("x")
    found.hold("w1", "y")
    found.add(Job("late", 2, needs="y"), KIND)
    assert ids(found.near("w1", KIND, 0.0)) == ["late"]


def test_a_group_whose_jobs_are_gone_is_gone() -> None:
    found, jobs = groups("x", "y")
    found.take(jobs[0], KIND)
    assert ids(found.far("w1", KIND, 0.0)) == ["y1"]
    assert [job.job_id for job in found.all_jobs()] == ["y1"]
    assert not found.jobs("x", KIND)


def test_a_group_that_grows_rises_for_all_and_for_those_that_hold_its_base_model() -> None:
    found, _ = groups("x", "y")
    found.hold("w1", "x")
    found.hold("w1", "y")
    assert ids(found.near("w1", KIND, 0.0)) == ["x0", "y1"]
    found.add(Job("late", 2, needs="y"), KIND)
    assert ids(found.near("w1", KIND, 0.0)) == ["y1", "late", "x0"]
    assert ids(found.far("w2", KIND, 0.0)) == ["y1", "late", "x0"]


def test_what_grew_since_a_worker_asked_last_is_ranked_anew_when_it_asks() -> None:
    found, _ = groups("x", "y", "z")
    for spec in ("x", "y"):
        found.hold("w1", spec)
        found.hold("w2", spec)
    for number in range(3):
        found.add(Job(f"z{number}!", 2, needs="z"), KIND)
        found.add(Job(f"y{number}!", 2, needs="y"), KIND)
    assert ids(found.near("w1", KIND, 0.0)) == ["y1", "y0!", "y1!", "y2!", "x0"]
    for number in range(4):
        found.add(Job(f"x{number}!", 2, needs="x"), KIND)
    expected = ["x0", "x0!", "x1!", "x2!", "x3!", "y1", "y0!", "y1!", "y2!"]
    assert ids(found.near("w1", KIND, 0.0)) == ids(found.near("w2", KIND, 0.0)) == expected
