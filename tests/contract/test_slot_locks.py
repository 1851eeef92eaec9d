"""The locks of slots: between agents, and through the jobs that inherit them."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from worker_agent.core.shares import SHARES, Device, cpu_devices, everything, mask_of
from worker_agent.devices import slot_locks
from worker_agent.devices.slot_locks import SlotLocks

GPU = Device("gpu0", SHARES, SHARES, lock="gpuGPU-1")
WAIT = "import sys; sys.stdin.read()"


def test_two_agents_never_have_the_same_share(tmp_path: Path) -> None:
    one, other = SlotLocks(tmp_path / "slots"), SlotLocks(tmp_path / "slots")
    assert one.take("gpu0.m0-15+32", [GPU]) is not None
    assert other.take("gpu0", [GPU]) is None
    assert other.take("gpu0.m15-16", [GPU]) is None
    assert other.others(GPU, 0) == mask_of("gpu0.m0-15+32"), "what could not be had is not kept in part"
    assert other.take("gpu0.m16-31", [GPU]) is not None
    assert one.others(GPU, mask_of("gpu0.m0-15+32")) == mask_of("gpu0.m16-31")
    one.free("gpu0.m0-15+32")
    other.close()
    assert one.others(GPU, 0) == 0
    assert one.take("gpu0", [GPU]) is not None
    one.close()


def test_what_is_still_to_be_given_back_is_nobody_elses(tmp_path: Path) -> None:
    one, other = SlotLocks(tmp_path / "slots"), SlotLocks(tmp_path / "slots")
    assert one.take("gpu0.m0-57", [GPU]) is not None
    assert one.others(GPU, 0) == 0 and other.others(GPU, 0) == mask_of("gpu0.m0-57")
    one.close()


def test_a_cpu_slot_is_one_share(tmp_path: Path) -> None:
    one, other = SlotLocks(tmp_path / "slots"), SlotLocks(tmp_path / "slots")
    (device,) = cpu_devices(1)
    assert one.take("cpu0", [device]) is not None and other.take("cpu0", [device]) is None
    assert other.others(device, 0) == 1 and one.others(device, 1) == 0
    one.close()


def test_a_lock_lasts_as_long_as_a_job_that_inherited_it(tmp_path: Path) -> None:
    one, other = SlotLocks(tmp_path / "slots"), SlotLocks(tmp_path / "slots")
    lock = one.take("gpu0.m0", [GPU])
    assert lock is not None
    with subprocess.Popen([sys.executable, "-c", WAIT], stdin=subprocess.PIPE, pass_fds=[lock]):
        os.close(lock)
        assert other.others(GPU, 0) == 1
    assert other.others(GPU, 0) == 0


def test_a_slot_that_is_freed_is_free_though_a_process_still_has_the_file(tmp_path: Path) -> None:
    one, other = SlotLocks(tmp_path / "slots"), SlotLocks(tmp_path / "slots")
    lock = one.take("gpu0", [GPU])
    assert lock is not None
    with subprocess.Popen([sys.executable, "-c", WAIT], stdin=subprocess.PIPE, pass_fds=[lock]):
        assert other.others(GPU, 0) == everything(GPU)
        one.free("gpu0")
        assert other.others(GPU, 0) == 0
    one.free("gpu0")


def test_anybody_may_open_the_files_and_nobody_else_s_is_followed(tmp_path: Path) -> None:
    locks = SlotLocks(tmp_path / "slots")
    mig = Device("gpuMIG-GPU-1/2/3", SHARES, SHARES, lock="gpuMIG-GPU-1/2/3")
    assert locks.take(mig.name, [mig]) is not None
    (path,) = (tmp_path / "slots").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o666
    assert stat.S_IMODE((tmp_path / "slots").stat().st_mode) == 0o1777
    (tmp_path / "slots" / "gpuGPU-1.lock").symlink_to(tmp_path / "elsewhere")
    assert locks.others(GPU, 1) == everything(GPU) & ~1, "what cannot be looked at counts as taken"
    with pytest.raises(OSError):
        locks.take("gpu0", [GPU])
    assert not (tmp_path / "elsewhere").exists()
    locks.close()


def test_a_slot_on_several_gpus_is_locked_whole_or_not_at_all(tmp_path: Path) -> None:
    one, other = SlotLocks(tmp_path / "slots"), SlotLocks(tmp_path / "slots")
    second = Device("gpu1", SHARES, SHARES, lock="gpuGPU-2")
    assert other.take("gpu1.m3", [second]) is not None
    assert one.take("gpu0,gpu1", [GPU, second]) is None
    assert other.others(GPU, 0) == 0, "what could not be had is not kept in part"
    other.free("gpu1.m3")
    lock = one.take("gpu0,gpu1.m0-31", [GPU, second])
    assert lock is not None and other.take("gpu0.m0", [GPU]) is None
    assert other.others(second, 0) == mask_of("gpu1.m0-31") and one.others(second, 0) == 0
    one.free("gpu0,gpu1.m0-31")
    assert other.others(GPU, 0) == other.others(second, 0) == 0


def broken(*_: object) -> None:
    raise OSError(24, "Too many open files")


@pytest.mark.parametrize("breaks", ["_bundle", "_try_lock", "the file of the second"])
def test_what_breaks_while_several_gpus_are_locked_leaves_none_of_them_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, breaks: str
) -> None:
    one, other = SlotLocks(tmp_path / "slots"), SlotLocks(tmp_path / "slots")
    second = Device("gpu1", SHARES, SHARES, lock="gpuGPU-2")
    unreadable = tmp_path / "slots" / "gpuGPU-2.lock"
    with monkeypatch.context() as patched:
        if breaks.startswith("_"):
            patched.setattr(slot_locks, breaks, broken)
        else:
            unreadable.mkdir()
        with pytest.raises(OSError, match=r"Too many open files|Is a directory"):
            one.take("gpu0,gpu1", [GPU, second])
    if unreadable.is_dir():
        unreadable.rmdir()
    assert other.others(GPU, 0) == other.others(second, 0) == 0
    assert one.take("gpu0,gpu1", [GPU, second]) is not None
    one.close()


def test_locks_of_several_gpus_last_as_long_as_a_job_that_inherited_them(tmp_path: Path) -> None:
    one, other = SlotLocks(tmp_path / "slots"), SlotLocks(tmp_path / "slots")
    second = Device("gpu1", SHARES, SHARES, lock="gpuGPU-2")
    lock = one.take("gpu0,gpu1", [GPU, second])
    assert lock is not None
    inherited = [lock]
    with subprocess.Popen([sys.executable, "-c", WAIT], stdin=subprocess.PIPE, pass_fds=inherited):
        _close_as_if_killed(one)
        assert other.others(GPU, 0) == other.others(second, 0) == everything(GPU)
    assert other.others(GPU, 0) == other.others(second, 0) == 0


def _close_as_if_killed(locks: SlotLocks) -> None:
    """Close an agent's descriptors without unlocking, as its end does."""
    for bundle in locks._bundles.values():
        bundle.close()
    for descriptor, _ in locks._held.values():
        os.close(descriptor)


@pytest.mark.parametrize(("lent", "cores"), [("1", 1), ("", 3), ("0", 3), ("2(x2)", 3), ("64", 3)])
def test_of_a_machine_that_is_lent_no_more_cores_are_used_than_are_lent(
    monkeypatch: pytest.MonkeyPatch, lent: str, cores: int
) -> None:
    monkeypatch.setattr(slot_locks.os, "sched_getaffinity", lambda pid: {0, 1, 2})
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", lent)
    assert slot_locks.cores() == cores
