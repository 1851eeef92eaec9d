"""Looks at every worker of a cluster config and tells what is wrong there; changes nothing on them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from master.adapters.agent_deploy import (
    GpuFacts,
    build_agent,
    check_environment,
    check_gpus,
    check_worker,
)
from master.adapters.session import Session
from master.core.explaining.health import Finding, Health, judged, told, worst
from master.errors import TwophaseError
from master.runs.agents import OpenSession, open_session, python_of
from master.runs.doctor.checkup import look
from master.specs import ClusterSpec, ServerSpec

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
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(partial(_diagnosis, cluster, connect), cluster.servers))


def _diagnosis(cluster: ClusterSpec, connect: OpenSession, server: ServerSpec) -> Diagnosis:
    findings: list[Finding] = []
    try:
        with connect(server, cluster, False) as session:
            for step in (_agent, _place, _gpus, _modules):
                findings += step(session, server)
    except (TwophaseError, OSError, ValueError) as error:
        what = "agent" if findings else "connection"
        findings.append(told(what, str(error).removeprefix(f"{server.name}: ")))
    return Diagnosis(server.name, tuple(findings))


def _agent(session: Session, server: ServerSpec) -> list[Finding]:
    session.run(["true"])
    reached = Finding(
        "connection", Health.GOOD, "here" if server.is_local else "answers, its host key is known"
    )
    try:
        facts = check_worker(
            session, build_agent(), python_of(server), server.state_dir, rsync=not server.is_local
        )
    except TwophaseError as error:
        return [reached, told("agent", str(error).removeprefix(f"{server.name}: "))]
    says = f"Python {facts.python}, {facts.cores} cores"
    return [reached, Finding("agent", Health.GOOD, says)]


def _place(session: Session, server: ServerSpec) -> list[Finding]:
    folders = dict.fromkeys(filter(None, (server.state_dir, server.agent.work_dir, _TEMPORARY)))
    return list(judged(look(session, python_of(server), list(folders))))


def _gpus(session: Session, server: ServerSpec) -> list[Finding]:
    if not server.agent.gpus:
        return []
    try:
        found = check_gpus(session, build_agent(), python_of(server), server)
    except TwophaseError as error:
        return [told("GPUs", str(error).removeprefix(f"{server.name}: "))]
    return [Finding("GPUs", Health.GOOD, _gpus_told(found))]


def _gpus_told(found: GpuFacts) -> str:
    jobs = f"{found.slots} {'job' if found.slots == 1 else 'jobs'} at a time"
    if not found.gpu_bytes:
        return f"none, {jobs} on its cores"
    sizes = ", ".join(f"{size / 1e9:.0f} GB" if size else "unknown memory" for size in found.gpu_bytes)
    return f"{jobs} on {len(found.gpu_bytes)} ({sizes})"


def _modules(session: Session, server: ServerSpec) -> list[Finding]:
    asked = server.agent
    if not any((asked.setup, asked.modules, asked.required_modules, asked.directories, asked.work_dir)):
        return []
    try:
        missing = check_environment(session, build_agent(), python_of(server), asked)
    except TwophaseError as error:
        return [told("environment", str(error).removeprefix(f"{server.name}: "))]
    if missing:
        cure = "`setup` in the cluster config, see docs/environments.md"
        return [Finding("environment", Health.DOUBTFUL, f"missing: {', '.join(missing)}", cure)]
    return [Finding("environment", Health.GOOD, "`setup` works, and what jobs need is there")]
