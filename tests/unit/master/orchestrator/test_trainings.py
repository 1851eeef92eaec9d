"""Training scripts as a run that forgets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from master.core.planning.plan import Job
from master.core.running.records import JobRecord
from master.orchestrator.arguments import Passed
from master.orchestrator.jobs import TrainingJob
from master.orchestrator.run_files import TrainingFiles
from master.orchestrator.trainings import Trainings, training_run
from master.runs.launching import Limits
from master.runs.spec import Start
from master.specs import ClusterSpec, ServerSpec
from worker_agent.protocol import messages as msg

CLUSTER = ClusterSpec((ServerSpec("localhost", "localhost"),))


@pytest.fixture
def work(tmp_path: Path, files: TrainingFiles) -> Trainings:
    project = tmp_path / "project"
    project.mkdir()
    for name in ("train_a.py", "train_b.py"):
        (project / name).write_text("print(1)\n")
    jobs = tuple(TrainingJob(name, name, project / f"{name}.py", name) for name in ("train_a", "train_b"))
    return Trainings(jobs, files, Passed(), project, (project,))


def launched(work: Trainings, **record: Any) -> msg.Launch:
    """Return the message that starts the first attempt at the first job."""
    code = work.take(work.files)
    job = Job(work.jobs[0].job_id, phase=2)
    return code.launch(Start(JobRecord(job, **record), 1))


def test_every_start_runs_all_jobs_and_forgets(work: Trainings) -> None:
    spec = training_run(work, CLUSTER, retries=2, max_workers=3, expected_s={"train_b": 60.0})
    assert not spec.resumes and (spec.policy.retries, spec.policy.max_running) == (2, 3)
    assert [(job.job_id, job.expected_s) for job in spec.plan.jobs] == [
        ("train_a", None),
        ("train_b", 60.0),
    ]


@pytest.mark.parametrize(
    ("asked", "waits"), [(None, (1800.0, 600.0)), (0.0, (0.0, 0.0)), (90.0, (90.0, 90.0))]
)
def test_a_run_waits_for_workers_as_long_as_is_asked(
    work: Trainings, asked: float | None, waits: tuple[float, float]
) -> None:
    policy = training_run(work, CLUSTER, give_up_after=asked).policy
    assert (policy.give_up_s, policy.never_up_s) == waits


def test_all_that_a_script_leaves_in_its_folder_is_its_result(work: Trainings) -> None:
    launch = launched(work)
    assert (launch.job_id, launch.phase, launch.output_from) == ("train_a", 2, ".")
    assert launch.argv[1] == "train_a.py" and launch.mounts


@pytest.mark.parametrize(("own", "seconds"), [(None, 60.0), (5.0, 5.0), (0.0, 0.0)])
def test_a_jobs_own_limit_is_the_one_that_counts(work: Trainings, own: float | None, seconds: float) -> None:
    job = replace(work.jobs[0], timeout_s=own)
    limits = Limits(timeout_s=60.0)
    assert launched(replace(work, jobs=(job,), limits=limits)).timeout_s == seconds


@pytest.mark.parametrize(("alone", "use"), [(True, msg.ALONE), (False, msg.SHARED)])
def test_a_job_gets_the_memory_that_the_core_decided(work: Trainings, alone: bool, use: str) -> None:
    launch = launched(work, alone=alone, gpu_need=7)
    assert (launch.gpu_bytes, launch.gpu_use) == (7, use)


def test_a_result_tells_its_script_and_what_was_passed(work: Trainings) -> None:
    described = work.take(work.files).describe("train_a")
    assert described.code is not None and "train_a.py" in described.code.record.entry
    assert "train_a.py" in described.facts.command
