"""Fixtures that several modules use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.agent_harness import Host
from tests.integration.executor_lab import Lab
from tests.integration.ssh_place import Place, started


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
