"""Rows, counts, time left and savings, of runs that the core itself has driven."""

from __future__ import annotations

from dataclasses import replace

import pytest

from master.core.json_values import as_number
from master.core.planning.plan import planned_savings
from master.core.running.lifecycle import State
from master.core.running.policy import Policy
from master.core.running.summary import (
    BaseModelRow,
    JobRow,
    Savings,
    base_model_rows,
    job_row,
    job_rows,
    savings,
    utilization_percent,
)
from tests.support.scripted_run import ScriptedRun, jobs_spec

IN_STORE = {"0" * 64: "content"}
TRAINED = JobRow("base_models/a", 1, State.SUCCEEDED, 1, 1, "w", "")


def test_a_job_that_was_never_given_out_has_no_place_and_no_times() -> None:
    run = ScriptedRun(jobs_spec(1, 0), ["w"])
    row = job_row(run.job("job0"))
    assert (row.state, row.where, row.attempts, row.ended_at) == (State.READY, "", 0, None)


def test_a_job_that_succeeded_tells_where_and_how_long() -> None:
    run = ScriptedRun(jobs_spec(1, 0), ["w"])
    run.up("w", 1)
    run.start("job0")
    run.succeed("job0", seconds=12.5, slot="gpu3")
    row = job_row(run.job("job0"))
    assert (row.where, row.duration_s, row.started_at, row.ended_at) == ("w:gpu3", 12.5, 1000.0, 1012.5)
    assert (row.state, row.error, row.attempts) == (State.SUCCEEDED, "", 1)


def test_a_success_after_a_failure_has_no_error() -> None:
    run = ScriptedRun(jobs_spec(1, 0), ["w"], policy=Policy(retries=1, backoff_s=0))
    run.up("w", 1)
    run.fail("job0", "no data")
    run.succeed("job0")
    row = job_row(run.job("job0"))
    assert (row.error, row.attempts) == ("", 2)


def test_a_failure_tells_its_reason_on_one_line() -> None:
    run = ScriptedRun(jobs_spec(1, 0), ["w"])
    run.up("w", 1)
    run.fail("job0", "exit code 1:\n  no data", stderr_tail="Traceback\nno data\n")
    row = job_row(run.job("job0"))
    assert row.error == "failed: exit code 1: no data"
    assert (row.exit_code, row.stderr_tail) == (1, "Traceback\nno data\n")


def test_base_models_of_the_store_save_a_training_for_each_of_their_jobs() -> None:
    run = ScriptedRun(jobs_spec(6, 2), ["w"], in_store=IN_STORE)
    run.up("w", 1)
    run.succeed("1", seconds=30.0)
    trained, stored = base_model_rows(run.state)
    assert (trained.spec_hash, trained.jobs, trained.content_hash) == ("1" * 64, 3, "content of 1")
    assert trained.training is not None and trained.training.where == "w:gpu0"
    assert (stored.spec_hash, stored.jobs, stored.training) == ("0" * 64, 3, None)
    saved = savings([trained, stored])
    assert (saved.trainings, saved.seconds) == (2 + 3, 2 * 30.0)
    assert planned_savings(run.state.plan) == 5


def test_of_base_models_that_trained_at_once_each_saves_its_own_share() -> None:
    run = ScriptedRun(jobs_spec(6, 2), ["w"], in_store=IN_STORE)
    run.up("w", 1)
    run.succeed("1", seconds=30.0, group="g", together=3)
    assert savings(base_model_rows(run.state)).seconds == 2 * 10.0


def test_a_rung_saves_what_the_lower_one_took_and_no_training() -> None:
    rows = [
        BaseModelRow("a", "x", 3, replace(TRAINED, duration_s=10.0), trainings=1),
        BaseModelRow("b", "y", 2, replace(TRAINED, duration_s=15.0), resumes_from="a", depth=1, trainings=2),
    ]
    assert savings(rows) == Savings(1, 10.0 + 25.0), "one training of 25 s, and the first 10 s of the other"


def test_a_base_model_that_failed_saves_nothing() -> None:
    run = ScriptedRun(jobs_spec(4, 1), ["w"])
    run.up("w", 1)
    run.fail("0", "no data")
    assert savings(base_model_rows(run.state)).trainings == 0
    assert {row.state for row in job_rows(run.state, 2)} == {State.BLOCKED}
    assert all("its base model" in row.error for row in job_rows(run.state, 2))


def test_experiments_without_base_model_save_nothing() -> None:
    assert planned_savings(ScriptedRun(jobs_spec(4, 0), ["w"]).state.plan) == 0


@pytest.mark.parametrize(
    ("busy_s", "slots", "span_s", "percent"),
    [(50.0, 2, 50.0, 50.0), (500.0, 2, 50.0, 100.0), (1.0, 0, 50.0, 0.0), (1.0, 2, 0.0, 0.0)],
)
def test_utilization(busy_s: float, slots: int, span_s: float, percent: float) -> None:
    assert utilization_percent(busy_s, slots, span_s) == percent


@pytest.mark.parametrize(
    ("value", "number"),
    [(1, 1.0), (0.5, 0.5), (True, None), ("1", None), (None, None), (float("nan"), None), (10**400, None)],
)
def test_only_finite_numbers_are_figures(value: object, number: float | None) -> None:
    assert as_number(value) == number
