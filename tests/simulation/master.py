"""The master of a simulated run: the real core and dispatcher, begun as `master/runs` begins a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from master.adapters.inbox import Received
from master.core.planning.plan import Job, Plan, arranged, base_model_job_id
from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.commands import Transition
from master.core.running.fleet.seats import Pool, Seat
from master.core.running.lifecycle import Trigger
from master.core.running.orders.membership import membership
from master.core.running.orders.of_jobs import AddJobs
from master.core.running.orders.order import Ordered
from master.core.running.records import RunState
from master.core.running.recovery import recover
from master.core.running.run_state import has_more_to_do
from master.runs.dispatcher import Dispatcher, Ports
from master.runs.snapshot import SharedState
from master.storage.rebuilding import EPOCH_GAP, Published, is_forgotten, remember
from tests.simulation.courier import Courier
from tests.simulation.engine import POOL, Engine, Keeper
from tests.simulation.fleet import Fleet
from tests.simulation.home import Home, JournalPort
from tests.simulation.link import Link
from tests.simulation.orders import added, held_by_users
from tests.simulation.pruning import contest_of
from tests.simulation.scene import Scene
from tests.simulation.tally import Loss, Tally
from tests.simulation.worker import Worker
from worker_agent.protocol import messages as msg
from worker_agent.protocol.digests import content_hash
from worker_agent.protocol.events import EventKind

IDLE_S = 5.0
"""So often the dispatcher looks around where nothing comes."""
_KINDS = {
    ev.AttemptStaging: EventKind.STAGING,
    ev.AttemptStarted: EventKind.RUNNING,
    ev.AttemptFinished: EventKind.FINISHED,
}


class Master:
    """One process of the master, from its start to its death or the end of the run."""

    def __init__(self, scene: Scene, engine: Engine, home: Home, workers: list[Worker], tally: Tally) -> None:
        clock = engine.clock
        self.scene, self.clock, self.home, self.tally = scene, clock, home, tally
        self.engine, self.keeper = engine, Keeper(engine, self._tell)
        self.alive, self.turning, self.turns = True, False, 0
        self.inbox: list[Received] = []
        self._batch: list[Received] = []
        self._was_stopping = False
        self._held: set[str] = set()
        """Workers that a user wants nothing started on, whatever comes in this turn."""
        self.workers = {worker.name: worker for worker in workers}
        plan = self.plan()
        self.needs = {job.job_id: job.needs for job in (*plan.if_damaged.values(), *plan.jobs)}
        forgotten = self._forgotten(self.recovered())
        after = max((result.epoch + EPOCH_GAP for result in forgotten), default=0)
        epoch = home.new_epoch(after)
        journal: Any = JournalPort(home, self._on_durable)
        self.fleet = Fleet(self.workers, home, epoch, self._tell)
        self.fleet.seats = frozenset(engine.seats)
        for name in self.members():
            self.fleet.take(name)
        remember(journal, forgotten, clock.now)
        self.state = self.recovered()
        self.courier = Courier(home, self.fleet, tally, self._put)
        fleet: Any = self.fleet
        ports = Ports(
            *(fleet.to_say, self.courier, self._launch_of, fleet),
            of_seat=self._of_seat,
            of_peers=self.courier.tell_peer,
        )
        self._shared = SharedState(self.state)
        self.dispatcher = Dispatcher(self._shared, journal, Any, ports, _nobody, lambda: clock.now)  # type: ignore[arg-type]

    def begin(self) -> None:
        """Start: take up what is in place, and connect."""
        for event in self._published():
            self._put(event)
        self.keeper.start()
        self.dispatcher.begin()
        self._idle()
        self._give_back()

    @property
    def exit_code(self) -> int | None:
        """None while the run goes on."""
        return self.dispatcher.exit_code

    def die(self) -> None:
        """The process is gone, and all that it had in memory; what it has sent may still arrive."""
        self.alive = self.courier.alive = self.keeper.alive = False
        self.fleet.close()

    def _of_seat(self, command: cmd.SubmitSeat | cmd.CancelSeat | cmd.Reach | cmd.Unreach) -> None:
        self.home.burn()
        if isinstance(command, (cmd.Reach, cmd.Unreach)):
            self.fleet.reach(command.worker, is_open=isinstance(command, cmd.Reach))
        else:
            self.keeper.carry_out(command)

    def _give_back(self) -> None:
        """Keep nothing that was lent once the run is over."""
        if self.exit_code is not None:
            self.keeper.close()

    @property
    def links(self) -> dict[str, Link]:
        """The links to the workers that are in the run now."""
        return self.fleet.links

    def ask(self, event: ev.Event) -> None:
        """Tell it what its user wants; of jobs that he adds it has read what they are."""
        if isinstance(event, Ordered) and isinstance(event.order, AddJobs):
            jobs = added([event])
            self.needs |= {job.job_id: job.needs for job in jobs}
            event = replace(event, plan=self._plan_of(jobs))
        self._put(event)

    # ---- how it begins

    def plan(self) -> Plan:
        """Return what is to be done, what users added too: base models that are at home are not."""
        specs = [f"base{n}" for n in range(self.scene.bases)]
        jobs = [
            Job(f"job{n}", phase=2, needs=specs[n % len(specs)] if specs and n % 4 else None, kind="job")
            for n in range(self.scene.jobs)
        ]
        if self.scene.prune:
            jobs = [replace(job, contest=contest_of(n)) for n, job in enumerate(jobs)]
        return self._plan_of([*jobs, *added(self.home.orders)])

    def _plan_of(self, jobs: list[Job]) -> Plan:
        lines = [self._line(spec) for spec in dict.fromkeys(job.needs for job in jobs if job.needs)]
        trainings = {job.makes: self._with_siblings(job) for line in lines for job in line if job.makes}
        held = {spec: self.home.store[spec].content_hash for spec in trainings if spec in self.home.store}
        plan = arranged(trainings, list(map(self._with_siblings, jobs)), held)
        return replace(plan, prune=self.scene.prune)

    def _line(self, spec: str) -> list[Job]:
        """Return what trains a base model and its ancestors, the first one first."""
        number = int(spec.removeprefix("base")) if spec.startswith("base") else 0
        parent = f"base{number - 1}" if number % self.scene.generations else None
        training = Job(base_model_job_id(spec), phase=1, needs=parent, makes=spec, kind="base model")
        if parent and number % 2:  # a rung, which goes on from the one before
            training = replace(training, resumes=True, keeps_state=True)
        return [*(self._line(parent) if parent else ()), training]

    def _with_siblings(self, job: Job) -> Job:
        fuse = self.scene.fuse
        return replace(job, siblings=f"phase {job.phase}", most_together=fuse) if fuse > 1 else job

    def members(self) -> list[str]:
        """Return the workers of a start now: what was removed is not there, or has not gone yet."""
        removed = membership(self.home.orders).removed
        return [name for name in self.workers if name not in removed or name in self.home.known]

    def recovered(self) -> RunState:
        """Return the state that a start now would begin with."""
        names = self.members()
        policy = replace(self.scene.policy, peers=self.scene.peers)
        state = recover(self.plan(), policy, names, self.home.journal, self.home.orders)
        seats = [name for name in names if name in self.engine.seats]
        if self.engine.seats:
            state.pools[POOL] = Pool(POOL, len(self.engine.seats), self.scene.lent_s, 60.0)
        for name in seats:
            state.workers[name].seat = Seat(POOL)
        return state

    def _forgotten(self, state: RunState) -> list[Published]:
        """Return the results that the journal does not know of, as `rebuilding.forgotten` does."""
        return [
            found for job_id, found in self.home.results.items() if is_forgotten(state.jobs[job_id], found)
        ]

    def _published(self) -> Iterator[ev.Collected]:
        """Yield what a master published and could not say any more, as `find_published` does."""
        for job_id, record in self.state.jobs.items():
            held = self.home.results.get(job_id)
            made = {attempt: content_hash(end.files) for attempt, end in record.outcomes.items()}
            ours = [
                attempt
                for attempt in sorted(made, reverse=True)
                if held and made[attempt] == held.content_hash
            ]
            if held and ours:
                yield ev.Collected(self.clock.now, job_id, ours[0], held.content_hash)

    def _launch_of(self, job_id: str, attempt: int, worker: str) -> msg.Launch:
        record = self.state.jobs[job_id]
        spec = record.job.makes or record.job.needs
        base = record.base if record.job.needs else None
        launch = msg.Launch(job_id, attempt, record.job.phase, ["x"], base_model_hash=spec, base_model=base)
        rung = {"resumes": record.job.resumes, "keeps_state": record.job.keeps_state}
        return replace(launch, group=record.group or None, **rung)

    # ---- its loop

    def _tell(self, event: ev.Event, worker: str, seq: int) -> None:
        self._put(event, worker, seq)

    def _put(self, event: ev.Event, worker: str = "", seq: int = 0) -> None:
        self.inbox.append(Received(event, worker, seq))
        self._turn_soon()

    def _turn_soon(self) -> None:
        if self.alive and not self.turning:
            self.turning = True
            self.clock.soon(self.clock.random.uniform(0, 0.2), self._turn)

    def _idle(self) -> None:
        if self.alive and self.exit_code is None:
            self._turn_soon()
            self.clock.soon(IDLE_S, self._idle)

    def _turn(self) -> None:
        if not self.alive or self.exit_code is not None:
            return
        self.turning = False
        self._batch, self.inbox = self.inbox, []
        self._was_stopping = self.state.stopping
        orders = any(isinstance(item.event, Ordered) for item in self._batch)
        self._held = set() if orders else set(held_by_users(self.home.orders, self.clock.now))
        self.dispatcher.turn(self._batch)
        self.turns += 1
        self._give_back()
        self._note_dismissed()
        if has_more_to_do(self.state):
            self._turn_soon()

    def _on_durable(self, transitions: list[Transition]) -> None:
        """Note what the journal has, before anything comes of it."""
        for item in transitions:
            if item.trigger is Trigger.LOSE and item.finished is None and self._is_silent(item.worker):
                self._note_loss(item)
            if item.trigger is Trigger.LOCK:
                self.tally.locked.add(item.job_id)
            if item.trigger is Trigger.ASSIGN and self._was_stopping:
                self.tally.started_after_stop.append(item.job_id)
            if item.trigger is Trigger.ASSIGN and item.worker in self._held:
                self.tally.started_on_held.append(f"{item.job_id} on {item.worker}")
            self._note_cancelled(item)
        for received in self._batch:
            if kind := _KINDS.get(type(received.event)):
                event: Any = received.event
                self.tally.journalled.add((received.worker, (event.job_id, event.attempt), kind))

    def _is_silent(self, name: str | None) -> bool:
        """True for a worker that ought to answer: what ran in an allocation that is over is lost at once."""
        is_over = name in self.engine.seats and name not in self.engine.lent
        return name in self.links and not is_over

    def _note_cancelled(self, item: Transition) -> None:
        """Note what a user has cancelled, until he wants it again or a success from before comes home."""
        cancelled = self.tally.cancelled
        if item.trigger is Trigger.USER_CANCEL:
            cancelled.add(item.job_id)
            self.tally.not_wanted[item.job_id] = item.attempt
        elif item.trigger is Trigger.COLLECT or item.note.startswith("retry "):
            cancelled.discard(item.job_id)
        elif item.job_id in cancelled and item.trigger is not Trigger.DROP:
            self.tally.ran_though_cancelled.append(f"{item.job_id} {item.trigger.value}")

    def _note_loss(self, item: Transition) -> None:
        link = self.fleet.of(item.worker or "")
        key = (item.job_id, item.attempt)
        self.tally.given_up.add(key)
        self.tally.losses.append(Loss(key, link.worker.name, link.silent_s(), link.worker.knows(key)))

    def _note_dismissed(self) -> None:
        for view in self.state.workers.values():
            if not view.usable and not view.leaves:
                self.tally.dismissed.append(f"{view.name}: {view.reason}")


def _nobody(notice: object) -> None:
    """Nobody looks."""
