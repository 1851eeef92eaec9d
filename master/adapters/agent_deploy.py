"""Bringing the agent to a worker: one zipapp, named by its digest."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import worker_agent
from master.adapters.agent_programs.looking import MARK, PROBE, PROBE_AND_RUN, PROBE_AND_RUN_HERE, RUN, RUN_ON
from master.adapters.agent_programs.receiving import COMPILE, DAMAGED, ENTRY, RECEIVE
from master.adapters.remote_command import SHELL_PRINTS
from master.adapters.session import Channel, Completed, Session
from master.errors import FULL_DISK, DiskFull, RemoteError, WorkerUnusable
from master.specs import ServerSpec
from worker_agent.protocol.layout import agent_path
from worker_agent.protocol.messages import Settings

_EPOCH = (1980, 1, 1, 0, 0, 0)
ISOLATED = ("-I",)
"""For our programs there: modules that lie in the home directory are not taken for Python's own."""
_GPUS_MARK, _ENVIRONMENT_MARK, _LIMITS_MARK = '{"tool": ', '{"python": ', '{"limits": '
_CACHE_MARK = '{"cache": '
_CACHE_S = 12 * 3600.0
"""A cache may hold terabytes, which are hashed."""
_NO_GPUS = "the GPUs cannot be looked at"
_ENVIRONMENT_S = 600.0
"""More than `setup`, and the look at modules after it, may take."""


@dataclass(frozen=True)
class AgentBundle:
    """The agent as one file."""

    digest: str
    data: bytes


def _root() -> Path:
    return Path(worker_agent.__file__).parent


def build_agent() -> AgentBundle:
    """Return the agent of this installation: the same bytes for the same source."""
    root = _root()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as bundle:
        bundle.writestr(zipfile.ZipInfo("__main__.py", _EPOCH), ENTRY)
        for path in sorted(root.rglob("*.py")):
            name = f"worker_agent/{path.relative_to(root).as_posix()}"
            bundle.writestr(zipfile.ZipInfo(name, _EPOCH), path.read_bytes())
    data = stream.getvalue()
    return AgentBundle(hashlib.sha256(data).hexdigest(), data)


@dataclass(frozen=True)
class WorkerFacts:
    """What a look at a worker tells."""

    python: str
    """Version, e.g. `3.11.2`."""
    cores: int
    has_agent: bool
    is_compiled: bool = False
    """Whether its Python has compiled the agent."""


def check_worker(
    session: Session, bundle: AgentBundle, python: str, state_dir: str, *, rsync: bool
) -> WorkerFacts:
    """Look at a worker without changing anything.

    Raises WorkerUnusable where Python or (with `rsync`) rsync is missing or too old, where (with `rsync`) the
    shell prints, or `state_dir` cannot be made.
    """
    path = agent_path(state_dir, bundle.digest[:16])
    done = session.run([python, *ISOLATED, "-c", PROBE, path])
    return _checked(session, done, bundle, python, state_dir, rsync=rsync)


def _checked(
    session: Session, done: Completed, bundle: AgentBundle, python: str, state_dir: str, *, rsync: bool
) -> WorkerFacts:
    found = _facts(session, done, python)
    version = ".".join(str(part) for part in found["python"])
    if tuple(found["python"]) < (3, 8):
        raise WorkerUnusable(
            session.host, f"{python} is Python {version}; the agent needs 3.8 or newer: set `python`"
        )
    if not str(found.get("system", "linux")).startswith("linux"):
        problem = f"its system is {found['system']}, and agents need Linux: leave it out of `servers`"
        raise WorkerUnusable(session.host, problem)
    if rsync and not found["rsync"]:
        raise WorkerUnusable(session.host, "no rsync there; install it, e.g. `apt-get install rsync`")
    if rsync and _is_greeted(done):
        raise WorkerUnusable(session.host, SHELL_PRINTS)
    if not found.get("writable", True):
        problem = f"cannot write {state_dir}; set `state_dir` to a directory that can be written"
        raise WorkerUnusable(session.host, problem)
    return WorkerFacts(
        version, int(found["cores"]), found["digest"] == bundle.digest, bool(found.get("compiled"))
    )


