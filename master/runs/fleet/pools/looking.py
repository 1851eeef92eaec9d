"""What a pool's engine says before anything is submitted: for plans, and for `twophase doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from master.adapters.agent_deploy import build_agent, check_worker
from master.adapters.allocators.allocator import Checked
from master.errors import TwophaseError, WorkerUnusable
from master.runs.agents import OpenSession, open_session, python_of
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
        found = allocator.check()
        return replace(found, problems=(*found.problems, *_of_agent(pool, cluster, connect)))
    except (TwophaseError, OSError, ValueError) as error:
        return Checked((str(error).removeprefix(f"{pool.name}: "),))
    finally:
        allocator.close()


def _of_agent(pool: PoolSpec, cluster: ClusterSpec, connect: OpenSession) -> Iterator[str]:
    """Yield why no agent could be brought to the login host, from where the nodes take it."""
    login = pool.login
    with connect(login, cluster, False) as session:
        try:
            check_worker(session, build_agent(), python_of(login), login.state_dir, rsync=not login.is_here)
        except WorkerUnusable as error:
            yield f"its agent cannot be brought to {login.name}: {error.brief}"
