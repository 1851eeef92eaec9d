"""Builds a run out of its parts: the only module beside `cli` that knows the adapters."""

from __future__ import annotations

import fcntl
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO

from master.adapters.agent_client import Greeting, WorkerLink
from master.adapters.agent_deploy import AgentBundle, build_agent, deploy_agent
from master.adapters.inbox import Inbox, Received
from master.adapters.local_session import LocalSession
from master.adapters.session import Session
from master.adapters.ssh_session import SshSession
from master.code.snapshot import Program
from master.core.planning.identity import phase1_config, tagged_hash
from master.core.planning.plan import BASE_MODELS
from master.core.running import events as ev
from master.core.running.lifecycle import State
from master.core.running.records import RunState
from master.errors import ConfigError, UsageError
from master.intake.executors import INLINE
from master.runs.launching import NO_LIMITS, Limits, StoredBaseModel, data_mounts, launch_message
from master.specs import ClusterSpec, Config, DataDir, JobsSpec, ServerSpec
from master.storage.base_model_store import BaseModelStore
from master.storage.checkpoint_store import CheckpointStore
from master.storage.run_layout import RunLayout
from master.transfers.courier import Courier
from master.transfers.home import Home
from master.transfers.library import Library
from master.transfers.remote import Remote
from master.transfers.reporter import Reporter
from worker_agent.protocol import messages as msg
from worker_agent.protocol.digests import content_hash, digest_directory


def open_session(server: ServerSpec, cluster: ClusterSpec, in_terminal: bool = False) -> Session:
    """Return an unconnected session to a worker."""
    if server.is_local:
        return LocalSession(server.name, in_terminal=in_terminal)
    return SshSession(server, cluster)


def with_head_paths(cluster: ClusterSpec, source: str) -> ClusterSpec:
    """Return the cluster with every path on the head node absolute and `~` expanded.

    Raises ConfigError for data to copy that is no directory; `source` is the cluster config.
    """
    servers = tuple(
        replace(server, data=tuple(_on_head_node(item, source) for item in server.data))
        for server in cluster.servers
    )
    script = cluster.script_path and str(expanded(Path(cluster.script_path), source))
    return replace(cluster, servers=servers, script_path=script)


def _on_head_node(item: DataDir, source: str) -> DataDir:
    if not item.sync:
        return item
    path = expanded(Path(item.path), source)
    if not path.is_dir():
        problem = f"{path} is no directory of this machine: give the one to copy to the workers"
        raise ConfigError(source, f"data.{item.name}", problem)
    return replace(item, path=str(path))


def expanded(path: Path, source: str) -> Path:
    """Return a path of the user's as an absolute one.  Raises ConfigError for a `~` that nobody has."""
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:
        raise ConfigError(source, "", f"{path}: there is no such home directory") from error


def python_of(server: ServerSpec) -> str:
    """Return the interpreter for a worker's agent and jobs, as a command in the home directory."""
    python = server.python or (sys.executable if server.is_local else "python3")
    return "./" + python[2:] if python.startswith("~/") else python


