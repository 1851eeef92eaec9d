from __future__ import annotations

from typing import Any

import pytest

from master.adapters.allocators.allocator import Checked
from master.runs.fleet.pools import looking
from master.runs.fleet.pools.looking import look_at_pool, look_at_pools
from master.specs import ClusterSpec, PoolSpec, ServerSpec
from tests.support.fake_allocator import FakeAllocator, FakeEngine

POOL = PoolSpec("hpc", ServerSpec("login1", "login1"), 2, 3600.0)
CLUSTER = ClusterSpec(POOL.all_seats, pools=(POOL,))


def refused(server: ServerSpec, cluster: ClusterSpec, in_terminal: bool) -> Any:
    raise OSError("no route to host")


def test_a_login_host_that_does_not_answer_is_a_problem() -> None:
    assert look_at_pool(POOL, CLUSTER, refused) == Checked(("no route to host",))


def test_what_engines_say_is_returned_for_each_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []

    class Closable(FakeAllocator):
        def close(self) -> None:
            closed.append(self._run_id)

    monkeypatch.setattr(looking, "allocator_of", lambda pool, *of: Closable(FakeEngine(), pool.name))
    (found,) = look_at_pools(CLUSTER, refused)
    assert found == Closable(FakeEngine(), "x").check() and closed == ["hpc"]
    assert look_at_pools(ClusterSpec(()), refused) == []
