"""What follows from a master's settings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.attempt_paths import paths_of
from tests.unit.worker_agent.gpu_data import gpu, reading
from worker_agent.attempts.invocation import base_environment
from worker_agent.core.shares import Device, cpu_devices
from worker_agent.environment.job_base import JobBase
from worker_agent.protocol.codec import MessageError
from worker_agent.protocol.layout import StateLayout
from worker_agent.protocol.messages import Settings
from worker_agent.runtime.host_context import (
    CurrentHost,
    HostContext,
    choose_work_dir,
    installed_version,
)


def test_the_work_directory_names_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = StateLayout(tmp_path, "host", "r1")
    monkeypatch.setenv("SCRATCH", "/scratch")
    assert choose_work_dir(Settings(), layout) == tmp_path / "host" / "work"
    assert choose_work_dir(Settings(work_dir="$SCRATCH/me"), layout) == Path("/scratch/me/host")
    with pytest.raises(MessageError, match="allowed are absolute paths"):
        choose_work_dir(Settings(work_dir="here"), layout)


def context(root: Path, *devices: Device, **settings: Any) -> HostContext:
    base = JobBase(base_environment({"PATH": "/bin"}, settings.get("env", {})), "python3")
    return HostContext(Settings(**settings), root / "work", "r1", base, devices)


def test_cpu_slots_share_the_cores(tmp_path: Path) -> None:
    found = context(tmp_path, *cpu_devices(1), env={"MKL_NUM_THREADS": "7"})
    assert (found.slots, found.gpu_bytes()) == (["cpu0"], [])
    assert found.env["MKL_NUM_THREADS"] == "7" and int(found.env["OMP_NUM_THREADS"]) >= 1
    assert found.facts().cores >= 1 and found.facts().disk_free_bytes > 0


def test_gpu_slots_are_named_by_their_shares(tmp_path: Path) -> None:
    found = context(tmp_path, Device("gpu0", 64, 32, memory=5, gpu="GPU-1"), Device("gpu1", 64, 64, gpu="1"))
    assert found.slots == ["gpu0.m0-31", "gpu0.m32-63", "gpu1"]
    assert found.gpu_bytes() == [5, 0]
    facts = found.facts(reading(gpu(1, driver="610.43.01")))
    assert (facts.gpus, facts.driver) == ({"gpu0": "card"}, "610.43.01")
    assert (found.facts().gpus, found.facts().driver) == ({}, "")
    assert "OMP_NUM_THREADS" not in found.env


def test_attempts_keep_their_places_until_they_are_forgotten(tmp_path: Path) -> None:
    found = context(tmp_path)
    attempt = found.attempt(("a/b", 2))
    assert attempt is found.attempt(("a/b", 2)) and paths_of(attempt).root.name == "a,b.2"
    assert found.forget(("a/b", 2)) is attempt
    assert found.attempt(("a/b", 2)) is not attempt


def test_what_waited_for_jobs_under_other_settings_is_given_back(tmp_path: Path) -> None:
    host = CurrentHost()
    first, second = context(tmp_path), context(tmp_path)
    assert host.change(first) == [] and host.context is first
    assert host.change(second) == first.recycled() and host.opened is second


@pytest.mark.parametrize(
    ("folder", "version"),
    [
        ("torch-2.13.0+cpu.dist-info", "2.13.0+cpu"),
        ("torch-1.9.egg-info", "1.9"),
        ("torchvision-0.20.dist-info", None),
        ("torch", None),
    ],
)
def test_a_version_is_read_from_the_name_of_its_metadata(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, version: str | None
) -> None:
    (tmp_path / "site" / folder).mkdir(parents=True)
    monkeypatch.setattr(sys, "path", ["", str(tmp_path / "gone"), str(tmp_path / "site"), "agent.pyz"])
    assert installed_version("torch") == version
