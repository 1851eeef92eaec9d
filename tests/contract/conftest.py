"""The sessions that the contract is checked on."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from master.adapters.allocators.allocator import Allocation, AllocationState
from tests.contract.allocator_worlds import slurm_allocator
from tests.contract.session_worlds import (
    World,
    fake_world,
    local_world,
    seat_by_ssh_world,
    seat_world,
    ssh_world,
)
from tests.support.needs import UnavailableError, missing
from tests.support.slurm import LocalSlurm
from tests.support.sshd import LoopbackSshd


@pytest.fixture(scope="module")
def sshd(watched_paths: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackSshd]:
    try:
        with LoopbackSshd(tmp_path_factory.mktemp("sshd"), "MaxStartups 100") as running:
            yield running
    except UnavailableError as reason:
        missing(str(reason))


@pytest.fixture(scope="module")
def allocation(slurm: LocalSlurm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Allocation]:
    """One that runs, and does nothing."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PATH", slurm.path)
        allocator = slurm_allocator(("--exclusive",), tmp_path_factory.mktemp("seat"), f"{os.getpid():08}")
        number = allocator.submit("hpc.1")
        deadline = time.monotonic() + 30
        while allocator.look()["hpc.1"].state is not AllocationState.RUNNING:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield allocator.look()["hpc.1"]
        allocator.cancel(number)
        allocator.close()


@pytest.fixture(
    params=[
        "local",
        "fake",
        pytest.param("ssh", marks=pytest.mark.ssh),
        pytest.param("seat", marks=pytest.mark.slurm),
        "seat by ssh",
    ]
)
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    place = tmp_path / "worker"
    place.mkdir()
    if request.param == "seat":
        with seat_world(place, request.getfixturevalue("allocation")) as made:
            yield made
    elif request.param == "seat by ssh":
        monkeypatch.setenv("PATH", f"{tmp_path / 'programs'}:{os.environ['PATH']}")
        with seat_by_ssh_world(place, tmp_path / "programs") as made:
            yield made
    elif request.param == "ssh":
        with ssh_world(place, request.getfixturevalue("sshd")) as made:
            yield made
    else:
        with (local_world if request.param == "local" else fake_world)(place) as made:
            yield made