@dataclass(frozen=True)
class GpuFacts:
    """What the agent would make of a worker's GPUs."""

    slots: int
    gpu_bytes: tuple[int, ...]
    """What jobs may have of each GPU; 0 where it is not known.  Empty for CPU slots."""


def check_gpus(session: Session, bundle: AgentBundle, python: str, server: ServerSpec) -> GpuFacts:
    """Let the agent look at a worker's GPUs without leaving it there.

    Raises WorkerUnusable where GPUs are not there or cannot be read.
    """
    return _gpu_facts(session, gpu_report(session, bundle, python, _gpu_flags(server)))


def check_with_gpus(
    session: Session, bundle: AgentBundle, python: str, server: ServerSpec
) -> tuple[WorkerFacts, GpuFacts]:
    """Look at a worker and its GPUs by one process there.  Raises what `check_worker` and `check_gpus` do."""
    own = server.is_local and python == sys.executable
    path = agent_path(server.state_dir, bundle.digest[:16])
    words = ["gpus", "--json", *_gpu_flags(server)]
    if own:  # what is installed here needs no archive, and is compiled already
        argv = [python, *ISOLATED, "-c", PROBE_AND_RUN_HERE, path, str(_root().parent), *words]
        done = session.run(argv)
    else:
        argv = [python, *ISOLATED, "-c", PROBE_AND_RUN, path, *words]
        done = session.run(argv, stdin=b"\n" + bundle.data)
    facts = _checked(session, done, bundle, python, server.state_dir, rsync=not server.is_here)
    return facts, _gpu_facts(session, _report(session, done, _GPUS_MARK, _NO_GPUS))


def _gpu_flags(server: ServerSpec) -> list[str]:
    asked = server.agent
    flags = ["--gpus", ",".join((*asked.gpus, "")), "--gpu-reserve", str(asked.gpu_reserve)]
    for flag, value in (("--slots-per-gpu", asked.slots_per_gpu), ("--cpu-slots", asked.cpu_slots)):
        flags += [flag, str(value)] if value is not None else []
    return flags


def open_usage(
    session: Session, bundle: AgentBundle, python: str, server: ServerSpec, every_s: float
) -> Channel:
    """Let the agent tell every so often how much of a machine is in use, without leaving it there."""
    folders = dict.fromkeys(filter(None, (server.agent.work_dir, server.state_dir)))
    flags = [*_gpu_flags(server), "--every", f"{every_s:g}"]
    for folder in folders:
        flags += ["--folder", folder]
    channel = session.open_channel([python, *ISOLATED, "-c", RUN_ON, "usage", *flags])
    channel.send(f"{len(bundle.data)}\n".encode() + bundle.data)
    return channel


def _gpu_facts(session: Session, report: Mapping[str, Any]) -> GpuFacts:
    if report["problem"]:
        raise WorkerUnusable(session.host, report["problem"])
    return GpuFacts(len(report["slots"]), tuple(report["gpu_bytes"]))


def gpu_report(
    session: Session, bundle: AgentBundle, python: str, flags: Sequence[str] = ()
) -> Mapping[str, Any]:
    """Return what the agent's command `gpus` tells of a machine, without leaving the agent there."""
    done = session.run([python, *ISOLATED, "-c", RUN, "gpus", "--json", *flags], stdin=b"\n" + bundle.data)
    return _report(session, done, _GPUS_MARK, _NO_GPUS)


def check_limits(session: Session, bundle: AgentBundle, python: str) -> str:
    """Let the agent say how it would keep limits of jobs, a word of `protocol.terms`; nothing stays there."""
    done = session.run([python, *ISOLATED, "-c", RUN, "limits"], stdin=b"\n" + bundle.data)
    return str(_report(session, done, _LIMITS_MARK, "how limits are kept cannot be looked at")["limits"])


