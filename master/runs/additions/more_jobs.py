"""Users add jobs to a run while it goes on."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from master.core.explaining.planned import plan_record
from master.core.planning.generations.rungs import Manifests, soon_at_home
from master.core.planning.plan import make_plan
from master.core.running.lifecycle import State
from master.core.running.orders.of_jobs import AddJobs
from master.core.running.orders.order import Ordered
from master.errors import ConfigError
from master.runs.additions.programs import Programs
from master.runs.control.job_inputs import JobInputs
from master.runs.fleet.roster import Roster
from master.runs.resuming.at_home import climbed
from master.runs.run_lock import RUN_TWO_PHASE
from master.runs.snapshot import SharedState
from master.runs.spec import Code, Known, MoreJobs, RunSpec, Work
from master.specs import Config, JobSpec, JobsSpec, base_models_of
from master.storage.base_model_store import BaseModelStore
from master.storage.journal import Journal
from master.storage.journal_snapshot import open_snapshot
from master.storage.library import Library

_REFUSED = "this run takes no jobs beside its own while it goes on: "
_OF_STAGES = (
    "it has stages: write them into its jobs file and give its command again once it has ended, or after "
    "Ctrl-C; what is done is not done again"
)
_OTHERS = "give {command} again with them once it has ended"

_DONE_ADVICE = (
    "nothing was added; have what it was left out for as it was (its code, or the run's own jobs file), and"
    " start again; an addition with another --name runs it anew"
)


@dataclass(frozen=True)
class Shelves:
    """Where what is needed of jobs is kept."""

    journal: Journal
    store: BaseModelStore
    library: Library
    identity: dict[str, Config]
    """What base models are, by `spec_hash`."""
    roster: Roster
    """The workers that are in the run by now."""
    inputs: JobInputs


def _refuse_pruning(found: JobsSpec) -> None:
    if found.prune:
        problem = (
            "only jobs of the run's own jobs file are pruned: leave it out, what is added runs to its end"
        )
        raise ConfigError(found.source, "prune", problem)


class GrowingJobs:
    """The jobs of a run.  `prepared` may be called by any thread, the rest by one."""

    def __init__(self, spec: RunSpec, programs: Programs, shared: SharedState, shelves: Shelves) -> None:
        self.jobs = spec.jobs
        self._spec, self._programs, self._shared, self._shelves = spec, programs, shared, shelves
        self._known = dict(shelves.journal.known_ids())
        self._additions = dict(programs.starts)
        """The code of all additions that have been read, by name; `programs` has those that were taken."""
        self._reading = threading.Lock()
        """Held for as long as a file is read and base models are hashed: `take` waits for none of that."""
        self._lock = threading.Lock()
        self._offered: dict[str, JobSpec] = {}
        """Jobs that have been read, by id."""
        self._codes: dict[str, Code] = {}
        """What does those that have a program of their own, by id."""
        self._whole: dict[str, Mapping[str, Any]] = {}
        """Manifests of base models of the store that such jobs start from."""

    def prepared(self, event: Ordered) -> Ordered:
        """Return an order to add jobs with what its file says.  Raises ConfigError; changes nothing."""
        if not isinstance(event.order, AddJobs):
            return event
        if self._spec.read_more is None:
            owner = self._spec.owner
            way_out = _OF_STAGES if owner == RUN_TWO_PHASE else _OTHERS.format(command=owner.command)
            raise ConfigError(event.order.path or "jobs", "", f"{_REFUSED}{way_out}")
        servers = [member.server for member in list(self._shelves.roster.members.values())]
        self._shelves.inputs.check(event.order, servers)
        with self._reading:
            read = self._spec.read_more(event.order, Known(self._known, servers, self._additions))
            order, found = read.order, read.jobs
            _refuse_pruning(found)
            new = found.without(self._known_hashes())
            self._check_not_done(new)
            rungs = climbed(found, self._shelves.store, self._whole_ones(new), self._soon(found))
            found, new = rungs.jobs, rungs.jobs.without(self._known_hashes())
            whole = {**self._whole_ones(new), **rungs.found}
            with self._lock:
                self._offered.update((job.job_id, job) for job in new.jobs)
            if not event.dry_run:
                order = self._with_code(read, new)
                self._known |= {job.job_hash: job.job_id for job in new.jobs}
                with self._lock:
                    self._whole |= whole
        in_store = {spec_hash: manifest["content_hash"] for spec_hash, manifest in whole.items()}
        # Those that the run has are in the plan too, for who asks to hear that it has them.
        plan = make_plan(found, in_store, self._spec.cluster.phase1_labels)
        ids = {job.job_hash: job.job_id for job in new.jobs}
        if not event.dry_run:
            self._shelves.inputs.take(order, ids.values())
        return replace(event, order=replace(order, ids=ids), plan=plan)

    def _check_not_done(self, new: JobsSpec) -> None:
        """Raise ConfigError for a job that an earlier start has done and this one has left out."""
        seen = [job for job in new.jobs if job.job_hash in self._known]
        if not seen:
            return
        with open_snapshot(self._spec.layout.journal) as snapshot:
            standings = snapshot.standings()
        for job in seen:
            if job.job_id in standings and standings[job.job_id].state == State.SUCCEEDED.value:
                problem = f"{job.job_id} has succeeded in an earlier start, and this start has left it out"
                raise ConfigError(new.source, job.place, f"{problem}: {_DONE_ADVICE}")

    def _with_code(self, read: MoreJobs, new: JobsSpec) -> AddJobs:
        """Take the snapshot of a program of their own; return the order with what is remembered of it."""
        code = self._taken(read.work) if read.work and new.jobs else None
        if code is None or code.start is None:
            return read.order
        self._additions.setdefault(read.order.name, code.start)
        with self._lock:
            self._codes |= {job.job_id: code for job in new.jobs}
        return replace(read.order, code=code.start.as_json())

    def _taken(self, work: Work) -> Code:
        try:
            return work.take(self._spec.layout)
        except OSError as error:
            where, why = error.filename or self._spec.layout.code, error.strerror or error
            raise ConfigError(
                str(where), "", f"the code cannot be copied: {why}; nothing was added"
            ) from error

    def _known_hashes(self) -> set[str]:
        return {job.job_hash for job in self.jobs.jobs}

    def _soon(self, found: JobsSpec) -> Manifests:
        """Return what manifests say, or will say, of the run's base models: whether they keep their state."""
        if found.rungs is None:
            return {}
        trained, stored = soon_at_home(self.jobs), self._spec.in_store
        return {spec_hash: stored.get(spec_hash, each) for spec_hash, each in trained.items()}

    def _whole_ones(self, new: JobsSpec) -> dict[str, Mapping[str, Any]]:
        """Return the manifests of the store's base models that are new to the run.  Raises ConfigError."""
        unseen = {name: base for name, base in new.base_models.items() if name not in self.jobs.base_models}
        whole, damaged = self._shelves.store.scan(unseen)
        for problem in damaged.values():
            advice = "the next start of the run sets it aside: give these jobs in its jobs file"
            raise ConfigError(new.source, "", f"{problem}; {advice}")
        return dict(whole)

    def take(self, job_ids: Sequence[str]) -> None:
        """Make jobs that were prepared ready to be launched, and remember them."""
        with self._lock:
            taken = tuple(self._offered.pop(job_id) for job_id in job_ids if job_id in self._offered)
        more = replace(self.jobs, jobs=taken, base_models=base_models_of(taken))
        self._hold(more)
        self.jobs = self.jobs.with_more(more)
        self._take_code(more)
        state, journal = self._shared.state, self._shelves.journal
        journal.remember_jobs(
            {job.job_hash: job.job_id for job in taken}, {job.job_hash: job.config for job in taken}
        )
        journal.remember_plan(plan_record(state.plan, self.jobs.base_models))
        with self._shared.changing():
            self._shared.added(job_ids)

    def _take_code(self, more: JobsSpec) -> None:
        """Have at hand what does jobs, before a worker asks for it."""
        with self._lock:
            codes = [self._codes.pop(job.job_id, None) for job in more.jobs]
        code = next(iter(codes), None)
        if code:
            self._shelves.library.hold_code(code.directories)
        self._programs.add(more, code)

    def _hold(self, more: JobsSpec) -> None:
        """Know what base models are, and have those of the store at hand."""
        for spec_hash, base in more.base_models.items():
            self._shelves.identity.setdefault(spec_hash, base.config)
            if manifest := self._whole.pop(spec_hash, None):
                path, name = self._shelves.store.path(spec_hash), manifest.get("name")
                self._shelves.library.hold(spec_hash, manifest["content_hash"], path, name)
