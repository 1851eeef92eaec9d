"""A look at the workers that changes nothing on them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from master.adapters.agent_deploy import build_agent, check_worker
from master.assembly import open_session, python_of
from master.errors import TwophaseError
from master.specs import ClusterSpec, ServerSpec
from worker_agent.protocol.slot_names import slot_names

AT_ONCE = 8


@dataclass(frozen=True)
class WorkerReport:
    """What a worker said, or why it said nothing."""

    name: str
    usable: bool
    reason: str = ""
    slots: tuple[str, ...] = ()
    python: str = ""


def probe_workers(cluster: ClusterSpec) -> list[WorkerReport]:
    """Return a report for each worker, in the order of the cluster config."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda server: _probe(server, cluster), cluster.servers))


def _probe(server: ServerSpec, cluster: ClusterSpec) -> WorkerReport:
    try:
        with open_session(server, cluster) as session:
            facts = check_worker(
                session, build_agent(), python_of(server), server.state_dir, rsync=not server.is_local
            )
    except TwophaseError as error:
        return WorkerReport(server.name, False, str(error).removeprefix(f"{server.name}: "))
    slots = slot_names(server.gpus, server.cpu_slots, facts.cores)
    return WorkerReport(server.name, True, "", tuple(slots), facts.python)
