"""A run: opened from a spec, run with observers, stopped and looked at from any thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType

from master.adapters.agent_client import close_all
from master.adapters.inbox import Inbox, Noted
from master.core.running.records import RunState
from master.errors import SessionLost
from master.runs.agents import OpenSession, RunName, make_links, open_session, worker_run_id
from master.runs.dispatcher import Dispatcher, Ports
from master.runs.earlier_starts import find_checkpoints, find_published, missing_results, state_after
from master.runs.launching import data_mounts
from master.runs.library import make_library, synced_data
from master.runs.notices import Ended, Notices, Observer
from master.runs.run_lock import exclusive
from master.runs.snapshot import SharedState, Snapshot
from master.runs.spec import Code, RunSpec, Start, StoredBaseModel
from master.runs.stop_signals import Stops
from master.storage.base_model_store import BaseModelStore
from master.storage.checkpoint_store import CheckpointStore
from master.storage.journal import Journal, forget_journal
from master.transfers.courier import Courier
from master.transfers.home import Home
from master.transfers.library import Library
from master.transfers.remote import Remote
from master.transfers.reporter import Reporter
from worker_agent.protocol import messages as msg


@dataclass(frozen=True)
class RunResult:
    """What came of a run."""

    exit_code: int
    """0, 1, 4 or 130."""
    state: RunState
    started_at: float
    ended_at: float
    """Unix times of this start."""

    @property
    def reasons(self) -> list[str]:
        """Say for each worker why it is not up or not usable."""
        return [f"{view.name}: {view.reason}" for view in self.state.workers.values()]


class Run:
    """A run of one spec.  Use it as a context manager: it holds the run directory until it is closed.

    `run` belongs to one thread and is called once; `stop`, `note` and `snapshot` may be called by any thread
    at any time, the first two by a signal handler too.
    """

    def __init__(self, spec: RunSpec, journal: Journal, connect: OpenSession) -> None:
        """Take in what earlier starts left.  `open` is the way to a run."""
        self._spec, self._journal = spec, journal
        self._inbox: Inbox = SimpleQueue()
        self._stops = Stops(self._inbox)
        self._name = RunName(journal.run_id, journal.new_epoch())
        self._links = make_links(spec.cluster, self._name, self._inbox, connect, spec.in_terminal)
        self._remotes = {
            server.name: Remote(self._links[server.name], worker_run_id(journal.run_id, server))
            for server in spec.cluster.servers
        }
        self._shared = SharedState(state_after(spec, journal.transitions()))
        self._resources = ExitStack()

    @classmethod
    def open(cls, spec: RunSpec, connect: OpenSession = open_session) -> Run:
        """Take the run directory and all that the run needs; nothing is started.

        Raises UsageError where another master works there, and ConfigError for data that cannot be read, an
        id that is another job's, code that cannot be copied.
        """
        synced = synced_data(spec.cluster)
        with ExitStack() as resources:
            resources.enter_context(exclusive(spec.layout, spec.owner))
            journal = resources.enter_context(closing(Journal(spec.layout.journal)))
            journal.remember_jobs({job.job_hash: job.job_id for job in spec.jobs.jobs})
            code = spec.work.take(spec.layout)
            run = cls(spec, journal, connect)
            run._furnish(code, synced)
            run._resources = resources.pop_all()
        return run

    def _furnish(self, code: Code, synced: Mapping[str, str]) -> None:
        """Bring together what commands are executed by, and what there is to say before the run begins."""
        spec, state, store = self._spec, self._shared.state, BaseModelStore(self._spec.layout)
        self.problems = tuple(_set_aside(spec, store))
        """What was wrong in the run directory, also told as notes."""
        library = make_library(code.directories, synced, spec.in_store, store)
        launch_of = make_launcher(spec, code, synced, state, library)
        checkpoints = None
        notes = [*self.problems, *code.notes]
        if spec.resumes:
            find_published(state, spec.layout, self._inbox)
            checkpoints = find_checkpoints(spec.layout, state, self._inbox)
            launch_of = checkpoints.launching(launch_of)
            notes += missing_results(state, spec.layout)
        self._courier = self._make_courier(store, library, checkpoints)
        self._ports = Ports(self._links, self._courier, launch_of)
        for text in notes:
            self.note(text)

    def _make_courier(
        self, store: BaseModelStore, library: Library, checkpoints: CheckpointStore | None
    ) -> Courier:
        identity = {spec_hash: model.config for spec_hash, model in self._spec.jobs.base_models.items()}
        home = Home(self._spec.layout, store, library, identity.__getitem__, checkpoints)
        return Courier(home, self._remotes, Reporter(self._inbox))

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.close()

    def run(self, observers: Iterable[Observer] = ()) -> RunResult:
        """Work until the run is over.  What observers raise ends it, but for OSError."""
        notices, state, started_at = Notices(observers), self._shared.state, time.time()
        dispatcher = Dispatcher(self._shared, self._journal, self._inbox, self._ports, notices.tell)
        exit_code = None
        with ExitStack() as ending:
            ending.callback(self._part)
            ending.callback(self._courier.close)
            ending.callback(lambda: notices.tell(Ended(state, exit_code)))
            exit_code = dispatcher.run()
        return RunResult(exit_code, state, started_at, time.time())

    def _part(self) -> None:
        """Let the workers go, and their agents end where there is nothing that they could go on with."""
        state, spec = self._shared.state, self._spec
        over = state.finished and not (spec.resumes and state.stopping)
        close_all(self._links.values(), msg.Shutdown() if over else None)
        if not spec.resumes and nothing_left(state):
            self._resources.callback(forget_journal, spec.layout.journal)

    def stop(self) -> int:
        """Let running jobs finish and start nothing more; asked again, cancel them.

        Return how often it was asked so far, Ctrl-C included.
        """
        return self._stops.ask()

    def note(self, text: str) -> None:
        """Tell all observers a line for the user."""
        self._inbox.put(Noted(text))

    def snapshot(self) -> Snapshot:
        """Return how the run stands, from its journal."""
        return self._shared.snapshot()

    def live_log(self, worker: str, task_id: str, attempt: int) -> Path | None:
        """Return where on this machine an attempt writes its log; None if it runs on another, or not yet."""
        is_local = any(server.name == worker and server.is_local for server in self._spec.cluster.servers)
        try:
            return self._remotes[worker].attempt(task_id, attempt).log if is_local else None
        except SessionLost:
            return None


def _set_aside(spec: RunSpec, store: BaseModelStore) -> Iterator[str]:
    """Set damaged base models aside, and tell so."""
    for spec_hash, problem in spec.damaged.items():
        yield f"{problem}; moved to {store.set_aside(spec_hash)}, it is trained again"


def make_launcher(
    spec: RunSpec, code: Code, synced: Mapping[str, str], state: RunState, library: Library
) -> Callable[[str, int, str], msg.Launch]:
    """Return the function that tells what `(task_id, attempt)` is to run on a worker."""
    servers = {server.name: server for server in spec.cluster.servers}
    data = {name: data_mounts(it.data, synced, local=it.is_local) for name, it in servers.items()}

    def launch_of(task_id: str, attempt: int, worker: str) -> msg.Launch:
        record = state.tasks[task_id]
        # What the attempt was given: the store may have lost it since.
        base = StoredBaseModel(record.base, library.names.get(record.base)) if record.task.needs else None
        return code.launch(Start(record, attempt, data[worker], base, servers[worker].is_local))

    return launch_of


def nothing_left(state: RunState) -> bool:
    """True once no worker has anything of this run any more."""
    return state.finished and not any(
        view.attempts or view.collecting or view.reattached for view in state.workers.values()
    )
