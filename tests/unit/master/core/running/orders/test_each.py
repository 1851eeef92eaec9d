"""Orders about several jobs or workers: each counts once, and is acted on or refused."""

from __future__ import annotations

from master.core.planning.plan import Job
from master.core.running.orders.each import each_job, each_worker
from master.core.running.orders.of_jobs import CancelJobs
from master.core.running.orders.order import Reply, Said
from master.core.running.records import JobRecord
from tests.unit.master.core.running.stage import Stage


def stage() -> Stage:
    return Stage(Job("a", phase=2), Job("b", phase=2), workers=["w1", "w2"])


def test_each_worker_that_is_named_counts_once() -> None:
    seen = []
    reply = each_worker(
        stage().state,
        ["w2", "w1", "w2", "w3"],
        lambda view: "is busy" if view.name == "w1" else "",
        lambda view: seen.append(view.name) or "is done",
    )
    assert seen == ["w2"] and reply.done == (Said("w2", "is done"),)
    unknown = Said("w3", "no worker `w3` in this run: allowed are w1, w2")
    assert reply.refused == (Said("w1", "is busy"), unknown)


def test_what_keeps_a_job_from_an_order_goes_before_the_states_that_it_is_for() -> None:
    def problem(record: JobRecord) -> str:
        return "has a problem" if record.job.job_id == "a" else ""

    def come(*jobs: str, only: tuple[str, ...] = ()) -> Reply:
        return each_job(stage().state, CancelJobs(list(jobs), list(only)), problem, lambda record: "is done")

    assert come("b", only=("ready",)) == come("b") == Reply(done=(Said("b", "is done"),))
    by_now, problem_of_a = Said("b", "is ready by now"), Said("a", "has a problem")
    assert come("a", "b", "a", only=("running",)) == Reply(refused=(problem_of_a, by_now))
    assert come("c") == Reply(refused=(Said("c", "no job `c` in this run"),))
