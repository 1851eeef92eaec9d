"""Trainings as job objects."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from master.core.running.lifecycle import State
from master.core.running.summary import JobRow
from master.web.api.trainings import (
    ENDED,
    MARK,
    STATES,
    Checkpoints,
    Told,
    Training,
    job_object,
    problem_of,
)

TRAINING = Training("sae/t1", 6, {"layer_idx": 6, "max_epochs": 9}, fast=False, created_at=0.0)
ROW = JobRow("sae/t1", 2, State.RUNNING, 1, 1, "lab1", "", started_at=5.0, duration_s=2.0)
FIRST = ["job_id", "status", "layer_idx", "output_dir", "config"]
LAST = ["progress", "metrics", "created_at"]


def told(state: State, training: Training = TRAINING, **row: Any) -> dict[str, Any]:
    return job_object(training, replace(ROW, state=state, **row), Told(), Checkpoints())


def test_every_state_has_a_word() -> None:
    assert {state.value for state in State} == set(STATES)
    assert set(STATES.values()) >= ENDED


def test_a_job_remembers_how_it_was_asked_for() -> None:
    fast = replace(TRAINING, fast=True)
    assert Training.of("sae/t1", {MARK: fast.mark(), "lr": 1}) == fast


@pytest.mark.parametrize(
    "mark", [None, 3, "{", "[]", "{}", '{"config": {}}', '{"config": {"layer_idx": "6"}}', "[" * 100_000]
)
def test_other_jobs_are_no_trainings(mark: object) -> None:
    assert Training.of("alpha/job", {MARK: mark}) is None


def test_one_that_was_just_handed_over() -> None:
    found = job_object(TRAINING, None, Told(), Checkpoints())
    assert list(found) == [*FIRST, *LAST]
    assert (found["job_id"], found["status"], found["output_dir"]) == ("t1", "starting", "experiments/sae/t1")
    assert found["progress"] == {"current_epoch": 0, "total_epochs": 9}
    assert found["metrics"] == {"train_loss": [], "reconstruction_loss": [], "sparsity_loss": []}
    assert found["created_at"] == "1970-01-01T00:00:00.000+00:00"


def test_one_that_trains() -> None:
    latest = {"filename": "step_1.pt"}
    metrics = {"train_loss": [0.5]}
    found = job_object(TRAINING, ROW, Told(2, 8, metrics), Checkpoints(latest, 3))
    assert list(found) == [*FIRST, *LAST, "latest_checkpoint", "total_checkpoints"]
    assert found["progress"] == {"current_epoch": 2, "total_epochs": 8}
    assert (found["metrics"]["train_loss"], found["total_checkpoints"]) == ([0.5], 3)


def test_one_that_is_completed() -> None:
    found = told(State.SUCCEEDED, replace(TRAINING, fast=True))
    assert list(found) == [*FIRST, "training_mode", *LAST, "model_path", "metadata_path", "completed_at"]
    assert found["model_path"] == "experiments/sae/t1/sae_fast_layer_6.safetensors"
    assert found["metadata_path"] == "experiments/sae/t1/sae_fast_layer_6_metadata.json"
    assert found["completed_at"] == "1970-01-01T00:00:07.000+00:00"


def test_one_that_failed() -> None:
    found = told(State.FAILED, error="exit code 2", stderr_tail="trace\nno such \x1b[31mlayer\n\n")
    assert list(found) == [*FIRST, *LAST, "error", "failed_at"]
    assert found["error"] == "exit code 2: no such layer"
    assert problem_of(replace(ROW, error="", stderr_tail="")) == "it did not succeed"


def test_one_that_was_cancelled() -> None:
    assert list(told(State.CANCELLED)) == [*FIRST, *LAST, "cancelled_at"]
