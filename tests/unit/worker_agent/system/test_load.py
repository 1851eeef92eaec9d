"""How busy a machine is, from two small files of the kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker_agent.system.load import CpuMeter, memory

MEMINFO = (
    "MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    400 kB\nHugePages_Total:       0\n"
)


def stat(proc: Path, *times: int) -> None:
    (proc / "stat").write_text(f"cpu  {' '.join(map(str, times))}\ncpu0 1 2 3\n")


def test_cores_are_as_busy_as_their_times_grew(tmp_path: Path) -> None:
    stat(tmp_path, 100, 0, 50, 800, 50, 0, 0, 0, 7, 7)
    meter = CpuMeter(tmp_path)
    assert meter.percent() is None, "no time has passed"
    stat(tmp_path, 130, 0, 50, 850, 70, 0, 0, 0, 7, 7)
    assert meter.percent() == 30.0
    stat(tmp_path, 230, 0, 50, 850, 70, 0, 0, 0, 7, 7)
    assert meter.percent() == 100.0


@pytest.mark.parametrize("text", ["", "cpu a b c d e f g h\n", "intr 1 2 3 4 5 6 7 8\n", "cpu 1 2\n"])
def test_what_is_no_account_of_time_is_not_known(text: str, tmp_path: Path) -> None:
    (tmp_path / "stat").write_text(text)
    meter = CpuMeter(tmp_path)
    assert meter.percent() is None
    stat(tmp_path, 1, 1, 1, 1, 1, 1, 1, 1)
    assert meter.percent() is None
    assert CpuMeter(tmp_path / "none").percent() is None


def test_memory_in_use_is_what_is_not_available(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text(MEMINFO)
    assert memory(tmp_path) == (600 * 1024, 1000 * 1024)


@pytest.mark.parametrize("text", ["", "MemTotal: x kB\n", "MemTotal: 5 kB\n"])
def test_memory_that_is_not_told_is_zero(text: str, tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text(text)
    assert memory(tmp_path) == memory(tmp_path / "none") == (0, 0)
