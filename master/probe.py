"""A look at the workers that changes nothing on them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from master.adapters.agent_deploy import build_agent, check_worker
from master.assembly import open_session, python_of
from master.errors import TwophaseError
from master.specs import ClusterSpec, ServerSpec
from master.view.plan_table import PlannedWorker, planned_workers
from worker_agent.protocol.slot_names import slot_names

AT_ONCE = 8


def probe_workers(cluster: ClusterSpec) -> list[PlannedWorker]:
    """Return the workers of the cluster config, each with its slots or the reason why it is of no use."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(
            pool.map(_probe, cluster.servers, planned_workers(cluster), [cluster] * len(cluster.servers))
        )


def _probe(server: ServerSpec, planned: PlannedWorker, cluster: ClusterSpec) -> PlannedWorker:
    try:
        with open_session(server, cluster) as session:
            facts = check_worker(
                session, build_agent(), python_of(server), server.state_dir, rsync=not server.is_local
            )
    except (TwophaseError, OSError, ValueError) as error:
        return replace(planned, reachable=False, reason=str(error).removeprefix(f"{server.name}: "))
    slots = slot_names(server.gpus, server.cpu_slots, facts.cores)
    return replace(planned, reachable=True, slots=len(slots))
