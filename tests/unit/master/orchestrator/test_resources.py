"""How many jobs run at a time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from master.errors import RemoteError
from master.orchestrator import resources
from master.orchestrator.resources import GIB, Gpu, Machine, Workers, choose, find_gpus, look, visible_gpus
from master.runs import worker_check

GPUS = (Gpu("0", "A", 24000), Gpu("1", "B", 8000))


def machine(cores: int = 6, gib: float = 64, gpus: tuple[Gpu, ...] = ()) -> Machine:
    return Machine(cores, int(gib * GIB), gpus)


@pytest.mark.parametrize(
    ("given", "jobs", "count"),
    [
        (machine(), 9, 6),
        (machine(), 3, 3),
        (machine(gib=9), 9, 2),
        (machine(gib=1), 9, 1),
        (machine(cores=16, gpus=GPUS), 9, 2),
        (machine(cores=16, gpus=GPUS), 1, 1),
        (machine(gib=5, gpus=GPUS), 9, 1),
    ],
)
def test_cores_memory_gpus_and_jobs_all_limit(given: Machine, jobs: int, count: int) -> None:
    assert choose(given, jobs, parallel=True).count == count


def test_the_reason_names_every_limit() -> None:
    assert choose(machine(), 9, parallel=True).reason == (
        "9 jobs, 6 cores, 64.0 GiB of free memory (4 for a job), no GPU"
    )
    assert choose(machine(gpus=GPUS), 1, parallel=True).reason == (
        "1 job, 2 GPUs (a job each), 64.0 GiB of free memory (4 for a job)"
    )


@pytest.mark.parametrize(
    ("given", "jobs", "most", "expected"),
    [
        (machine(cores=2), 9, 6, Workers(6, "--max-workers 6")),
        (machine(), 2, 6, Workers(2, "--max-workers 6, but only 2 jobs")),
        (machine(gpus=GPUS), 9, 3, Workers(3, "--max-workers 3", ("0", "1"))),
        (machine(gpus=GPUS), 9, 1, Workers(1, "--max-workers 1", ("0",))),
    ],
)
def test_the_users_number_stands_but_never_more_than_jobs(
    given: Machine, jobs: int, most: int, expected: Workers
) -> None:
    assert choose(given, jobs, parallel=True, max_workers=most) == expected


def test_without_parallel_one_at_a_time_on_the_first_gpu() -> None:
    assert choose(machine(), 9, parallel=False, max_workers=6).count == 1
    assert choose(machine(gpus=GPUS), 9, parallel=False).gpus == ("0",)


ROWS = [
    {"index": 0, "name": "NVIDIA A100", "total": 40960 * 2**20, "state": "used"},
    {"index": 1, "name": "NVIDIA T4", "total": None, "state": "used"},
]


@pytest.mark.parametrize(
    ("visible", "indices"),
    [(None, "01"), ("1", "1"), ("0, 1", "01"), ("", ""), ("7", ""), ("GPU-5c1e", "01")],
)
def test_gpus_are_those_of_the_agent_that_cuda_may_see(visible: str | None, indices: str) -> None:
    assert "".join(gpu.index for gpu in visible_gpus(ROWS, visible)) == indices


def test_a_gpu_has_a_name_and_memory_if_it_tells() -> None:
    assert visible_gpus(ROWS, None) == (Gpu("0", "NVIDIA A100", 40960), Gpu("1", "NVIDIA T4", None))


@pytest.mark.parametrize(
    "error", [RemoteError("here", "no end after 60 s"), OSError("no fork"), ValueError("no JSON")], ids=repr
)
def test_a_look_in_vain_is_no_gpu(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def failing(*_: object) -> dict[str, object]:
        raise error

    monkeypatch.setattr(worker_check, "gpu_report", failing)
    assert find_gpus() == ()


def test_the_limits_of_a_container_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "find_gpus", tuple)
    (tmp_path / "cpu.max").write_text("100000 100000\n")
    (tmp_path / "memory.max").write_text(f"{8 * GIB}\n")
    (tmp_path / "memory.current").write_text(f"{3 * GIB}\n")
    meminfo = tmp_path / "meminfo"
    meminfo.write_text(f"MemTotal: 99 kB\nMemAvailable: {64 * 2**20} kB\n")
    assert look(tmp_path, meminfo) == Machine(1, 5 * GIB)
    for name in ("cpu.max", "memory.max"):
        (tmp_path / name).write_text("max\n")
    assert look(tmp_path, meminfo) == Machine(len(os.sched_getaffinity(0)), 64 * GIB)
