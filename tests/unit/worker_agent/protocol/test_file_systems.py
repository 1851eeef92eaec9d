"""A whole file system is made durable at once, where the system offers that."""

from __future__ import annotations

import ctypes
import errno
from pathlib import Path

import pytest

from worker_agent.protocol import file_systems
from worker_agent.protocol.file_systems import sync_file_system


def test_what_the_kernel_could_not_write_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def syncfs(descriptor: int) -> int:
        ctypes.set_errno(errno.EIO)
        return -1

    monkeypatch.setattr(file_systems, "_syncfs", lambda: syncfs)
    with pytest.raises(OSError, match=str(tmp_path)) as caught:
        sync_file_system(tmp_path)
    assert caught.value.errno == errno.EIO


def test_a_system_without_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_systems, "_syncfs", lambda: None)
    assert not sync_file_system(tmp_path)


def test_this_system_has_it_for_a_folder_that_is_there(tmp_path: Path) -> None:
    if file_systems._syncfs() is None:
        pytest.skip("the C library has no syncfs")
    assert sync_file_system(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync_file_system(tmp_path / "gone")
