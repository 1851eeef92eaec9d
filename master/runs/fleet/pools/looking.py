"""What a pool's engine says before anything is submitted: for plans, and for `twophase doctor`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from master.adapters.allocators.allocator import Checked
from master.errors import TwophaseError
from master.runs.agents import OpenSession, open_session
from master.runs.fleet.pools.engines import allocator_of
from master.specs import ClusterSpec, PoolSpec


def look_at_pools(cluster: ClusterSpec, connect: OpenSession = open_session) -> list[Checked]:
    """Return what the engine of each pool says, in their order; nothing is submitted."""
    if not cluster.pools:
        return []
    with ThreadPoolExecutor(len(cluster.pools)) as threads:
        return list(threads.map(lambda pool: look_at_pool(pool, cluster, connect), cluster.pools))


def look_at_pool(pool: PoolSpec, cluster: ClusterSpec, connect: OpenSession) -> Checked:
    """Return what the engine of a pool says; that it does not answer is a problem too."""
    allocator = allocator_of(pool, cluster, connect)
    try:
        return allocator.check()
    except (TwophaseError, OSError, ValueError) as error:
        return Checked((str(error).removeprefix(f"{pool.name}: "),))
    finally:
        allocator.close()
