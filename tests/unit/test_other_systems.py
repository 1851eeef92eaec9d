"""The head node may be a Mac: what only Linux has is asked for before it is used."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

from master.commands.working_directory import check_working_directory
from master.errors import UsageError
from master.orchestrator.resources import look, usable_cores

MASTER = Path(__file__).resolve().parents[2] / "master"
LINUX_ONLY = {
    *("sched_getaffinity", "sched_setaffinity", "prctl", "epoll", "EpollSelector", "pidfd_open", "eventfd"),
    *("memfd_create", "posix_fallocate", "O_TMPFILE", "O_PATH", "O_DIRECT", "signalfd", "sendfile", "splice"),
    *("copy_file_range", "getrandom", "setns", "unshare", "SOCK_CLOEXEC", "SO_PEERCRED", "MSG_NOSIGNAL"),
}


@pytest.mark.parametrize("path", sorted(MASTER.rglob("*.py")), ids=lambda path: path.stem)
def test_nothing_that_only_linux_has_is_used_unasked(path: Path) -> None:
    tree = ast.parse(path.read_text())
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    used |= {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert not used & LINUX_ONLY


def test_cores_and_memory_are_known_without_linux_s_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr("master.orchestrator.resources.find_gpus", lambda: ())
    found = look(tmp_path / "no-cgroup", tmp_path / "no-proc")
    assert found.cores == usable_cores() == os.cpu_count()
    assert found.free_memory_bytes > 0


def test_a_current_directory_that_is_gone_is_told_without_proc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> Path:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "cwd", gone)
    monkeypatch.setattr(Path, "readlink", lambda path: (_ for _ in ()).throw(OSError("no /proc")))
    monkeypatch.setenv("PWD", "/where/I/was")
    with pytest.raises(UsageError, match="/where/I/was has been deleted"):
        check_working_directory()
