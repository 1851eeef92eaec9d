"""What workers are asked before anything starts on them."""

from __future__ import annotations

import pytest

from master.adapters.allocators.allocator import Checked
from master.runs import worker_check
from master.runs.worker_check import probe_workers, with_needs
from master.specs import ClusterSpec, DataDir, PoolSpec, ServerSpec


def test_agents_look_for_modules_and_for_the_data_that_is_there() -> None:
    data = (DataDir("labtools/src", "/scratch/labtools"), DataDir("rows", "/home/rows", sync=True))
    bare, shared = ServerSpec("a", "a"), ServerSpec("b", "b", data=data)
    cluster, imported = ClusterSpec((bare, shared)), [["apex", "labtools", "torch"], ["torch", "labtools"]]
    first, second = (server.agent for server in with_needs(cluster, imported).servers)
    assert (first.modules, first.required_modules, first.directories) == (["apex"], ["labtools", "torch"], [])
    assert (second.required_modules, second.directories) == (["torch"], ["/scratch/labtools"])


def test_what_a_worker_may_lack_is_told() -> None:
    cluster = ClusterSpec((ServerSpec("a", "a"),))
    (told,) = (server.agent for server in with_needs(cluster, [["torch"]], may_lack=True).servers)
    assert (told.modules, told.required_modules) == (["torch"], [])
    (none,) = (server.agent for server in with_needs(cluster, []).servers)
    assert (none.modules, none.required_modules) == ([], [])


@pytest.mark.parametrize("problems", [(), ("no partition gpu: name another", "too much time")])
def test_a_plan_has_a_row_for_a_pool_with_what_its_engine_says(
    problems: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = PoolSpec("hpc", ServerSpec("login", "login"), 8, 3600.0)
    said = Checked(problems, ("an allocation would begin at once",), ("nodes may not see it",))
    monkeypatch.setattr(worker_check, "look_at_pools", lambda cluster: [said])
    (row,) = probe_workers(ClusterSpec(pool.all_seats, pools=(pool,)))
    assert (row.name, row.lent, row.reachable) == ("hpc", "8 seats for 1h each", not problems)
    assert (row.reason, row.notes) == (
        "; ".join(problems),
        ("nodes may not see it", "an allocation would begin at once"),
    )
