"""The agent's threads for what would hold up its loop."""

from __future__ import annotations

import functools
import os
import sys
import threading

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


@pytest.mark.skipif(sys.platform != "linux", reason="threads have priorities of their own on Linux")
def test_what_has_time_runs_behind_all_others() -> None:
    workers = Background()
    workers.idle(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    while not (answers := list(workers.answers())):
        workers.drain()
    assert answers == [19] and os.getpriority(os.PRIO_PROCESS, 0) < 19
    workers.close()
