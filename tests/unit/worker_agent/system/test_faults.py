"""Which errors are a machine's, and when a disk is full."""

from __future__ import annotations

import errno
from pathlib import Path
from types import SimpleNamespace

import pytest

from worker_agent.system.faults import FULL_BYTES, full_disk, is_bad_place, is_worker_fault


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), True),
        (OSError(errno.EIO, "Input/output error"), True),
        (OSError(errno.EMFILE, "Too many open files"), True),
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), False),
        (PermissionError(errno.EACCES, "Permission denied"), False),
        (ValueError("embedded null byte"), False),
    ],
)
def test_full_and_broken_disks_are_the_machines_fault(error: Exception, expected: bool) -> None:
    assert is_worker_fault(error) is expected


def test_a_disk_is_full_a_little_before_its_last_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = {str(tmp_path): FULL_BYTES - 1}
    monkeypatch.setattr(
        "shutil.disk_usage", lambda path: SimpleNamespace(free=free.get(path, FULL_BYTES), total=1 << 40)
    )
    assert full_disk(str(tmp_path)) == (
        f"no space left on the disk of {tmp_path}: make room there, or set `work_dir`"
    )
    free[str(tmp_path)] += 1
    assert full_disk(str(tmp_path)) is None


@pytest.mark.parametrize(
    ("total", "free", "is_full"),
    [(0, 0, False), (8 << 20, 4 << 20, False), (8 << 20, 1 << 10, True), (1 << 40, 8 << 20, True)],
)
def test_a_small_disk_is_not_full_and_one_that_tells_nothing_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, total: int, free: int, is_full: bool
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(total=total, free=free))
    assert (full_disk(str(tmp_path)) is not None) is is_full


@pytest.mark.parametrize(
    ("number", "expected"),
    [(errno.ENOSPC, True), (errno.EACCES, True), (errno.ENOENT, True), (errno.ENAMETOOLONG, False)],
)
def test_a_name_that_is_too_long_is_no_bad_place(number: int, expected: bool) -> None:
    assert is_bad_place(OSError(number, "")) is expected
