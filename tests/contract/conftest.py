"""The sessions that the contract is checked on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.session_worlds import World, fake_world, local_world, ssh_world
from tests.support.needs import UnavailableError, missing
from tests.support.sshd import LoopbackSshd


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackSshd]:
    try:
        with LoopbackSshd(tmp_path_factory.mktemp("sshd"), "MaxStartups 100") as running:
            yield running
    except UnavailableError as reason:
        missing(str(reason))


@pytest.fixture(params=["local", "fake", pytest.param("ssh", marks=pytest.mark.ssh)])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    place = tmp_path / "worker"
    place.mkdir()
    if request.param == "ssh":
        with ssh_world(place, request.getfixturevalue("sshd")) as made:
            yield made
    else:
        with (local_world if request.param == "local" else fake_world)(place) as made:
            yield made
