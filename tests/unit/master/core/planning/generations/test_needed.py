"""Base models that nothing needs any more."""

from __future__ import annotations

from master.core.planning.generations.needed import notes_on_needless, without_needless
from master.core.planning.plan import Job, Plan, arranged, base_model_job_id

TRAININGS = {
    spec: Job(base_model_job_id(spec), phase=1, needs=parent, makes=spec)
    for spec, parent in (("root", None), ("left", "root"), ("right", "root"), ("leaf", "left"))
}
JOBS = [Job("a", phase=2, needs="leaf"), Job("b", phase=2, needs="right"), Job("c", phase=2)]


def plan() -> Plan:
    return arranged(TRAININGS, JOBS, {})


def test_nothing_is_left_out_of_a_run_that_has_results_of_nobody() -> None:
    assert without_needless(plan(), (), ()) == plan()


def test_what_only_done_jobs_would_start_from_is_left_out_with_its_ancestors() -> None:
    kept = without_needless(plan(), {"a"}, {"a"})
    assert kept.to_train == ("root", "right") and {*kept.if_damaged} == {"left", "leaf"}
    assert kept.parents == plan().parents
    assert without_needless(plan(), {"a", "b"}, ()).to_train == ()
    assert without_needless(plan(), {"a", "b"}, ()).jobs == tuple(JOBS)


def test_what_an_earlier_start_has_begun_stays() -> None:
    kept = without_needless(plan(), {"a", "b"}, {base_model_job_id("left")})
    assert kept.to_train == ("root", "left")


def test_what_is_left_out_is_told() -> None:
    fewer = without_needless(plan(), {"b"}, ())
    assert [*notes_on_needless(plan(), fewer)] == [
        "1 base model is not trained: all jobs that would start from it are done",
    ]
    fewer = without_needless(plan(), {"a", "b"}, ())
    assert [*notes_on_needless(plan(), fewer)] == [
        "4 base models are not trained: all jobs that would start from them are done",
    ]
    assert [*notes_on_needless(plan(), plan())] == []
