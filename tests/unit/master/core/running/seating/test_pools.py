from __future__ import annotations

from master.core.planning.plan import Plan
from master.core.running.fleet.seats import Pool, Seat
from master.core.running.policy import Policy
from master.core.running.records import RunState
from master.core.running.seating.pools import take_pools
from master.specs import ClusterSpec, PoolSpec, ServerSpec


def test_seats_of_a_pool_become_seats_and_servers_do_not() -> None:
    spec = PoolSpec("hpc", ServerSpec("login", "login"), seats=2, time_s=3600.0, idle_s=60.0, queued=2)
    servers = (ServerSpec("lab1", "lab1"), *spec.all_seats)
    without = PoolSpec("other", ServerSpec("login", "login"), seats=1, time_s=60.0)
    state = RunState.fresh(Plan((), {}), Policy(), [server.name for server in servers])
    take_pools(state, ClusterSpec(servers, pools=(spec, without)))
    pools = {"hpc": Pool("hpc", 2, 3600.0, 60.0, 2), "other": Pool("other", 1, 60.0, without.idle_s)}
    assert state.pools == pools
    assert {name: view.seat for name, view in state.workers.items()} == {
        "lab1": None,
        "hpc.1": Seat("hpc"),
        "hpc.2": Seat("hpc"),
    }
