"""A source and a taker with pieces that are small."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from master.adapters.peers import chunking
from master.adapters.peers.run_ca import RunAuthority
from tests.support.peers import PIECE_BYTES, World
from worker_agent.peers import serving, stream, wire


@pytest.fixture(scope="session")
def authority() -> RunAuthority:
    return RunAuthority()


@pytest.fixture
def world(tmp_path: Path, authority: RunAuthority, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for module in (chunking, stream):
        monkeypatch.setattr(module, "CHUNK_BYTES", PIECE_BYTES)
    made = World(tmp_path, authority)
    yield made
    for one in made.takings:
        one.stop()  # it would go on reporting


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what takes seconds take tenths."""
    for name, seconds in {"STALL_S": 0.4, "SLOW_S": 0.4, "WAIT_S": 0.8, "BEAT_S": 0.1}.items():
        monkeypatch.setattr(wire, name, seconds)
        if hasattr(serving, name):
            monkeypatch.setattr(serving, name, seconds)
