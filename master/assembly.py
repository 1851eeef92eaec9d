"""Builds a run out of its parts: the only module beside `cli` that knows the adapters."""

from __future__ import annotations

import fcntl
import functools
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from master.adapters.agent_client import Greeting, WorkerLink
from master.adapters.agent_deploy import AgentBundle, build_agent, deploy_agent
from master.adapters.base_model_store import BaseModelStore
from master.adapters.courier import Courier, Library
from master.adapters.local_session import LocalSession
from master.adapters.session import Session
from master.adapters.ssh_session import SshSession
from master.code_snapshot import Program
from master.core.identity import phase1_config, tagged_hash
from master.core.plan import BASE_MODELS
from master.core.records import RunState
from master.errors import UsageError
from master.inbox import Inbox
from master.launching import StoredBaseModel, data_mounts, launch
from master.run_layout import RunLayout
from master.specs import ClusterSpec, Config, JobsSpec, ServerSpec
from worker_agent.protocol import messages as msg
from worker_agent.protocol.digests import content_hash, digest_directory


def open_session(server: ServerSpec, cluster: ClusterSpec) -> Session:
    """Return an unconnected session to a worker."""
    return LocalSession(server.name) if server.is_local else SshSession(server, cluster)


def python_of(server: ServerSpec) -> str:
    """Return the interpreter for a worker's agent and jobs, as a command in the home directory."""
    python = server.python or (sys.executable if server.is_local else "python3")
    return "./" + python[2:] if python.startswith("~/") else python


@contextmanager
def exclusive(layout: RunLayout) -> Iterator[None]:
    """Hold the run directory.  Raises UsageError where it cannot be made or another master works in it."""
    try:
        layout.state.mkdir(parents=True, exist_ok=True)
        stream = layout.lock.open("a+")
    except OSError as error:
        raise UsageError(f"--run-dir {layout.root}: {error.strerror}") from error
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(f"another run_two_phase is working in {layout.root.resolve()}") from error
        yield


@dataclass(frozen=True)
class Ingredients:
    """What the user gave, checked, and what was made of it."""

    cluster: ClusterSpec
    jobs: JobsSpec
    program: Program
    layout: RunLayout
    run_id: str
    epoch: int


def make_links(parts: Ingredients, inbox: Inbox) -> dict[str, WorkerLink]:
    """Return a link, not started, for each worker."""
    bundle = build_agent()
    return {
        server.name: WorkerLink(_greeting(parts, server, bundle), inbox) for server in parts.cluster.servers
    }


def _worker_run_id(run_id: str, server: ServerSpec) -> str:
    """Each entry of the cluster config has an agent of its own, also where two name one machine."""
    return f"{run_id}-{tagged_hash('worker', server.name)[:8]}"


def _greeting(parts: Ingredients, server: ServerSpec, bundle: AgentBundle) -> Greeting:
    run_id = _worker_run_id(parts.run_id, server)
    python = python_of(server)

    def deploy(session: Session) -> list[str]:
        path = deploy_agent(session, bundle, python, server.state_dir, rsync=not server.is_local)
        in_home = "./" + path[2:] if path.startswith("~/") else path
        return [
            *(python, in_home, "connect", "--state-dir", server.state_dir),
            *("--run-id", run_id, "--digest", bundle.digest),
        ]

    settings = msg.Settings(list(server.gpus), server.cpu_slots, server.work_dir, dict(server.env))
    hello = msg.Hello(msg.PROTOCOL, run_id, parts.epoch, asdict(settings))
    return Greeting(server.name, lambda: open_session(server, parts.cluster), deploy, hello)


def make_library(parts: Ingredients, held: Mapping[str, str], store: BaseModelStore) -> Library:
    """Return what workers may ask for: the code, the data to copy, and the base models that are held."""
    library = Library({parts.program.content_hash: parts.program.directory})
    for path in _synced_paths(parts.cluster):
        library.paths[_hash_of(path)] = Path(path)
    for spec_hash, found in held.items():
        library.paths[found] = store.path(spec_hash)
        library.base_models[found] = spec_hash
    return library


def _synced_paths(cluster: ClusterSpec) -> list[str]:
    remote = [server for server in cluster.servers if not server.is_local]
    return sorted({item.path for server in remote for item in server.data if item.sync})


@functools.cache
def _hash_of(path: str) -> str:
    return content_hash(digest_directory(Path(path)))


def make_courier(
    parts: Ingredients, links: Mapping[str, WorkerLink], inbox: Inbox, store: BaseModelStore, library: Library
) -> Courier:
    """Return what moves outcomes and artefacts."""
    run_ids = {server.name: _worker_run_id(parts.run_id, server) for server in parts.cluster.servers}
    identity = {spec_hash: spec.config for spec_hash, spec in parts.jobs.base_models.items()}
    return Courier(parts.layout, run_ids, links, inbox, store, library, identity.__getitem__)


def make_launcher(
    parts: Ingredients, state: RunState, store: BaseModelStore
) -> Callable[[str, int, str], msg.Launch]:
    """Return the function that tells what `(task_id, attempt)` is to run on a worker."""
    configs = job_configs(parts.jobs)
    synced = {path: _hash_of(path) for path in _synced_paths(parts.cluster)}
    data = {
        server.name: data_mounts(server.data, synced, local=server.is_local)
        for server in parts.cluster.servers
    }

    @functools.cache
    def stored(spec_hash: str, found: str) -> StoredBaseModel:
        return StoredBaseModel(found, store.manifest(spec_hash)["name"])

    def launch_of(task_id: str, attempt: int, worker: str) -> msg.Launch:
        task = state.tasks[task_id].task
        base = stored(task.needs, state.home[task.needs]) if task.needs else None
        return launch(task, attempt, configs[task_id], parts.program, data[worker], base)

    return launch_of


def job_configs(jobs: JobsSpec) -> dict[str, Config]:
    """Return the fields of every job of both phases, by task id."""
    configs: dict[str, Config] = {job.job_id: job.config for job in jobs.jobs}
    for job in jobs.jobs:
        if job.base_model:
            configs.setdefault(f"{BASE_MODELS}/{job.base_model.spec_hash}", phase1_config(job))
    return configs
