"""Which engine a pool has, and what its allocations run."""

from __future__ import annotations

from master.adapters.agent_deploy import build_agent
from master.adapters.allocators.allocator import Allocator
from master.adapters.allocators.pilots import pilot_maker
from master.adapters.allocators.slurm.slurm_allocator import SlurmAllocator
from master.runs.agents import OpenSession, python_of, worker_run_id
from master.specs import ClusterSpec, PoolSpec

NO_RUN = "none"


def allocator_of(
    pool: PoolSpec, cluster: ClusterSpec, connect: OpenSession, run_id: str = NO_RUN
) -> Allocator:
    """Return what asks the engine of a pool for allocations of a run; it is connected to when it is asked."""
    python = python_of(pool.login)
    pilot = pilot_maker(pool, build_agent(), python, lambda seat: worker_run_id(run_id, seat))
    return SlurmAllocator(pool, lambda: connect(pool.login, cluster, False), run_id, pilot)
