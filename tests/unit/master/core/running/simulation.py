"""A whole run in simulated time: the core between model agents, a bad network and a mortal master.

A message may be repeated, overtaken, or lost; one that is lost breaks its link, which comes back.  Whatever
the core says is checked as it says it; `Simulation.run` raises AssertionError where a promise is broken.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from random import Random

from master.core.planning.plan import Job, Plan, arranged, base_model_job_id
from master.core.planning.resources import Resources
from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.lifecycle import ENDED, WITH_A_WORKER, State, Trigger
from master.core.running.placing.placement import lookahead
from master.core.running.records import Outbox, RunState
from master.core.running.recovery import recover
from master.core.running.run_state import begin, has_more_to_do, step
from tests.unit.master.core.running.agents import Agent, Key, Link
from tests.unit.master.core.running.world import CORES, Scene, World

LABELS = frozenset({"big"})
TICK_S = 5.0
PATIENCE_S = 40_000.0
"""After the last fault; a run that has not ended by then hangs."""


class Simulation(World):
    """One run of a scene; the same seed gives the same run."""

    def __init__(self, scene: Scene, seed: int) -> None:
        super().__init__(scene, Random(seed))
        self.steps = self.turns = self.finishes = self.crashes = 0
        self.specs = [f"base{n}" for n in range(scene.bases)]
        self.jobs = [self._job(n) for n in range(scene.jobs)]
        self.ever_home: set[str] = set()
        self.committed: Counter[str] = Counter()
        self.journal: list[cmd.Transition] = []
        self.exit_code: int | None = None
        self.stopped = False
        self.every(scene.chaos.crash_rate, self._crash)
        self.start_master()

    def _job(self, number: int) -> Job:
        needs = self.specs[number % len(self.specs)] if self.specs and number % 11 else None
        job = Job(f"job{number}", phase=2, needs=needs, kind="job")
        return replace(job, resources=_demand(number)) if self.scene.demanding else job

    def run(self) -> int:
        """Return the exit code of the run."""
        while self.exit_code is None:
            self.now, _, action = heapq.heappop(self.heap)
            assert self.now < self.scene.chaos.until + PATIENCE_S, f"hangs: {self._what_hangs()}"
            action()
        self._check_end()
        return self.exit_code

    def _what_hangs(self) -> str:
        records = [r for r in self.state.jobs.values() if r.state not in ENDED]
        lines = [f"{r.job.job_id} {r.state.value} {r.history[-9:]} {r.orphaned}" for r in records[:5]]
        return f"{len(records)} jobs, {dict(self.state.counts)}\n" + "\n".join(lines)

    # ---- the master ----------------------------------------------------------------------------------------

    def plan(self) -> Plan:
        wanted = {job.needs for job in self.jobs}
        for spec in reversed(self.specs):
            wanted |= {self._parent(spec)} if spec in wanted else set()
        trainings = {spec: self._training(spec) for spec in self.specs if spec in wanted}
        return arranged(trainings, self.jobs, self.store)

    def _training(self, spec: str) -> Job:
        needs = self._parent(spec)
        return Job(base_model_job_id(spec), phase=1, needs=needs, makes=spec, kind="base model")

    def _parent(self, spec: str) -> str | None:
        number = int(spec.removeprefix("base")) + 1
        return f"base{number // 2 - 1}" if 1 < number < 2**self.scene.generations else None

    def recovered(self) -> RunState:
        state = recover(self.plan(), self.scene.policy, list(self.agents), self.journal)
        for name in list(self.agents)[::2]:
            state.workers[name].labels = LABELS
        return state

    def start_master(self) -> None:
        """Start, or start again from what the journal and the store hold."""
        self.lives += 1
        self.exit_code, self.dying = None, ""
        self.inbox: list[tuple[ev.Event, str, int, int]] = []
        self.under_way: set[Key] = set()
        self.links = {name: Link() for name in self.agents}
        self.state = self.recovered()
        self.ever_home.update(self.store)
        self.turning = False
        out = begin(self.state, self.now)
        self._note(out)
        self._carry_out([out])
        for job_id, attempt in self.published.items():
            if job_id in self.state.jobs and self.state.jobs[job_id].state is not State.SUCCEEDED:
                self.tell(ev.Collected(self.now, job_id, attempt, self.content(job_id, attempt)))
        for name in self.agents:
            self.soon(self.random.uniform(0, 3), partial(self.connect, name))
        self.soon(TICK_S, self._tick)
        if self.scene.stop_at is not None and not self.stopped:
            self.soon(max(0.0, self.scene.stop_at - self.now), self._stop)
        if self.scene.cancel_at is not None and not self.stopped:
            self.soon(max(0.0, self.scene.cancel_at - self.now), self._cancel)

    def _stop(self) -> None:
        self.stopped = True
        self.tell(ev.StopRequested(self.now))

    def _cancel(self) -> None:
        self.stopped = True
        self.tell(ev.CancelRequested(self.now))

    def _tick(self) -> None:
        self.tell(ev.Tick(self.now))
        self.soon(TICK_S, self._tick)

    def _crash(self) -> None:
        self.dying = self.random.choice(["before the journal", "after the journal"])

    def tell(self, event: ev.Event, worker: str = "", spool: int = 0, seq: int = 0) -> None:
        self.inbox.append((event, worker, spool, seq))
        if not self.turning:
            self.turning = True
            self.soon(self.random.uniform(0, 0.02), self._turn)

    def _turn(self) -> None:
        """Take in what has come, remember it, then act on it; the master may die in between."""
        batch, self.inbox, self.turning = self.inbox, [], False
        outboxes = [self._step(event) for event, *_ in batch]
        while has_more_to_do(self.state):
            outboxes.append(self._step(ev.GoOn(self.now)))
        if self.dying != "before the journal":
            for out in outboxes:
                self._note(out)
        if self.dying:
            self.crashes += 1
            self.start_master()
            return
        self._carry_out(outboxes)
        for _, worker, spool, seq in batch:
            if seq and (upto := self.links[worker].take(spool, seq)):
                self.send(worker, partial(_acknowledge, spool, upto))
        self.turns += 1
        if self.turns % max(20, self.scene.jobs) == 0:
            self._check_recovery()

    def _step(self, event: ev.Event) -> Outbox:
        self.steps += 1
        out = step(self.state, event)
        for transition in out.transitions:
            if transition.trigger is Trigger.ASSIGN:
                self._check_start(transition)
        return out

    def _note(self, out: Outbox) -> None:
        """Write the journal, and check that it tells of nothing twice."""
        for transition in out.transitions:
            job = self.state.jobs[transition.job_id].job
            if transition.trigger is Trigger.COLLECT:
                self.committed[job.job_id] += 1
                allowed = 1 + (self.damages[job.makes] if job.makes else 0)
                assert self.committed[job.job_id] <= allowed, f"{job.job_id} is recorded twice"
                if job.makes:
                    self.ever_home.add(job.makes)
            if transition.trigger in (Trigger.ASSIGN, Trigger.START) and job.needs:
                assert job.needs in self.ever_home, f"{job.job_id} comes before its base model"
        self.journal += out.transitions

    def _carry_out(self, outboxes: Iterable[Outbox]) -> None:
        for out in outboxes:
            for command in out.commands:
                self._execute(command)

    def _execute(self, command: cmd.Command) -> None:
        match command:
            case cmd.StartAttempt(worker, job_id, attempt):
                record = self.state.jobs[job_id]
                if record.attempt == attempt:
                    base = record.base
                    self.send(worker, lambda agent: agent.launch((job_id, attempt), base))
            case cmd.Cancel(worker, job_id, attempt):
                self.send(worker, lambda agent: agent.cancel((job_id, attempt)))
            case cmd.Withdraw(worker, job_id, attempt):
                self.send(worker, lambda agent: agent.withdraw((job_id, attempt)))
            case cmd.CollectFailedAttempt():
                self.collect_failed(command)
            case cmd.DropCheckpoints(_, job_id):
                assert self.committed[job_id] or self.dying
            case cmd.Release(worker, job_id, attempt):
                self.send(worker, lambda agent: agent.release((job_id, attempt)))
            case cmd.Collect(worker, job_id, attempt):
                if (job_id, attempt) not in self.under_way:
                    self.under_way.add((job_id, attempt))
                    self.soon(self.random.uniform(0, 4), lambda: self.collect(command))
            case cmd.Deliver(worker, content_hash):
                number = self.links[worker].number
                self.soon(self.random.uniform(0, 6), lambda: self.deliver(worker, content_hash, number))
            case cmd.Finish(exit_code):
                self.finishes += 1
                self.exit_code = exit_code

    # ---- promises ------------------------------------------------------------------------------------------

    def _check_start(self, transition: cmd.Transition) -> None:
        assert not self.state.halted, "something was started after the halt"
        assert transition.worker not in self.state.jobs[transition.job_id].hopeless
        view = self.state.workers[transition.worker or ""]
        self._check_room(view)
        jobs = [self.state.jobs[job_id].job for job_id, _ in view.attempts]
        assert self.state.jobs[transition.job_id].job.resources.labels <= view.labels
        if any(job.resources.cpus for job in jobs):
            assert sum(job.resources.cpus or 1 for job in jobs) <= CORES

    def _check_room(self, view: WorkerView) -> None:
        allowed = view.slots - view.held_by_others + lookahead(view.slots, self.state.mean_duration_s())
        assert len(view.attempts) <= allowed, f"{view.name} has more than its slots hold"

    def _check_recovery(self) -> None:
        """The journal tells all that the master knows."""
        told, live = self.recovered(), self.state
        for job_id, record in live.jobs.items():
            if job_id not in told.jobs:
                # What was damaged is trained again, though what came of it may be whole.
                assert record.state is State.SUCCEEDED or job_id in self.published or record.job.makes
                continue
            told_of, known = essence(told, job_id), essence(live, job_id)
            assert told_of == known, f"the journal says {told_of}, the state {known}"
        for name, view in live.workers.items():
            assert told.workers[name].attempts == {k for k in view.attempts if k[0] in told.jobs}
            assert told.workers[name].collecting == {k for k in view.collecting if k[0] in told.jobs}
        check_books(live)

    def _check_end(self) -> None:
        assert self.finishes == 1 and step(self.state, ev.Tick(self.now)) == Outbox(self.now)
        self.finishes = 0
        self._check_recovery()
        states = self.state.counts
        for job in self.jobs:
            record = self.state.jobs[job.job_id]
            assert (record.state is State.SUCCEEDED) == (self.committed[job.job_id] == 1)
            if record.state is State.BLOCKED:
                specs = self.state.plan.ancestors(job)
                bases = (self.state.jobs[base_model_job_id(spec)] for spec in specs)
                failed = next(base for base in bases if base.state is not State.BLOCKED)
                assert failed.state is State.FAILED and failed.job.makes in record.note
        everything_ended = sum(states[state] for state in ENDED) == len(self.state.jobs)
        if self.state.halted and self.exit_code == 1:
            assert states[State.FAILED] and not self.state.cancelling
        elif self.exit_code in (0, 1):
            assert everything_ended
            assert (self.exit_code == 0) == (states[State.SUCCEEDED] == len(self.state.jobs))
        elif self.exit_code == 4:
            assert not everything_ended
        else:
            assert self.exit_code == 130 and self.stopped


def _demand(number: int) -> Resources:
    return Resources(LABELS if number % 3 == 0 else frozenset(), number % 5 or None, priority=number % 2)


def essence(state: RunState, job_id: str) -> Mapping[str, object]:
    """Return what a start from the journal must know of a job."""
    record = state.jobs[job_id]
    return {
        "job": job_id,
        "state": record.state,
        "attempt": (record.attempt, record.attempts),
        "collected": record.job.makes or record.collected,
        "worker": record.worker,
        "orphaned": {n: (lost.worker, lost.finished) for n, lost in record.orphaned.items()},
        "cancelled": record.cancelled_by,
        "pruned": (record.pruned_at, record.is_spared),
        "came to": _came_to(state, job_id),
        "priority": record.job.resources.priority if record.job.phase == 2 else 0,
        "content": record.content_hash if record.state is State.SUCCEEDED else "",
    }


def _came_to(state: RunState, job_id: str) -> object:
    """Return what a job has come to, where it is compared with others."""
    if state.contests is None or job_id not in state.contests:
        return None
    entrant = state.contests.of(job_id).entrants[job_id]
    return entrant.marks, entrant.figures, entrant.passed


def check_books(state: RunState) -> None:
    """Check that what is counted and indexed agrees with the records."""
    assert +state.counts == Counter(record.state for record in state.jobs.values())
    assert state.open_jobs == sum(r.state not in ENDED for r in state.jobs.values())
    assert state.open_phase1 == sum(r.job.phase == 1 and r.state not in ENDED for r in state.jobs.values())
    held: dict[str, set[Key]] = {}
    for record in state.jobs.values():
        if record.state in WITH_A_WORKER and record.worker:
            held.setdefault(record.worker, set()).add(record.key)
        if record.state not in (State.READY,):
            assert record.job not in state.ready
    for view in state.workers.values():
        assert view.attempts | view.collecting == held.get(view.name, set())
        assert not view.attempts & view.collecting


def _acknowledge(spool: int, upto: int, agent: Agent) -> None:
    if agent.spool == spool:
        agent.ack(upto)
