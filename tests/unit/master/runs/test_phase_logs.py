"""The two logs of a run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from master.core.machine_use import Used, WorkerUsed
from master.core.timestamps import Span, iso
from master.runs.phase_logs import (
    build_phase_log,
    gpus_of,
    read_phase_log,
    with_results,
    with_usage,
    write_phase_log,
)
from master.specs import ClusterSpec, ServerSpec
from tests.support.scripted_run import ScriptedRun, jobs_spec
from worker_agent.protocol.messages import Settings
from worker_agent.protocol.reports import GpuUse, Usage

KEYS = {
    "start_time",
    "end_time",
    "total_duration_seconds",
    "slots",
    "total_jobs",
    "successful_jobs",
    "failed_jobs",
    "slot_utilization_percent",
    "jobs",
}
JOB_KEYS = {
    "job_id",
    "gpu",
    "config",
    "success",
    "returncode",
    "start_time",
    "end_time",
    "duration_seconds",
    "stderr",
}


def log_of(run: ScriptedRun, phase: int, started_at: float = 1000.0, **more: Any) -> dict[str, Any]:
    configs = {job.job_id: job.config for job in run.jobs.jobs}
    log = build_phase_log(run.state, phase, configs, Span(started_at, run.at), slots=2, **more)
    restored: dict[str, Any] = json.loads(json.dumps(log))
    return restored


def finished_run() -> ScriptedRun:
    """Two base models, of which one fails, and four experiments, of which one succeeds, one fails."""
    run = ScriptedRun(jobs_spec(4, 2), ["lab1"])
    run.up("lab1", 1)
    run.succeed("0", seconds=20, slot="gpu1", peak_rss_bytes=12345)
    run.fail("1", "exit code 1: no data", seconds=10, stderr_tail="Traceback\nno data\n")
    run.succeed("job0", seconds=30)
    run.fail("job2", "killed", seconds=40, exit_code=-9)
    return run


def test_a_log_has_the_keys_that_scripts_read() -> None:
    for phase in (1, 2):
        log = log_of(finished_run(), phase)
        assert set(log) == KEYS
        assert all(set(job) >= JOB_KEYS for job in log["jobs"])


def test_phase_1() -> None:
    log = log_of(finished_run(), 1)
    assert (log["total_jobs"], log["successful_jobs"], log["failed_jobs"]) == (2, 1, 1)
    assert log["start_time"] == "1970-01-01T00:16:40.000+00:00"
    assert log["end_time"] == "1970-01-01T00:17:10.000+00:00"
    assert (log["total_duration_seconds"], log["slots"]) == (30.0, 2)
    assert log["slot_utilization_percent"] == 50.0
    good, bad = log["jobs"]
    assert good["job_id"] == f"base_models/{'0' * 64}"
    assert (good["gpu"], good["worker"], good["attempt"]) == ("lab1:gpu1", "lab1", 1)
    assert (good["success"], good["returncode"], good["stderr"], good["error"]) == (True, 0, "", None)
    assert (good["spec_hash"], good["content_hash"]) == ("0" * 64, "content of 0")
    assert (good["duration_seconds"], good["peak_rss_bytes"]) == (20.0, 12345)
    assert (bad["success"], bad["returncode"], bad["stderr"]) == (False, 1, "Traceback\nno data\n")
    assert bad["error"] == "failed: exit code 1: no data"


def test_phase_2_counts_blocked_jobs_as_failed() -> None:
    log = log_of(finished_run(), 2)
    assert (log["total_jobs"], log["successful_jobs"], log["failed_jobs"]) == (4, 1, 3)
    assert [job["state"] for job in log["jobs"]] == ["succeeded", "blocked", "failed", "blocked"]
    blocked = log["jobs"][1]
    assert (blocked["gpu"], blocked["start_time"], blocked["duration_seconds"]) == (None, None, None)
    assert "its base model" in blocked["stderr"]
    assert log["jobs"][2]["returncode"] == -9
    assert log["jobs"][0]["config"] == {"fold": 0, "participants": ["p1", "p2"]}


def test_the_phases_have_spans_of_their_own() -> None:
    run = finished_run()
    assert log_of(run, 1)["total_duration_seconds"] == 30.0
    assert log_of(run, 2)["total_duration_seconds"] == 70.0


def test_a_phase_in_which_nothing_ran_took_no_time() -> None:
    log = log_of(ScriptedRun(jobs_spec(2, 0), ["lab1"]), 1)
    assert (log["total_jobs"], log["total_duration_seconds"], log["jobs"]) == (0, 0.0, [])
    assert log["slot_utilization_percent"] == 0.0


def test_a_worker_with_a_wrong_clock_cannot_stretch_the_span() -> None:
    run = ScriptedRun(jobs_spec(1, 0), ["lab1"])
    run.up("lab1", 1)
    run.succeed("job0", seconds=30, started_at=1.0)
    log = log_of(run, 2)
    assert (log["start_time"], log["total_duration_seconds"]) == (iso(1000.0), 30.0)


def test_jobs_that_train_at_once_fill_one_slot() -> None:
    run = ScriptedRun(jobs_spec(2, 0), ["lab1"])
    run.up("lab1", 2)
    run.start("job0")
    run.start("job1")
    run.succeed("job0", seconds=30, started_at=run.at, group="g", together=2)
    run.at -= 30
    run.succeed("job1", seconds=30, started_at=run.at, group="g", together=2)
    log = log_of(run, 2)
    assert log["slot_utilization_percent"] == pytest.approx(100.0 * 30 / (2 * log["total_duration_seconds"]))
    assert [job["duration_seconds"] for job in log["jobs"]] == [30.0, 30.0]


def test_a_second_start_adds_to_the_first() -> None:
    run = ScriptedRun(jobs_spec(2, 0), ["lab1"])
    run.up("lab1", 1)
    run.succeed("job0", seconds=30)
    first = log_of(run, 2)
    run.at = 9000.0
    run.succeed("job1", seconds=20)
    second = log_of(run, 2, started_at=8990.0, previous=first)
    assert (second["start_time"], second["end_time"]) == (iso(1000.0), iso(9020.0))
    assert second["total_duration_seconds"] == 50.0
    assert second["slot_utilization_percent"] == 50.0
    assert second["successful_jobs"] == 2


def test_a_start_that_finds_nothing_to_do_changes_nothing() -> None:
    run = finished_run()
    first = log_of(run, 2)
    run.at += 1000
    configs = {job.job_id: job.config for job in run.jobs.jobs}
    again = build_phase_log(run.state, 2, configs, Span(run.at - 1, run.at), slots=0, previous=first)
    assert json.loads(json.dumps(again)) == first


def test_base_models_of_an_earlier_start_stay_in_the_log() -> None:
    first = log_of(finished_run(), 1)
    later = ScriptedRun(jobs_spec(4, 2), ["lab1"], in_store={"0" * 64: "content of 0"}, at=5000.0)
    later.up("lab1", 1)
    later.succeed("1", seconds=15)
    log = log_of(later, 1, started_at=5000.0, previous=first)
    assert [(job["job_id"][-1], job["success"]) for job in log["jobs"]] == [("0", True), ("1", True)]
    assert log["jobs"][0] == first["jobs"][0]
    assert (log["total_duration_seconds"], log["failed_jobs"]) == (45.0, 0)


def test_a_base_model_that_is_trained_again_is_listed_once() -> None:
    run = finished_run()
    first = log_of(run, 1)
    assert [job["job_id"] for job in log_of(run, 1, previous=first)["jobs"]] == [
        job["job_id"] for job in first["jobs"]
    ]


def test_times_are_iso_8601_with_their_zone() -> None:
    assert iso(1740823200.25) == "2025-03-01T10:00:00.250+00:00"
    assert iso(None) is None


def test_writing_replaces_the_log_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "new" / "phase1_base_models.json"
    for phase in (1, 2):
        log = log_of(finished_run(), phase)
        write_phase_log(path, log)
        assert read_phase_log(path) == log
    assert list(path.parent.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_log(tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    write_phase_log(path, log_of(finished_run(), 1))
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_phase_log(path, {"jobs": [1, 2, object()]})
    assert path.read_bytes() == before


LAB = ServerSpec("bob@lab1", "lab1", user="bob", agent=Settings(gpus=["0", "1"]))


def test_other_tools_find_the_results_in_their_form() -> None:
    run = finished_run()
    log = with_results(log_of(run, 1), gpus_of(cluster().servers, run.state), {"lab1": "bob@lab1"})
    assert log["gpus"] == ["bob@lab1:gpu0", "bob@lab1:gpu1"]
    good, bad = log["results"]
    assert set(good) == {*JOB_KEYS, "name"}
    assert (good["job_id"], good["gpu"], good["success"], good["stderr"]) == (0, "bob@lab1:gpu1", True, None)
    assert good["name"] == log["jobs"][0]["job_id"]
    assert (bad["job_id"], bad["success"], bad["stderr"]) == (1, False, "Traceback\nno data\n")
    assert log["jobs"] == log_of(run, 1)["jobs"]


def test_a_job_that_never_ran_has_no_gpu() -> None:
    log = with_results(log_of(finished_run(), 2), [], {})
    assert [result["gpu"] is None for result in log["results"]] == [False, True, False, True]


def test_gpus_are_those_of_the_workers_that_came_up() -> None:
    run = ScriptedRun(jobs_spec(1, 0), ["lab1", "lab2", "localhost"])
    run.up("localhost", 2)
    servers = (
        replace(LAB, name="lab1"),
        ServerSpec("lab2", "lab2", agent=Settings(gpus=["auto"])),
        ServerSpec("localhost", "localhost", agent=Settings()),
    )
    assert gpus_of(servers, run.state) == ["localhost:cpu0", "localhost:cpu1"]
    run.up("lab1", 2)
    view = run.state.workers["lab2"]
    view.slots, view.gpu_bytes = 4, (10, 10)
    found = gpus_of(servers, run.state)
    assert found[:4] == ["bob@lab1:gpu0", "bob@lab1:gpu1", "lab2:gpu0", "lab2:gpu1"]


def cluster() -> ClusterSpec:
    return ClusterSpec((replace(LAB, name="lab1"),))


def test_half_a_character_in_a_log_is_still_json(tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    write_phase_log(path, {"stderr": "Grüße \udc80"})
    assert json.loads(path.read_text(encoding="utf-8")) == {"stderr": "Grüße \udc80"}


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"jobs": []}', "null"])
def test_a_log_of_another_making_is_passed_over(tmp_path: Path, text: str) -> None:
    path = tmp_path / "log.json"
    path.write_text(text)
    assert dict(read_phase_log(path)) == {}


def test_a_log_with_foreign_entries_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    write_phase_log(path, {**log_of(finished_run(), 1), "jobs": [{"job_id": "x"}]})
    assert dict(read_phase_log(path)) == {}
    assert dict(read_phase_log(tmp_path / "none.json")) == {}


def sampled(percent: float | None) -> Used:
    return {"lab1": WorkerUsed.of(Usage(25.0, 4, 8, [GpuUse(0, percent, 3, 9)]))}


def test_how_busy_gpus_were_is_not_how_full_the_slots_were() -> None:
    run = finished_run()
    first = with_usage(log_of(run, 2), sampled(90.0), run.state)
    assert first["gpu_utilization_percent"] == 90.0 and first["slot_utilization_percent"] != 90.0
    assert first["usage"]["lab1"]["gpus"] == [
        {"index": 0, "samples": 1, "utilization_percent": 90.0, "memory_peak_bytes": 3}
    ]
    again = with_usage(log_of(run, 2), sampled(30.0), run.state, previous=json.loads(json.dumps(first)))
    assert again["gpu_utilization_percent"] == 60.0 and again["usage"]["lab1"]["samples"] == 2


def test_gpus_of_which_nothing_is_known_are_not_told_to_idle() -> None:
    run = finished_run()
    assert with_usage(log_of(run, 2), {}, run.state)["gpu_utilization_percent"] == 0.0, "there are none"
    run.state.workers["lab1"].gpu_bytes = (1,)
    assert with_usage(log_of(run, 2), sampled(None), run.state)["gpu_utilization_percent"] is None
