"""What a run works with: put together from its spec and its journal, none of it started."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue

from master import steady_clock
from master.adapters.allocators.allocator import Allocator
from master.adapters.inbox import Inbox, Noted
from master.adapters.peers.chunking import Chunking
from master.code.code_history import CodeHistory
from master.code.origin import Described
from master.core.explaining.planned import plan_record
from master.core.planning.job_limits import tightest
from master.core.planning.plan import makes_base_model
from master.core.running.records import RunState
from master.errors import IntegrityError
from master.runs.additions.more_jobs import GrowingJobs, Shelves
from master.runs.additions.programs import Programs
from master.runs.agents import OpenSession, RunName, link_maker
from master.runs.control.job_inputs import JobInputs
from master.runs.earlier_starts import (
    Damaged,
    code_history,
    find_checkpoints,
    find_published,
    kept_cancelled,
    missing_results,
    state_after,
)
from master.runs.fleet.fleet import Fleet
from master.runs.fleet.members import Members, members_of, orders_of
from master.runs.fleet.pools.engines import allocator_of
from master.runs.fleet.pools.pools import Pools
from master.runs.fleet.roster import Roster
from master.runs.library import make_library
from master.runs.snapshot import SharedState
from master.runs.spec import RunSpec, Start, StoredBaseModel
from master.specs import ClusterSpec, PoolSpec
from master.storage.base_model_store import BaseModelStore
from master.storage.checkpoint_store import CheckpointStore
from master.storage.journal import Journal
from master.storage.library import Library
from master.storage.rebuilding import EPOCH_GAP, forgotten, remember, told_of
from master.transfers.courier import Courier
from master.transfers.home import Home
from master.transfers.mending import is_sound
from master.transfers.peers.telling import PeerTransfers
from master.transfers.reporter import Reporter
from worker_agent.protocol import messages as msg
from worker_agent.protocol.artefacts.peering import Chunks, Peering
from worker_agent.protocol.terms import NO_LIMITS, JobLimits

LaunchOf = Callable[[str, int, str], msg.Launch]
"""Returns the message that starts `(job_id, attempt)` on a worker."""


@dataclass(frozen=True)
class RunParts:
    """The parts of one start of a run."""

    journal: Journal
    inbox: Inbox
    """Holds what is to be said, and what earlier starts left to be done."""
    shared: SharedState
    roster: Roster
    """The workers."""
    fleet: Fleet
    courier: Courier
    launch_of: LaunchOf
    history: CodeHistory | None
    """Which code attempts were started with; None where that is not remembered."""
    problems: tuple[str, ...]
    """What was wrong in the run directory; it is among what is to be said."""
    jobs: GrowingJobs
    """Those of the command, and what users add."""
    to_mend: tuple[str, ...] = ()
    """Content hashes of the base models whose files are damaged, and that workers may have whole."""
    peers: PeerTransfers | None = None
    """Tells workers what to take from each other; None where they do not."""


def assemble(spec: RunSpec, journal: Journal, synced: Mapping[str, str], connect: OpenSession) -> RunParts:
    """Return the parts of a new start.  `synced` is the content hash of each directory of data, by path.

    Raises ConfigError for an id that is another job's and code that cannot be copied.
    """
    jobs = spec.jobs.jobs
    journal.remember_jobs(
        {job.job_hash: job.job_id for job in jobs}, {job.job_hash: job.config for job in jobs}
    )
    journal.remember_plan(plan_record(spec.plan, spec.jobs.base_models))
    listed = spec.cluster
    members = members_of(spec.cluster, orders_of(spec, journal), journal.remember_workers({}))
    spec = replace(spec, cluster=replace(spec.cluster, servers=tuple(members.servers)))
    programs = Programs.taken(spec)
    inbox: Inbox = SimpleQueue()
    forgot = forgotten(_state(spec, journal), spec.layout, journal.run_id)
    remember(journal, forgot if spec.resumes else (), steady_clock.now())
    after = max((result.epoch + EPOCH_GAP for result in forgot), default=0)
    name = RunName(journal.run_id, journal.new_epoch(after))
    roster = _roster(members, inbox, name, connect, spec)
    synced = members.take_all(roster, journal, synced)
    state, store = _state(spec, journal), BaseModelStore(spec.layout)
    members.let_leave(state)
    members.raise_slots(state, roster)
    lines = [told_of(forgot)] if forgot and spec.resumes else []
    damaged = [Damaged(spec, state, store, *item) for item in spec.damaged.items()]
    problems = (*lines, *(base_model.said() for base_model in damaged))
    to_mend = tuple(base_model.content_hash for base_model in damaged if base_model.is_sought)
    library = make_library(programs.directories, synced, spec.in_store, store)
    orders = journal.orders() if spec.resumes else []
    programs.keep_names(orders)
    inputs = JobInputs(spec.layout, library, orders)
    launch_of = make_launcher(roster, programs, state, library, inputs)
    checkpoints = _resume(spec, state, inbox) if spec.resumes else None
    history = code_history(journal, programs.own.start) if programs.own.start else None
    identity = {spec_hash: model.config for spec_hash, model in spec.jobs.base_models.items()}
    describe = _describer(programs, history, name)
    home = Home(spec.layout, store, library, identity.__getitem__, checkpoints, describe)
    shared = SharedState(state)
    growing = GrowingJobs(spec, programs, shared, Shelves(journal, store, library, identity, roster, inputs))
    courier = Courier(home, roster.remotes, Reporter(inbox))
    found = (*missing_results(state, spec.layout), *kept_cancelled(state)) if spec.resumes else ()
    for text in (*problems, *members.notes, *programs.own.notes, *found):
        inbox.put(Noted(text))
    return RunParts(
        *(journal, inbox, shared, roster, Fleet(roster, courier, library, journal, inbox, listed)),
        *(courier, checkpoints.launching(launch_of) if checkpoints else launch_of, history),
        *(problems, growing, to_mend),
        peers=_peer_transfers(spec.cluster, home, roster, inbox),
    )


def _peer_transfers(cluster: ClusterSpec, home: Home, roster: Roster, inbox: Inbox) -> PeerTransfers | None:
    if not cluster.peers:
        return None
    chunking, sound = Chunking(), set[str]()

    def chunks_of(path: Path, content_hash: str) -> Chunks | None:
        # By digests of what is damaged here peers that hold it whole would be taken for liars.
        if content_hash not in sound and not is_sound(path, content_hash):
            raise IntegrityError(f"{path} is damaged")
        sound.add(content_hash)
        return chunking.of(path, content_hash, is_base_model=True)

    return PeerTransfers(home, roster.remotes, Reporter(inbox), chunks_of)


def _meeting(cluster: ClusterSpec) -> Callable[[str], Peering] | None:
    """Return what tells workers who they are to each other; None where they have nothing to do with it."""
    if not cluster.peers:
        return None
    from master.adapters.peers.run_ca import RunAuthority  # what it needs takes its time to start

    return RunAuthority().peering


def _roster(members: Members, inbox: Inbox, name: RunName, connect: OpenSession, spec: RunSpec) -> Roster:
    """Return an empty roster, which can reach the seats of pools too."""
    pools = Pools()

    def make(pool: PoolSpec, cluster: ClusterSpec) -> Allocator:
        return allocator_of(pool, cluster, connect, name.run_id)

    # One whose seats were all removed from the run may have some back.
    listed = ((pool.seat(1), spec.cluster) for pool in spec.cluster.pools)
    pools.take((*members.there.values(), *listed), inbox, make)
    opening, meet = pools.opening(connect), _meeting(spec.cluster)
    return Roster(link_maker(name, inbox, opening, spec.in_terminal, meet), name.run_id, pools)


def _state(spec: RunSpec, journal: Journal) -> RunState:
    policy = replace(spec.policy, peers=spec.cluster.peers)
    return state_after(replace(spec, policy=policy), journal.transitions(), journal.orders())


def _resume(spec: RunSpec, state: RunState, inbox: Inbox) -> CheckpointStore:
    """Take up what earlier starts left."""
    find_published(state, spec.layout, inbox)
    return find_checkpoints(spec.layout, state, inbox)


def _describer(
    programs: Programs, history: CodeHistory | None, name: RunName
) -> Callable[[str, int], Described]:
    """Return what tells of an attempt how it came about; one that an earlier start began had its code."""

    def describe(job_id: str, attempt: int) -> Described:
        known = replace(programs.describe(job_id), run_id=name.run_id, epoch=name.epoch)
        started = history.of(job_id, attempt) if history and not known.code else known.code
        trains = makes_base_model(job_id)
        return replace(known, code=started.of_job(trains=trains) if started else None)

    return describe


def _bounded(message: msg.Launch, bound: JobLimits) -> msg.Launch:
    """Return a launch within what its worker allows every job."""
    return replace(message, limits=tightest(message.limits or NO_LIMITS, bound)) if bound else message


def make_launcher(
    roster: Roster, programs: Programs, state: RunState, library: Library, inputs: JobInputs
) -> LaunchOf:
    """Return the function that tells what `(job_id, attempt)` is to run on a worker."""

    def launch_of(job_id: str, attempt: int, worker: str) -> msg.Launch:
        record = state.jobs[job_id]
        # What the attempt was given: the store may have lost it since.
        base = StoredBaseModel(record.base, library.names.get(record.base)) if record.job.needs else None
        member = roster.members[worker]
        is_local, view = member.server.is_local, state.workers.get(worker)
        data = (*member.mounts, *inputs.mounts(job_id, local=is_local))
        has_gpus = view is not None and bool(view.gpu_bytes)
        message = programs.launch(Start(record, attempt, data, base, is_local, has_gpus))
        return _bounded(message, member.server.limits)

    return launch_of
