"""What another machine's rsync sends is bounded by us, not by a flag that it might ignore."""

from __future__ import annotations

import resource
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from master.adapters import rsync
from master.adapters.rsync import bound_files, failure, pull_argv
from master.adapters.ssh_settings import SshFiles
from master.errors import RemoteError
from tests.support.needs import missing


def test_a_file_that_is_larger_than_was_announced_is_cut_off(tmp_path: Path) -> None:
    if shutil.which("rsync") is None:
        missing("there is no rsync: apt-get install rsync")
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "big").write_bytes(bytes(range(256)) * 40_000)
    shell = tmp_path / "shell"
    shell.write_text('#!/bin/sh\nshift; exec sh -c "$*"\n')
    shell.chmod(0o755)
    said = pull_argv(str(tmp_path / "source"), tmp_path / "target", "worker", [str(shell)], 10)
    argv = [word for word in said if not word.startswith("--max-size")]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    bound_files(process.pid, 10)
    assert resource.prlimit(process.pid, resource.RLIMIT_FSIZE)[1] <= 1 << 20
    _, errors = process.communicate(b"big", timeout=30)
    problem = failure("worker", argv, process.returncode, errors.decode())
    assert isinstance(problem, RemoteError) and "larger than its agent said" in str(problem)
    assert all(path.stat().st_size <= 1 << 20 for path in (tmp_path / "target").rglob("*"))


def test_a_login_on_which_nothing_comes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenSSH waits for ever where a link goes silent after the handshake, and all others behind it."""
    monkeypatch.setattr(rsync, "master_argv", lambda *route, **options: ["sleep", "600"])
    monkeypatch.setattr(rsync, "_LOGIN_TIMES", 0.2)
    began = time.monotonic()
    login = rsync._SharedLogin((), SshFiles(None, "known_hosts"), 1)
    login.close()
    assert time.monotonic() - began < 30.0 and not Path(login.path).exists()
