"""A run: opened from a spec, run with observers, stopped and looked at from any thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from master import steady_clock
from master.adapters.agent_client import close_all
from master.adapters.inbox import Noted
from master.code.code_history import CodeHistory
from master.core.machine_use import Used
from master.core.running.lifecycle import State
from master.core.running.records import RunState
from master.errors import SessionLost
from master.runs.agents import OpenSession, open_session
from master.runs.control.server import ControlServer
from master.runs.dispatcher import Dispatcher, Ports
from master.runs.fleet.pools.news import troubles
from master.runs.library import synced_data
from master.runs.notices import Ended, Notices, Observer
from master.runs.parts import RunParts, assemble
from master.runs.run_lock import exclusive
from master.runs.snapshot import Snapshot
from master.runs.spec import NO_JOBS, RunSpec
from master.runs.stop_signals import Stops
from master.runs.usage.tally import UsageTally
from master.specs import JobsSpec, ServerSpec
from master.storage.journal import Journal, forget_journal
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
    history: CodeHistory | None = None
    """Which code attempts were started with, where that is remembered."""
    used: Mapping[int, Used] = field(default_factory=dict)
    """How much of the workers was in use, by phase."""
    servers: tuple[ServerSpec, ...] = ()
    """All workers that the run has had, those that joined or went too."""
    jobs: JobsSpec = NO_JOBS
    """Those of the command, and what users have added."""
    left: tuple[str, ...] = ()
    """What pools have lent, and could not be given back."""

    def code_notes(self) -> list[str]:
        """Say how the experiments that succeeded differ in their code; nothing where they do not."""
        done = (record for record in self.state.jobs.values() if record.state is State.SUCCEEDED)
        jobs = (record for record in done if record.job.phase == 2 and not record.job.addition)
        attempts = [(record.job.job_id, record.collected) for record in jobs]
        return self.history.mixed(attempts) if self.history else []

    @property
    def reasons(self) -> list[str]:
        """Say for each worker why it is not up or not usable."""
        there = self.state.workers
        removed = {name: held for name, held in self.state.removed.items() if name not in there}
        return [
            *troubles(self.state),
            *(f"{name}: removed{held.signed}" for name, held in removed.items()),
        ]


class Run:
    """A run of one spec.  Use it as a context manager: it holds the run directory until it is closed.

    `run` belongs to one thread and is called once; `stop`, `note` and `snapshot` may be called by any thread
    at any time, the first two by a signal handler too.
    """

    def __init__(self, spec: RunSpec, parts: RunParts, resources: ExitStack) -> None:
        """Take over what `open` has opened."""
        self._spec, self._parts, self._resources = spec, parts, resources
        self._stops = Stops(parts.inbox, resumes=spec.resumes)

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
            parts = assemble(spec, journal, synced, connect)
            return cls(spec, parts, resources.pop_all())

    @property
    def problems(self) -> tuple[str, ...]:
        """Say what was wrong in the run directory; observers are told so too."""
        return self._parts.problems

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.close()

    def run(self, observers: Iterable[Observer] = ()) -> RunResult:
        """Work until the run is over.  What observers raise ends it, but for OSError."""
        parts, started_at = self._parts, steady_clock.now()
        tally = UsageTally(parts.shared.state)
        notices = Notices([*observers, tally])
        pools, fleet = parts.roster.pools, parts.fleet
        ports = Ports(
            *(parts.roster.links, parts.courier, parts.launch_of, fleet, parts.jobs.take, fleet.of_seat),
            of_peers=parts.peers.tell if parts.peers else lambda command: None,
        )
        dispatcher = Dispatcher(parts.shared, parts.journal, parts.inbox, ports, notices.tell)
        exit_code, left = None, list[str]()
        with ExitStack() as ending:
            self._listen(ending, notices, lambda: dispatcher.exit_code is not None)
            # After the farewell: until then the agents there are needed.
            ending.callback(lambda: left.extend(pools.close(gives_back=exit_code is not None)))
            ending.callback(self._part)
            ending.callback(parts.fleet.close)
            ending.callback(parts.courier.close)
            if parts.peers:
                ending.callback(parts.peers.close)
            ending.callback(lambda: notices.tell(Ended(parts.shared.state, exit_code)))
            parts.courier.mend(parts.to_mend)
            pools.start()
            exit_code = dispatcher.run()
            if parts.to_mend and not parts.shared.state.stopping:
                parts.courier.finish_mending()
                dispatcher.tell_rest()
        return RunResult(
            *(exit_code, parts.shared.state, started_at, steady_clock.now(), parts.history),
            used=tally.used,
            servers=tuple(parts.roster.ever.values()),
            jobs=parts.jobs.jobs,
            left=tuple(left),
        )

    def _listen(self, ending: ExitStack, notices: Notices, is_over: Callable[[], bool]) -> None:
        """Let the user ask, and give orders, from another terminal."""
        parts = self._parts
        try:
            server = ControlServer(
                *(self._spec.layout, parts.shared, parts.inbox, parts.roster.links),
                prepare=lambda event: parts.jobs.prepared(parts.fleet.prepared(event)),
                is_over=is_over,
            )
            ending.callback(server.close)
            server.board.subscribe(notices)
            server.use.subscribe(notices)
        except OSError as error:
            self.note(
                f"`twophase why`, `cancel` and the like cannot reach this run: {error.strerror or error}"
            )

    def _part(self) -> None:
        """Let the workers go, and their agents end where there is nothing that they could go on with."""
        parts, resumes = self._parts, self._spec.resumes
        state, links = parts.shared.state, parts.roster.links
        over = state.finished and not (resumes and state.stopping)
        if over:
            parted = [name for name, view in state.workers.items() if view.up and not view.busy]
            parts.journal.remember_workers(dict.fromkeys(parted))
        close_all(links.values(), msg.Shutdown() if over else None)
        if not resumes and nothing_left(state):
            forget_journal(self._spec.layout.journal)

    def stop(self) -> int:
        """Let running jobs finish and start nothing more; asked again, cancel them.

        Return how often it was asked so far, Ctrl-C included.
        """
        return self._stops.ask()

    def note(self, text: str) -> None:
        """Tell all observers a line for the user."""
        self._parts.inbox.put(Noted(text))

    def snapshot(self) -> Snapshot:
        """Return how the run stands, from its journal."""
        return self._parts.shared.snapshot()

    def live_log(self, worker: str, job_id: str, attempt: int) -> Path | None:
        """Return where on this machine an attempt writes its log; None if it runs on another, or not yet."""
        roster = self._parts.roster
        member, remote = roster.members.get(worker), roster.remotes.get(worker)
        try:
            is_local = member is not None and member.server.is_local
            return Path(remote.attempt(job_id, attempt).log) if remote and is_local else None
        except SessionLost:
            return None


def nothing_left(state: RunState) -> bool:
    """True once no worker has anything of this run any more."""
    return state.finished and not any(
        view.attempts or view.collecting or view.reattached or view.untold for view in state.workers.values()
    )
