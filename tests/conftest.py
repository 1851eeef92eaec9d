"""Fixtures for every test: an SSH server on loopback."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.needs import UnavailableError, missing
from tests.support.sshd import LoopbackSshd


@pytest.fixture
def loopback_sshd(tmp_path: Path) -> Iterator[LoopbackSshd]:
    """A running sshd of the current user; its files and both homes are below `tmp_path / "sshd"`."""
    try:
        with LoopbackSshd(tmp_path / "sshd") as server:
            yield server
    except UnavailableError as error:
        missing(str(error))