def check_environment(session: Session, bundle: AgentBundle, python: str, settings: Settings) -> list[str]:
    """Let the agent run `setup` without leaving it there; return what jobs would not find.

    Raises WorkerUnusable where `setup` fails, or a module is missing that must be there.
    """
    told = json.dumps({**asdict(settings), "secrets": []}).encode()
    argv = [python, *ISOLATED, "-c", RUN, "environment"]
    done = session.run(argv, stdin=told + b"\n" + bundle.data, timeout_s=_ENVIRONMENT_S)
    report = _report(session, done, _ENVIRONMENT_MARK, "the jobs' environment cannot be looked at")
    if report["problem"]:
        raise WorkerUnusable(session.host, report["problem"])
    return [str(item) for item in report["missing"]]


def look_at_cache(
    session: Session, bundle: AgentBundle, python: str, server: ServerSpec, *what: str
) -> Mapping[str, Any]:
    """Let the agent list, hash, clear or add to the cache of a worker, without leaving it there."""
    work_dir = ["--work-dir", server.agent.work_dir] if server.agent.work_dir else []
    asked = ["cache", *what, "--state-dir", server.state_dir, *work_dir]
    argv = [python, *ISOLATED, "-c", RUN, *asked]
    done = session.run(argv, stdin=b"\n" + bundle.data, timeout_s=_CACHE_S)
    return _report(session, done, _CACHE_MARK, "the cache cannot be looked at")


def _report(session: Session, done: Completed, mark: str, problem: str) -> Mapping[str, Any]:
    for line in done.stdout.decode(errors="replace").splitlines():
        if line.startswith(mark):
            report: Mapping[str, Any] = json.loads(line)
            return report
    raise RemoteError(session.host, problem, (*done.argv[:3], "…"), _last_line(done))


def deploy_agent(session: Session, bundle: AgentBundle, python: str, state_dir: str, *, rsync: bool) -> str:
    """Make sure that the agent is on the worker; return its path there.

    Raises WorkerUnusable as `check_worker`, and for a state directory that cannot be written.
    """
    path = agent_path(state_dir, bundle.digest[:16])
    facts = check_worker(session, bundle, python, state_dir, rsync=rsync)
    if facts.has_agent and not facts.is_compiled:
        # Who comes again is likely to come often.  Without it the agent only starts later.
        session.run([python, *ISOLATED, "-c", COMPILE, path])
    if not facts.has_agent:
        done = session.run([python, *ISOLATED, "-c", RECEIVE, path, bundle.digest], stdin=bundle.data)
        if done.exit_code == DAMAGED:
            raise RemoteError(session.host, "the agent did not arrive whole")
        if done.exit_code != 0:
            problem = f"{_last_line(done)}; set `state_dir` to a directory that can be written"
            raise (DiskFull if _is_full(done) else WorkerUnusable)(session.host, problem)
    return path


def _facts(session: Session, done: Completed, python: str) -> dict[str, Any]:
    for line in done.stdout.decode(errors="replace").splitlines():
        if line.startswith(MARK) and done.exit_code in (0, 1):  # 1 where there is a problem with the GPUs
            facts: dict[str, Any] = json.loads(line[len(MARK) :])
            return facts
    if done.exit_code in (126, 127):
        problem = f"no Python: `{python}` cannot be run; set `python` in the cluster config"
        raise WorkerUnusable(session.host, problem)
    if "nknown option: -I" in done.stderr.decode(errors="replace"):
        problem = f"{python} is Python 2; the agent needs 3.8 or newer: set `python`"
        raise WorkerUnusable(session.host, problem)
    problem = f"the probe ended with exit code {done.exit_code}"
    raise RemoteError(session.host, problem, (python, *ISOLATED, "-c", "…"), _last_line(done))


def _is_greeted(done: Completed) -> bool:
    """Return whether the shell printed before the probe did: rsync would take that for its protocol."""
    return bool(done.stdout.partition(MARK.encode())[0].removesuffix(b"\n"))


def _is_full(done: Completed) -> bool:
    return any(os.strerror(number).encode() in done.stderr for number in FULL_DISK)


def _last_line(done: Completed) -> str:
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"exit code {done.exit_code}"
