"""Which errors are a machine's, and when a disk is full."""

from __future__ import annotations

import errno
from pathlib import Path
from types import SimpleNamespace

import pytest

from worker_agent.system.faults import FULL_BYTES, full_disk, is_worker_fault


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
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=free.get(path, FULL_BYTES)))
    assert full_disk(str(tmp_path)) == (
        f"no space left on the disk of {tmp_path}: make room there, or set `work_dir`"
    )
    free[str(tmp_path)] += 1
    assert full_disk(str(tmp_path)) is None
