"""Whole runs on machines whose `nvidia-smi` is made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_gpus import GB, FakeGpus, gpu
from tests.support.runs import SCRIPTS, Run


def run_of(tmp_path: Path, gpus: int, jobs: list[dict[str, Any]]) -> tuple[Run, Path, FakeGpus]:
    """Return a run of jobs that need no base model, on a machine with so many GPUs."""
    fake = FakeGpus(tmp_path / "gpus", [gpu(index) for index in range(gpus)])
    if not gpus:
        fake.set(say="No devices were found\n", code=6)
    log = tmp_path / "log"
    log.touch()
    all_jobs = [{"log": str(log), **job} for job in jobs]
    server = {"host": "localhost", "gpus": "auto", "cpu_slots": 2, "state_dir": str(tmp_path / "state")}
    env = {**fake.env, "TWOPHASE_SLOT_DIR": str(tmp_path / "slots"), "TWOPHASE_AGENT_IDLE_S": "20"}
    content = {"base_model": False, "jobs": all_jobs}
    return Run(tmp_path, [server], content, SCRIPTS / "train_on_gpu.py", env=env), log, fake


MODELS = [{"model": "transformer"}, {"model": "attention"}, {"model": "mlp"}]


def told(log: Path) -> list[list[str]]:
    return [line.split() for line in log.read_text().splitlines()]


def test_three_models_on_two_gpus_run_two_at_once(tmp_path: Path) -> None:
    jobs = [{**model, "together": count} for model, count in zip(MODELS, (2, 2, 3), strict=True)]
    run, log, _ = run_of(tmp_path, 2, jobs)
    done = run.finish()
    assert done.returncode == 0, done.stdout + done.stderr
    lines = told(log)
    assert [line[0] for line in lines[:2]] == ["begin", "begin"]
    assert {line[2] for line in lines[:2]} == {"0", "1"}
    assert lines[[line[1] for line in lines].index("mlp")][:2] == ["begin", "mlp"]
    assert "end" in [line[0] for line in lines[: [line[1] for line in lines].index("mlp")]]


def test_three_models_on_two_gpus_run_beside_each_other_by_memory(tmp_path: Path) -> None:
    run, log, _ = run_of(tmp_path, 2, [{**model, "together": 3, "gpu_memory": "8GB"} for model in MODELS])
    done = run.finish()
    assert done.returncode == 0, done.stdout + done.stderr
    lines = told(log)
    assert [line[0] for line in lines] == ["begin"] * 3 + ["end"] * 3
    assert {line[2] for line in lines} == {"0", "1"}


@pytest.mark.parametrize("flags", [(), ("--no-parallel",)])
def test_three_models_on_one_gpu_run_one_after_the_other(tmp_path: Path, flags: tuple[str, ...]) -> None:
    run, log, _ = run_of(tmp_path, 1 + len(flags), MODELS)
    done = run.finish(*flags)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line[0] for line in told(log)] == ["begin", "end"] * 3


def test_three_models_without_a_gpu_run_on_the_cpu(tmp_path: Path) -> None:
    run, log, _ = run_of(tmp_path, 0, MODELS)
    done = run.finish()
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(told(log)) == sorted(
        [what, str(model["model"]), "cpu"] for what in ("begin", "end") for model in MODELS
    )


def test_a_job_that_ran_out_of_memory_is_tried_alone_without_a_retry(tmp_path: Path) -> None:
    run, log, _ = run_of(tmp_path, 1, [{"model": "big", "gpu_memory": "2GB", "needs": 20 * GB}])
    done = run.finish("--retries", "0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line[0] for line in told(log)] == ["begin", "begin", "end"]
    (job,) = json.loads(run.layout.phase2_log.read_text())["jobs"]
    assert (job["attempt"], job["gpu"]) == (2, "localhost:gpu0")


def test_gpu_memory_that_no_gpu_has_is_named_before_and_fails_alone(tmp_path: Path) -> None:
    run, log, _ = run_of(tmp_path, 1, [{"model": "small"}, {"model": "huge", "gpu_memory": "90GB"}])
    dry = run.finish("--dry-run")
    reason = "needs 90.0 GB of GPU memory, the largest GPU has 23.0 GB to give (localhost)"
    assert dry.returncode == 3 and "job 2: `gpu_memory`: " + reason in dry.stderr, dry.stderr
    done = run.finish()
    assert done.returncode == 1 and reason in done.stdout + done.stderr
    assert [line[:2] for line in told(log)] == [["begin", "small"], ["end", "small"]]


def test_a_dry_run_asks_the_worker_for_its_gpus(tmp_path: Path) -> None:
    run, _, fake = run_of(tmp_path, 2, MODELS)
    dry = run.finish("--dry-run", "--json")
    (worker,) = json.loads(dry.stdout)["workers"]
    assert (worker["slots"], worker["gpus"], len(worker["gpu_bytes"])) == (2, 2, 2)
    fake.set(say="NVIDIA-SMI has failed\n", code=9)
    failed = run.finish("--dry-run")
    assert failed.returncode == 4 and "nvidia-smi failed (exit code 9)" in failed.stdout.replace("\n", " ")


@pytest.mark.slow
def test_how_busy_the_gpus_were_is_in_the_log(tmp_path: Path) -> None:
    run, _, fake = run_of(tmp_path, 2, [{"model": "mlp", "seconds": 7}])
    fake.set(gpus=[gpu(0, utilization=90), gpu(1, utilization=10)])
    done = run.finish()
    assert done.returncode == 0, done.stdout + done.stderr
    log = json.loads(run.layout.phase2_log.read_text())
    assert log["gpu_utilization_percent"] == 50.0 and 0 < log["slot_utilization_percent"] <= 50.0
    (worker,) = log["usage"].values()
    assert [each["utilization_percent"] for each in worker["gpus"]] == [90.0, 10.0]
    assert all(each["memory_peak_bytes"] > 0 and each["samples"] > 0 for each in worker["gpus"])
    assert worker["cpu_percent"] is not None and worker["memory_peak_bytes"] > 0


def test_a_job_on_two_gpus_runs_next_to_jobs_on_one(tmp_path: Path) -> None:
    small = [{"model": f"mlp{number}", "gpu_memory": "8GB"} for number in range(3)]
    wide = {"model": "wide", "resources": {"gpus": 2}, "gpu_memory": "8GB"}
    run, log, _ = run_of(tmp_path, 2, [*small, wide])
    done = run.finish()
    assert done.returncode == 0, done.stdout + done.stderr
    visible = {line[1]: line[2] for line in told(log) if line[0] == "begin"}
    assert visible.pop("wide") == "0,1"
    assert len(visible) == 3 and set(visible.values()) <= {"0", "1"}
    slots = {each["gpu"] for each in json.loads(run.layout.phase2_log.read_text())["results"]}
    assert any(slot.endswith(":gpu0,gpu1") for slot in slots)


def test_more_gpus_than_any_machine_has_are_told_before_and_fail_alone(tmp_path: Path) -> None:
    run, log, _ = run_of(tmp_path, 2, [{"model": "wide", "resources": {"gpus": 3}}, {"model": "mlp"}])
    dry = run.finish("--dry-run")
    assert dry.returncode == 3 and "needs 3 GPUs on one machine, no worker has more than 2" in dry.stderr
    done = run.finish()
    assert done.returncode != 0 and "needs 3 GPUs on one machine" in done.stdout + done.stderr
    assert [line[1] for line in told(log) if line[0] == "end"] == ["mlp"]
