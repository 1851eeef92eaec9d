"""Projects of training scripts, and runs of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from master.core.planning.plan import Job, Plan
from master.core.running.lifecycle import State
from master.core.running.policy import Policy
from master.core.running.records import RunState
from master.orchestrator.run_files import TrainingFiles
from tests.support.endings import finished

Write = Callable[..., Path]
STAMP = "20250301_100000"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a script that takes the given flags, or the given text."""

    def write(name: str, *flags: str, text: str | None = None) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = ["import argparse", "parser = argparse.ArgumentParser()"]
        lines += [f"parser.add_argument({flag!r})" for flag in flags]
        path.write_text("\n".join(lines) if text is None else text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def files(tmp_path: Path) -> TrainingFiles:
    """Where a start at STAMP writes what two jobs make."""
    outputs = {"train_a": "a_results", "train_b": "deep/b"}
    return TrainingFiles(tmp_path / "results", tmp_path / "logs", tmp_path / "summaries", STAMP, outputs)


def state_of(**states: State) -> RunState:
    """Return the state of a run whose jobs stand so, after their fifth attempts."""
    plan = Plan(tuple(Job(job_id, phase=2) for job_id in states), {})
    state = RunState.fresh(plan, Policy(), ["localhost"])
    for job_id, value in states.items():
        record = state.jobs[job_id]
        record.state, record.attempt, record.attempts, record.worker = value, 5, 5, "localhost"
        record.content_hash = "0" * 64 if value is State.SUCCEEDED else ""
        record.finished = finished(exit_code=0, slot="cpu0", started_at=0.0, duration_s=2.5)
    return state
