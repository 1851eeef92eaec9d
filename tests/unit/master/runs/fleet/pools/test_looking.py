from __future__ import annotations

import json
from typing import Any

import pytest

from master.adapters.allocators.allocator import Checked
from master.runs.fleet.pools import looking
from master.runs.fleet.pools.looking import look_at_pool, look_at_pools
from master.specs import ClusterSpec, PoolSpec, ServerSpec
from tests.support.fake_allocator import FakeAllocator, FakeEngine
from tests.support.fake_session import FakeSession, Reply

POOL = PoolSpec("hpc", ServerSpec("login1", "login1"), 2, 3600.0)
FACTS = {"python": [3, 11, 2], "rsync": True, "digest": "", "cores": 8}
PYTHON = Reply(stdout=b"twophase-probe " + json.dumps(FACTS).encode() + b"\n")
CLUSTER = ClusterSpec(POOL.all_seats, pools=(POOL,))


def refused(server: ServerSpec, cluster: ClusterSpec, in_terminal: bool) -> Any:
    raise OSError("no route to host")


def test_a_login_host_that_does_not_answer_is_a_problem() -> None:
    assert look_at_pool(POOL, CLUSTER, refused) == Checked(("no route to host",))


def login(probe: Reply) -> Any:
    session = FakeSession("login1")
    session.script("python3", behaviour=probe)
    return lambda *of: session


def test_a_login_host_without_python_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "allocator_of", lambda pool, *of: FakeAllocator(FakeEngine(), pool.name))
    found = look_at_pool(POOL, CLUSTER, login(Reply(127)))
    (told,) = found.problems
    assert told.startswith("its agent cannot be brought to login1: no Python: `python3` cannot be run")
    assert found.notes == FakeAllocator(FakeEngine(), "x").check().notes


def test_what_engines_say_is_returned_for_each_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []

    class Closable(FakeAllocator):
        def close(self) -> None:
            closed.append(self._run_id)

    monkeypatch.setattr(looking, "allocator_of", lambda pool, *of: Closable(FakeEngine(), pool.name))
    (found,) = look_at_pools(CLUSTER, login(PYTHON))
    assert found == Closable(FakeEngine(), "x").check() and closed == ["hpc"]
    assert look_at_pools(ClusterSpec(()), refused) == []
