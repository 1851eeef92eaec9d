"""Which executor a job gets, and which are refused."""

from __future__ import annotations

import json

import pytest

from master.errors import ConfigError, UsageError
from master.intake.executors import (
    check_executors,
    default_executor,
    executor_of,
    inline_problem,
    resident_problem_of,
)
from master.intake.jobs import parse_jobs
from master.specs import ClusterSpec, JobsSpec, ServerSpec


def jobs(*fields: dict[str, object]) -> JobsSpec:
    return parse_jobs(json.dumps([{"lr": index, **more} for index, more in enumerate(fields)]), code="c")


@pytest.mark.parametrize("attempt", [1, 2])
def test_the_job_has_the_last_word(attempt: int) -> None:
    assert executor_of({"executor": "warm"}, "process", attempt) == "warm"
    assert executor_of({"executor": None}, "warm", attempt) == executor_of({}, "warm", attempt) == "warm"


def test_a_thread_that_did_not_succeed_is_tried_again_apart() -> None:
    tries = [executor_of({}, "thread", attempt) for attempt in (1, 2, 3)]
    assert tries == ["resident", "process", "process"]


def test_known_executors_are_taken() -> None:
    every = [{"executor": name} for name in ("warm", "process", "thread", None)]
    check_executors(jobs({}, *every), "warm", "")


@pytest.mark.parametrize(
    ("value", "hint"),
    [("wram", "did you mean `warm`"), ("", "allowed are"), (3, "allowed are"), (True, "allowed are")],
)
def test_an_unknown_executor_is_refused_with_its_place(value: object, hint: str) -> None:
    with pytest.raises(ConfigError, match=f"job 2: `executor` is .*: {hint}") as caught:
        check_executors(jobs({}, {"executor": value}), "process", "")
    assert caught.value.exit_code == 3


def test_an_unknown_executor_for_all_is_refused() -> None:
    with pytest.raises(UsageError, match=r"--executor is .*fork.*: allowed are .*process, "):
        check_executors(jobs({}), "fork", "")


def test_threads_are_for_trainers_that_can() -> None:
    assert resident_problem_of("probes", ["process", "resident"]) == ""
    other = resident_problem_of("other", ["process"])
    script = resident_problem_of(None)
    assert resident_problem_of(None, ["resident"]) == ""
    with pytest.raises(ConfigError, match='job 1: `executor` is `"thread"`, but the trainer other cannot'):
        check_executors(jobs({"executor": "thread"}), "warm", other)
    with pytest.raises(UsageError, match='--executor is `"thread"`, but a script cannot share'):
        check_executors(jobs({}), "thread", script)


def test_inline_is_for_a_run_in_a_terminal_of_this_machine() -> None:
    here, there = ServerSpec("localhost", "localhost"), ServerSpec("gpu01", "gpu01")
    assert inline_problem(ClusterSpec((here,)), True) == ""
    assert "standard input is none" in inline_problem(ClusterSpec((here,)), False)
    for servers in ((there,), (here, there)):
        assert "as its only worker" in inline_problem(ClusterSpec(servers), True)
    check_executors(jobs({"executor": "inline"}), "inline", "")
    with pytest.raises(ConfigError, match="`executor` is for all jobs of a run: give --executor inline"):
        check_executors(jobs({"executor": "inline"}), "process", "")


@pytest.mark.parametrize(
    ("offers", "expected"),
    [(("process", "warm", "inline"), "warm"), (("process", "resident"), "process"), ((), "process")],
)
def test_a_trainer_that_may_be_forked_is_by_default(offers: tuple[str, ...], expected: str) -> None:
    assert default_executor(offers) == expected


def test_a_trainer_that_shares_its_process_does_on_a_gpu_by_default() -> None:
    assert default_executor(("process", "warm", "resident"), on_gpu=True) == "resident"
    assert default_executor(("process", "warm"), on_gpu=True) == "warm"
    assert default_executor((), on_gpu=True) == "process"
