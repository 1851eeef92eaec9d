"""Fixtures that several modules use."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.integration.agent_harness import Host
from tests.integration.executor_lab import Lab
from tests.integration.ssh_place import Place, started
from tests.support.shop import Shop


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path)
    yield host
    host.close()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    here = Path.cwd()
    lab = Lab(tmp_path)
    yield lab
    lab.executors.close()
    os.chdir(here)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    with started(tmp_path / "ssh") as sshd:
        yield Place(sshd)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    project = tmp_path / "project"
    (project / "data").mkdir(parents=True)
    (project / "data" / "x.csv").write_text("1,2,3")
    made = Shop(tmp_path, project)
    yield made
    for pid in made.processes():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a file system of its own with 64 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "none", str(folder)], capture_output=True, check=False
    )
    if os.getuid() != 0 or mounted.returncode:
        pytest.skip("only root can mount a file system here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
