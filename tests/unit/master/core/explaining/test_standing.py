"""Where jobs stand by the rows of a journal."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from master.core.explaining.standing import Standing, job_of, row_of, standings
from master.core.planning.plan import Job
from master.core.running.lifecycle import State
from tests.support.endings import finished
from worker_agent.protocol.codec import dump

END = dump(
    {key: value for key, value in asdict(finished(duration_s=2.5, exit_code=1)).items() if key != "inline"}
)
JOB = Job("alpha/x", phase=2)


def row(at: float, trigger: str, state: str, **more: Any) -> tuple[Any, ...]:
    known = {"attempt": 1, "worker": "lab1", "note": "", "detail": None, "content_hash": "", **more}
    return (at, "alpha/x", trigger, state, *known.values())


BEGUN = [row(1.0, "assign", "assigned"), row(2.0, "start", "running")]


def test_a_running_job_runs_since_its_start() -> None:
    standing = standings(BEGUN)["alpha/x"]
    assert standing == Standing("running", 2.0, 1, 1, "lab1", 2.0)
    found = row_of(JOB, standing)
    assert (found.state, found.started_at, found.duration_s, found.worker) == (
        State.RUNNING,
        2.0,
        None,
        "lab1",
    )


def test_what_a_job_came_to_and_that_it_is_to_end_changes_nothing_of_where_it_stands() -> None:
    told = '{"metric": "loss", "step": 3, "value": 0.5}'
    remarks = [row(3.0, each, "running", detail=told, note="worse") for each in ("measure", "prune")]
    standing = standings([*BEGUN, *remarks])["alpha/x"]
    assert standing == Standing("running", 2.0, 1, 1, "lab1", 2.0)
    pruned = standings([*BEGUN, *remarks, row(4.0, "shelve", "pruned", detail=END, note="worse")])["alpha/x"]
    found = row_of(JOB, pruned)
    assert (found.state, found.error, found.duration_s) == (State.PRUNED, "worse", 2.5)


def test_a_failed_job_has_its_end_and_why() -> None:
    standing = standings([*BEGUN, row(5.0, "fail", "failed", note="exit code 1", detail=END)])["alpha/x"]
    found = row_of(JOB, standing)
    assert (found.state, found.duration_s, found.exit_code, found.error) == (
        State.FAILED,
        2.5,
        1,
        "exit code 1",
    )


def test_a_new_attempt_has_not_started_yet_and_its_former_end_is_not_its_own() -> None:
    again = [row(5.0, "retry", "ready", detail=END), row(6.0, "assign", "assigned", attempt=2, worker="lab2")]
    standing = standings([*BEGUN, *again])["alpha/x"]
    assert (standing.attempts, standing.started_at, standing.worker) == (2, None, "lab2")
    assert row_of(JOB, standing).exit_code is None


def test_what_an_orphaned_attempt_left_is_no_end_of_the_job() -> None:
    dropped = row(3.0, "drop", "running", detail='{"attempt": 1, "outcome": "lost"}')
    assert standings([*BEGUN, dropped])["alpha/x"].detail is None
    failed = row(5.0, "fail", "failed", note="exit code 1", detail=END)
    late = row(9.0, "drop", "failed", detail='{"attempt": 1, "outcome": "cancelled"}')
    assert standings([*BEGUN, failed, late]) == standings([*BEGUN, failed])


def test_what_came_home_is_known_by_its_content() -> None:
    rows = [
        *BEGUN,
        row(3.0, "finish", "collecting", detail=END),
        row(4.0, "collect", "succeeded", content_hash="c"),
    ]
    found = row_of(JOB, standings(rows)["alpha/x"])
    assert (found.state, found.content_hash, found.error, found.duration_s) == (State.SUCCEEDED, "c", "", 2.5)


def test_jobs_that_no_plan_has_are_known_by_their_ids() -> None:
    assert job_of("base_models/abc") == Job("base_models/abc", phase=1, makes="abc")
    assert job_of("alpha/x") == JOB


def test_who_cancelled_a_job_is_known_until_it_goes_on() -> None:
    cancelled = [*BEGUN, row(3.0, "user cancel", "cancelled", note="by anna: too slow")]
    found = row_of(JOB, standings(cancelled)["alpha/x"])
    assert (found.error, found.cancelled_by) == ("cancelled by anna: too slow", "by anna: too slow")
    retried = [*cancelled, row(4.0, "revive", "pending", note="retry by anna")]
    assert row_of(JOB, standings(retried)["alpha/x"]).cancelled_by == ""


def test_later_rows_go_on_with_what_earlier_ones_have_told() -> None:
    known = standings(BEGUN[:1])
    standings(BEGUN[1:], known)
    assert known == standings(BEGUN)