@contextmanager
def exclusive(layout: RunLayout, command: str = "run_two_phase", flag: str = "--run-dir") -> Iterator[None]:
    """Hold the run directory, which the user gives by `flag`.

    Raises UsageError where it cannot be made or written, or another master works in it, which it names.
    """
    try:
        layout.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        stream = layout.lock.open("a+", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{flag} {layout.root}: {error.filename}: {error.strerror}") from error
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = f"another {command} is working in {layout.root.resolve()}: {_holder(stream)}"
            raise UsageError(f"{holder}; wait for it, end it, or use another {flag}") from error
        except OSError as error:
            problem = f"cannot be locked ({error.strerror}); use one on a local disk"
            raise UsageError(f"{flag} {layout.root}: {problem}") from error
        stream.truncate(0)
        stream.write(f"process {os.getpid()} on {socket.gethostname()} since {time.strftime('%F %T')}\n")
        stream.flush()
        yield


def _holder(stream: TextIO) -> str:
    stream.seek(0)
    return stream.readline(200).strip() or "unknown process"


@dataclass(frozen=True)
class Ingredients:
    """What the user gave, checked, and what was made of it."""

    cluster: ClusterSpec
    jobs: JobsSpec
    program: Program
    layout: RunLayout
    run_id: str
    epoch: int
    synced: Mapping[str, str] = field(default_factory=dict)
    """Content hash of the head node's directories that workers get a copy of, by path."""
    limits: Limits = NO_LIMITS


def make_links(parts: Ingredients, inbox: Inbox) -> dict[str, WorkerLink]:
    """Return a link, not started, for each worker."""
    bundle = build_agent()
    return {
        server.name: WorkerLink(_greeting(parts, server, bundle), inbox) for server in parts.cluster.servers
    }


def worker_run_id(run_id: str, server: ServerSpec) -> str:
    """Each entry of the cluster config has an agent of its own, also where two name one machine."""
    return f"{run_id}-{tagged_hash('worker', server.name)[:8]}"


def _greeting(parts: Ingredients, server: ServerSpec, bundle: AgentBundle) -> Greeting:
    run_id = worker_run_id(parts.run_id, server)
    python = python_of(server)
    in_terminal = parts.limits.executor == INLINE

    def deploy(session: Session) -> list[str]:
        path = deploy_agent(session, bundle, python, server.state_dir, rsync=not server.is_local)
        in_home = "./" + path[2:] if path.startswith("~/") else path
        return [
            *(python, in_home, "connect", "--state-dir", server.state_dir),
            *("--run-id", run_id, "--digest", bundle.digest),
            *(["--in-terminal"] if in_terminal else []),
        ]

    hello = msg.Hello(msg.PROTOCOL, run_id, parts.epoch, asdict(server.agent))
    return Greeting(server.name, lambda: open_session(server, parts.cluster, in_terminal), deploy, hello)


def make_library(
    parts: Ingredients, whole: Mapping[str, Mapping[str, Any]], store: BaseModelStore
) -> Library:
    """Return what workers may ask for: the code, the data to copy, and the store's base models.

    `whole` holds their manifests by `spec_hash`.
    """
    library = Library({parts.program.content_hash: parts.program.directory})
    for path, found in parts.synced.items():
        library.paths[found] = Path(path)
    for spec_hash, manifest in whole.items():
        library.hold(spec_hash, manifest["content_hash"], store.path(spec_hash), manifest.get("name"))
    return library


def synced_data(cluster: ClusterSpec) -> dict[str, str]:
    """Return the content hash of each directory of the head node that is to be copied, by its path.

    Raises ConfigError for one that is not there or cannot be read.
    """
    remote = [server for server in cluster.servers if not server.is_local]
    paths = sorted({item.path for server in remote for item in server.data if item.sync})
    try:
        return {path: content_hash(digest_directory(Path(path))) for path in paths}
    except OSError as error:
        raise ConfigError(str(error.filename), "", f"cannot be copied: {error.strerror}") from error


def make_courier(
    parts: Ingredients,
    links: Mapping[str, WorkerLink],
    inbox: Inbox,
    store: BaseModelStore,
    library: Library,
    checkpoints: CheckpointStore | None = None,
) -> Courier:
    """Return what moves outcomes and artefacts."""
    identity = {spec_hash: spec.config for spec_hash, spec in parts.jobs.base_models.items()}
    home = Home(parts.layout, store, library, identity.__getitem__, checkpoints)
    remotes = {
        server.name: Remote(links[server.name], worker_run_id(parts.run_id, server))
        for server in parts.cluster.servers
    }
    return Courier(home, remotes, Reporter(inbox))


def make_checkpoints(layout: RunLayout, state: RunState, inbox: Inbox) -> CheckpointStore:
    """Return the checkpoints that earlier attempts left, those of tasks that have succeeded deleted."""
    checkpoints = CheckpointStore(layout)
    for task_id, record in state.tasks.items():
        found = checkpoints.newest(task_id)
        if found and record.state is State.SUCCEEDED:
            checkpoints.drop(task_id)
        elif found:
            inbox.put(Received(ev.CheckpointSettled(time.time(), task_id, found.attempt)))
    return checkpoints


def make_launcher(
    parts: Ingredients, state: RunState, library: Library
) -> Callable[[str, int, str], msg.Launch]:
    """Return the function that tells what `(task_id, attempt)` is to run on a worker."""
    configs = job_configs(parts.jobs)
    data = {
        server.name: data_mounts(server.data, parts.synced, local=server.is_local)
        for server in parts.cluster.servers
    }

    def launch_of(task_id: str, attempt: int, worker: str) -> msg.Launch:
        record = state.tasks[task_id]
        # What the attempt was given: the store may have lost it since.
        base = StoredBaseModel(record.base, library.names.get(record.base)) if record.task.needs else None
        config = configs[task_id]
        return launch_message(
            *(record.task, attempt, config, parts.program, data[worker], base, parts.limits),
            gpu_need=record.gpu_need,
            alone=record.alone,
        )

    return launch_of


def job_configs(jobs: JobsSpec) -> dict[str, Config]:
    """Return the fields of every job of both phases, by task id."""
    configs: dict[str, Config] = {job.job_id: job.config for job in jobs.jobs}
    for job in jobs.jobs:
        if job.base_model:
            configs.setdefault(f"{BASE_MODELS}/{job.base_model.spec_hash}", phase1_config(job))
    return configs
