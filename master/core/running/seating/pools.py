"""Takes the pools of a cluster config into the state of a run."""

from __future__ import annotations

from master.core.running.fleet.seats import Pool, Seat
from master.core.running.records import RunState
from master.specs import ClusterSpec, PoolSpec


def take_pools(state: RunState, cluster: ClusterSpec) -> None:
    """Let those of a run's workers be seats that are some of a pool; one may have none left in the run."""
    for pool in cluster.pools:
        state.pools[pool.name] = pool_of(pool)
    for server in cluster.servers:
        if server.pool is not None:
            state.pools.setdefault(server.pool.name, pool_of(server.pool))
            state.workers[server.name].seat = Seat(server.pool.name)


def pool_of(spec: PoolSpec) -> Pool:
    """Return what a run knows of a pool before the engine has told anything."""
    return Pool(spec.name, spec.seats, spec.time_s, spec.idle_s, spec.queued)
