"""What tests of links share."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from master.adapters import agent_client
from tests.unit.master.adapters.link_world import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world without pauses; no thread may be left behind."""
    monkeypatch.setattr(agent_client, "next_backoff", lambda previous_s: 0.0)
    before = set(threading.enumerate())
    found = World()
    yield found
    found.link.close()
    assert set(threading.enumerate()) <= before
