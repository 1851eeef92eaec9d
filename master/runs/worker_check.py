"""A look at the workers that changes nothing on them."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

from master.adapters.agent_deploy import (
    AgentBundle,
    GpuFacts,
    WorkerFacts,
    build_agent,
    check_environment,
    check_limits,
    check_with_gpus,
    check_worker,
    gpu_report,
)
from master.adapters.allocators.allocator import Checked
from master.adapters.local_session import LocalSession
from master.adapters.session import Session
from master.core.nearest import shown
from master.core.planning.job_settings import GPU_MEMORY, JOB_RESOURCES, resources_of
from master.core.planning.workers import PlannedWorker, machines_of, planned_workers
from master.errors import ConfigError, TwophaseError
from master.intake.cluster import this_machine
from master.runs.agents import open_session, python_of
from master.runs.fleet.pools.looking import look_at_pools
from master.specs import ClusterSpec, JobsSpec, ServerSpec
from worker_agent.protocol.reports import usual_cpu_slots

AT_ONCE = 8


Look = Future[tuple[WorkerFacts, GpuFacts]]


def look_ahead() -> Look:
    """Begin to look at this machine as a worker of its own, while what else a plan needs is loaded."""
    (server,) = this_machine().servers

    def look() -> tuple[WorkerFacts, GpuFacts]:
        with LocalSession(server.name) as session:
            return check_with_gpus(session, build_agent(), python_of(server), server)

    pool = ThreadPoolExecutor(1)
    found = pool.submit(look)
    pool.shutdown(wait=False)
    return found


def probe_workers(
    cluster: ClusterSpec, *, limited: bool = False, ahead: Look | None = None
) -> list[PlannedWorker]:
    """Return the workers of the cluster config, each with its slots or the reason why it is of no use.

    Where jobs are `limited`, or a worker limits them, it is asked how it keeps limits.  `ahead` is a look at
    the one worker of those who name none.
    """
    any_limits = limited or any(server.limits for server in cluster.servers)
    probe = partial(_probe, cluster, any_limits, ahead)
    machines, planned = machines_of(cluster), planned_workers(cluster)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(probe, machines, planned[: len(machines)]))
    pools = zip(planned[len(machines) :], look_at_pools(cluster), strict=True)
    return [*found, *(_with_look(worker, checked) for worker, checked in pools)]


def _with_look(planned: PlannedWorker, checked: Checked) -> PlannedWorker:
    """Return what is planned of a pool with what its engine says."""
    usable = not checked.problems
    notes = (*checked.doubts, *checked.notes)
    return replace(planned, reachable=usable, reason="; ".join(checked.problems), notes=notes)


def _probe(
    cluster: ClusterSpec, limited: bool, ahead: Look | None, server: ServerSpec, planned: PlannedWorker
) -> PlannedWorker:
    bundle, python = build_agent(), python_of(server)
    try:
        with open_session(server, cluster) as session:
            found = None
            if server.agent.gpus:
                looked = ahead.result() if ahead else check_with_gpus(session, bundle, python, server)
                facts, found = looked
            else:
                facts = check_worker(session, bundle, python, server.state_dir, rsync=not server.is_here)
            missing = _missing(session, bundle, python, server)
            kept = check_limits(session, bundle, python) if limited else ""
            planned = replace(planned, missing=missing, limits_kept=kept, reachable=True)
            if found:
                gpus = len(found.gpu_bytes)
                return replace(planned, slots=found.slots, gpus=gpus, gpu_bytes=found.gpu_bytes)
    except (TwophaseError, OSError, ValueError) as error:
        return replace(planned, reachable=False, reason=str(error).removeprefix(f"{server.name}: "))
    asked = server.agent.cpu_slots
    slots = asked if asked is not None else usual_cpu_slots(facts.cores)
    return replace(planned, slots=slots)


def _missing(session: Session, bundle: AgentBundle, python: str, server: ServerSpec) -> tuple[str, ...]:
    asked = server.agent
    needs = (asked.setup, asked.modules, asked.required_modules, asked.directories, asked.work_dir)
    if not any(needs):
        return ()
    return tuple(check_environment(session, bundle, python, asked))


def with_needs(
    cluster: ClusterSpec, imported: Sequence[Collection[str]], *, may_lack: bool = False
) -> ClusterSpec:
    """Return the cluster with what agents are to look for: modules, and the data that workers have.

    `imported` is what each script imports in any case.  A worker that lacks what all of them import is not
    used, unless it `may_lack` that; of the others the master is told.
    """
    of_all = frozenset[str]()
    if imported and not may_lack:
        of_all = frozenset(imported[0]).intersection(*imported)
    told = frozenset[str]().union(*imported) - of_all
    servers = (_with_needs(server, sorted(told), sorted(of_all)) for server in cluster.servers)
    return replace(cluster, servers=tuple(servers))


def needs_of(others: Iterable[ServerSpec], server: ServerSpec) -> ServerSpec:
    """Return a worker whose agent looks for what those of the others do, and for its own data."""
    told, of_all = set[str](), set[str]()
    for other in others:
        told.update(other.agent.modules)
        of_all.update(other.agent.required_modules)
    return _with_needs(server, sorted(told), sorted(of_all))


def _with_needs(server: ServerSpec, modules: Sequence[str], required: Sequence[str]) -> ServerSpec:
    beside = {item.name.partition("/")[0] for item in server.data}
    needs = replace(
        server.agent,
        modules=[name for name in modules if name not in beside],
        required_modules=[name for name in required if name not in beside],
        directories=[item.path for item in server.data if not item.sync],
    )
    return replace(server, agent=needs)


def gpus_here() -> list[dict[str, Any]]:
    """Return the GPUs of this machine as an agent's report tells of them; none where it fails."""
    try:
        with LocalSession() as session:
            found: list[dict[str, Any]] = gpu_report(session, build_agent(), sys.executable)["gpus"]
    except (TwophaseError, OSError, ValueError):
        return []
    return found


def check_gpu_memory(jobs: JobsSpec, workers: Sequence[PlannedWorker]) -> None:
    """Raise ConfigError for a job that needs more GPU memory than any GPU has, if all GPUs are known."""
    sizes = [(size, worker.name) for worker in workers for size in worker.gpu_bytes]
    unseen = any(worker.gpus != 0 and (worker.lent or not worker.reachable) for worker in workers)
    if unseen or not sizes or not all(size for size, _ in sizes):
        return
    from master.core.running.placing.worker_room import too_large  # few plans get here

    largest, name = max(sizes)
    most = max(len(worker.gpu_bytes) for worker in workers)
    for job in jobs.jobs:
        need = resources_of(job.config).gpu_memory or 0
        if need > largest:
            problem = too_large(need, largest, name)
            raise ConfigError(jobs.source, job.place, f"{shown(GPU_MEMORY.name)}: {problem}")
        if (gpus := resources_of(job.config).gpus or 0) > most:
            problem = f"needs {gpus} GPUs on one machine, no worker has more than {most}"
            raise ConfigError(jobs.source, job.place, f"{shown(JOB_RESOURCES.name)}: {problem}")
