"""Looks at every worker of a cluster config and tells what is wrong there; changes nothing on them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from master.adapters.agent_deploy import (
    AgentBundle,
    GpuFacts,
    build_agent,
    check_environment,
    check_gpus,
    check_worker,
)
from master.adapters.session import Session
from master.core.explaining.health import Finding, Health, judged, told, worst
from master.core.planning.workers import machines_of
from master.errors import TwophaseError
from master.runs.agents import OpenSession, open_session, python_of
from master.runs.doctor.checkup import look
from master.runs.fleet.pools.looking import look_at_pool
from master.specs import ClusterSpec, PoolSpec, ServerSpec

AT_ONCE = 8
_TEMPORARY = "/tmp"


@dataclass(frozen=True)
class Diagnosis:
    """What was found on a worker."""

    worker: str
    findings: tuple[Finding, ...]

    @property
    def health(self) -> Health:
        """How it is as a whole."""
        return worst(self.findings)


def diagnose(cluster: ClusterSpec, connect: OpenSession = open_session) -> list[Diagnosis]:
    """Return what is found on each worker, in the order of the cluster config."""
    look_at = partial(_diagnosis, cluster, connect, build_agent())
    with ThreadPoolExecutor(AT_ONCE) as threads:
        machines = threads.map(look_at, machines_of(cluster))
        pools = threads.map(partial(_of_pool, cluster, connect), cluster.pools)
        return [*machines, *pools]


def _of_pool(cluster: ClusterSpec, connect: OpenSession, pool: PoolSpec) -> Diagnosis:
    """Return what is found on the login host of a pool, and what the engine there says."""
    found: list[Finding] = []
    try:
        with connect(pool.login, cluster, False) as session:
            found += _agent(session, build_agent(), pool.login)
    except (TwophaseError, OSError, ValueError) as error:
        return Diagnosis(pool.name, (_problem("connection", pool.login, error),))
    checked = look_at_pool(pool, cluster, connect)
    found += (told("pool", problem) for problem in checked.problems)
    found += (told("pool", doubt, Health.DOUBTFUL) for doubt in checked.doubts)
    found += (Finding("pool", Health.GOOD, note) for note in checked.notes)
    return Diagnosis(pool.name, tuple(found))


def _diagnosis(
    cluster: ClusterSpec, connect: OpenSession, bundle: AgentBundle, server: ServerSpec
) -> Diagnosis:
    findings: list[Finding] = []
    try:
        with connect(server, cluster, False) as session:
            findings += _agent(session, bundle, server)
            findings += _place(session, server)
            findings += _gpus(session, bundle, server)
            findings += _modules(session, bundle, server)
    except (TwophaseError, OSError, ValueError) as error:
        what = "agent" if findings else "connection"
        findings.append(_problem(what, server, error))
    return Diagnosis(server.name, tuple(findings))


def _problem(what: str, server: ServerSpec, error: Exception) -> Finding:
    """Return what went wrong on a worker, which is named already."""
    return told(what, str(error).removeprefix(f"{server.name}: "))


def _agent(session: Session, bundle: AgentBundle, server: ServerSpec) -> list[Finding]:
    session.run(["true"])
    reached = Finding(
        "connection", Health.GOOD, "here" if server.is_local else "answers, its host key is known"
    )
    try:
        facts = check_worker(session, bundle, python_of(server), server.state_dir, rsync=not server.is_here)
    except TwophaseError as error:
        return [reached, _problem("agent", server, error)]
    says = f"Python {facts.python}, {facts.cores} cores"
    return [reached, Finding("agent", Health.GOOD, says)]


def _place(session: Session, server: ServerSpec) -> list[Finding]:
    folders = dict.fromkeys(filter(None, (server.state_dir, server.agent.work_dir, _TEMPORARY)))
    return list(judged(look(session, python_of(server), list(folders))))


def _gpus(session: Session, bundle: AgentBundle, server: ServerSpec) -> list[Finding]:
    if not server.agent.gpus:
        return []
    try:
        found = check_gpus(session, bundle, python_of(server), server)
    except TwophaseError as error:
        return [_problem("GPUs", server, error)]
    return [Finding("GPUs", Health.GOOD, _gpus_told(found))]


def _gpus_told(found: GpuFacts) -> str:
    jobs = f"{found.slots} {'job' if found.slots == 1 else 'jobs'} at a time"
    if not found.gpu_bytes:
        return f"none, {jobs} on its cores"
    sizes = ", ".join(f"{size / 1e9:.0f} GB" if size else "unknown memory" for size in found.gpu_bytes)
    return f"{jobs} on {len(found.gpu_bytes)} ({sizes})"


def _modules(session: Session, bundle: AgentBundle, server: ServerSpec) -> list[Finding]:
    asked = server.agent
    if not any((asked.setup, asked.modules, asked.required_modules, asked.directories, asked.work_dir)):
        return []
    try:
        missing = check_environment(session, bundle, python_of(server), asked)
    except TwophaseError as error:
        return [_problem("environment", server, error)]
    if missing:
        cure = "`setup` in the cluster config, see docs/environments.md"
        return [Finding("environment", Health.DOUBTFUL, f"missing: {', '.join(missing)}", cure)]
    return [Finding("environment", Health.GOOD, "`setup` works, and what jobs need is there")]
