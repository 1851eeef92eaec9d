"""The agent's threads for what would hold up its loop."""

from __future__ import annotations

import functools

import pytest

from worker_agent.system import background
from worker_agent.system.background import Background


def test_what_is_to_be_made_durable_is_gathered_and_done_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_SYNC_S", 3600.0)
    workers, done = Background(), list[str]()
    for word in ("first", "second", "third"):
        workers.sync(functools.partial(done.append, word))
    workers.close()
    assert done == ["first"]
