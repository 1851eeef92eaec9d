"""A simulated run: master, workers, the way between them, and everything that goes wrong.

What is promised is asked after everything that happens: `Violation` is raised where a promise is broken.
"""

from __future__ import annotations

from math import inf
from random import Random

from master.core.running import events as ev
from master.core.running.lifecycle import ENDED, State
from master.storage.rebuilding import EPOCH_GAP
from tests.simulation.disks import share_disks
from tests.simulation.engine import POOL, Engine
from tests.simulation.home import Home, MasterKilled
from tests.simulation.invariants import OF_ALL, OF_THE_END, OF_THE_MASTER, Invariant
from tests.simulation.master import Master
from tests.simulation.orders import all_back, of_jobs, some_order
from tests.simulation.peers import Streets
from tests.simulation.pruning import EVERY_S, tell_progress
from tests.simulation.scene import Scene
from tests.simulation.tally import Tally
from tests.simulation.worker import Worker
from tests.support.simulated_clock import Action, Clock
from tests.unit.worker_agent.machine import Killed

PATIENCE_S = 30_000.0
"""After the last fault; a run that has not ended by then hangs."""
MOST_STARTS = 60
"""So often the user gives the command again."""
BEYOND_INVARIANTS = ("every_run_ends", "no_process_breaks")
"""Promises that are not asked but seen: a run that hangs, and an error that nobody expects."""


class Violation(AssertionError):
    """A promise is broken."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"{name}: {what}")
        self.name = name


class World:
    """One run; the same scene and seed give the same run."""

    def __init__(self, scene: Scene, seed: int) -> None:
        self.scene, self.tally, self.home = scene, Tally(), Home()
        self.clock = Clock(Random(seed))
        self.workers = [Worker(f"w{n}", scene, self.clock, self.tally) for n in range(scene.workers)]
        for worker in self.workers:
            worker.has_ended = self._has_ended
        share_disks(self.workers, scene)
        Streets(scene).let_meet(self.workers)
        seats = self.workers[len(self.workers) - min(scene.seats, len(self.workers)) :] if scene.seats else []
        self.engine = Engine(seats, scene, self.clock, self.tally)
        self.events = self.starts = 0
        self._asked = (0, 0)
        self.asked_to_stop = self.calm = False
        self.dying = False
        self._plan_faults()
        self.clock.soon(scene.chaos.until, self._calm_down)
        self.master = self._start()

    # ---- the run

    def run(self) -> int:
        """Go on until the run is over for its user; return its exit code."""
        while not self._is_over():
            self._do(self.clock.next())
            self.events += 1
            self._ask_all()
            if self.clock.now > self.scene.chaos.until + PATIENCE_S:
                raise Violation("every_run_ends", f"{self.clock.now:.0f} s, {self.master.state.counts}")
        self._ask((*OF_THE_MASTER, *OF_ALL, *OF_THE_END))
        return self.master.exit_code or 0

    def _ask_all(self) -> None:
        self._ask(OF_ALL)
        if (self.starts, self.master.turns) != self._asked:
            self._ask(OF_THE_MASTER)
            self._asked = self.starts, self.master.turns
            self.home.fresh.clear()
        self.tally.was_asked_about()

    def _ask(self, invariants: tuple[Invariant, ...]) -> None:
        for invariant in invariants:
            for problem in invariant(self):
                raise Violation(invariant.__name__, f"{problem} (at {self.clock.now:.1f} s)")

    def _do(self, action: Action) -> None:
        """Let something happen, in which a process may be killed."""
        try:
            action()
        except Killed as killed:
            worker = next(one for one in self.workers if one.machine is killed.machine)
            self._kill_agent(worker)
        except MasterKilled:
            self._kill_master()
        except Exception as error:
            raise Violation("no_process_breaks", f"{type(error).__name__}: {error}") from error

    def _is_over(self) -> bool:
        """Return whether the user has what he wants, and gives the command again if he has not."""
        code = self.master.exit_code
        if code is None or self.dying:
            return False
        if code in (0, 1) and all(record.state in ENDED for record in self.master.state.jobs.values()):
            return True
        if code == 4 and self.calm and all(worker.buried for worker in self.workers):
            return True
        if self.starts > MOST_STARTS:
            raise Violation("every_run_ends", f"the command was given {self.starts} times")
        refused = any("--rebuild" in view.reason for view in self.master.state.workers.values())
        self._restart(rebuild=refused)
        return False

    # ---- the master

    def _start(self, *, rebuild: bool = False) -> Master:
        self.starts += 1
        if rebuild:
            self._rebuild()
        master = self.master = Master(self.scene, self.engine, self.home, self.workers, self.tally)
        if not self.asked_to_stop:
            self._plan_stop(master)
        self._do(master.begin)
        return self.master

    def _rebuild(self) -> None:
        """Give the run an epoch that no agent refuses, as `rebuilding.rebuild` does."""
        known = max((result.epoch for result in self.home.results.values()), default=0)
        self.home.new_epoch(after=known + EPOCH_GAP)

    def _plan_stop(self, master: Master) -> None:
        for at, event in ((self.scene.stop_at, ev.StopRequested), (self.scene.cancel_at, ev.CancelRequested)):
            if at is not None:
                self.clock.soon(max(0.0, at - self.clock.now), lambda event=event: self._stop(master, event))

    def _stop(self, master: Master, event: type[ev.StopRequested] | type[ev.CancelRequested]) -> None:
        if master is self.master and not self.asked_to_stop:
            self.asked_to_stop = True
            master.ask(event(self.clock.now))

    def _restart(self, *, rebuild: bool = False) -> None:
        self.master.die()
        self.dying = True

        def again() -> None:
            self.dying = False
            self._start(rebuild=rebuild)

        self.clock.soon(self.clock.random.uniform(0.1, 20), again)

    def _kill_master(self) -> None:
        self.tally.faults["the master is killed"] += 1
        self._restart()

    def _has_ended(self, job_id: str) -> bool:
        """Return whether the journal says that a job has ended, or that an outcome is on its way."""
        if job_id.partition("/")[2] in self.home.store:
            return True
        last = next((item for item in reversed(self.home.journal) if item.job_id == job_id), None)
        return last is not None and (last.state in ENDED or last.state is State.COLLECTING)

    # ---- what goes wrong

    def _plan_faults(self) -> None:
        chaos = self.scene.chaos
        for worker in self.workers:
            for name, fault, every_s in (
                ("a link is cut", self._cut, chaos.cut_every_s),
                ("a link stays away", self._silence, chaos.silent_every_s),
                ("an agent is killed", self._light_fuse, chaos.killed_every_s),
                ("a machine goes down", self._lose_power, chaos.power_every_s),
                ("a spool is lost", self._lose_spool, chaos.spool_every_s),
                ("a disk is full", self._fill_disk, chaos.full_every_s),
                ("a work directory is wiped", Worker.wipe, chaos.wiped_every_s),
                ("bits rot in a cache", Worker.rot, chaos.rot_every_s),
                ("bits rot in an outcome", Worker.rot_results, chaos.rotten_results_every_s),
                ("a user gives an order", self._order, chaos.ordered_every_s),
            ):
                self._every(every_s, name, lambda fault=fault, worker=worker: fault(worker))
            self._every_10_s(worker)
            if self.scene.prune:
                self._tell_progress(worker)
        self._every(chaos.rotten_store_every_s, "bits rot at home", self._rot_store)
        self._every(chaos.master_dies_every_s, "the master is to die", self._end_master)
        self._every(chaos.ordered_every_s, "a user orders something of jobs", self._order_of_jobs)
        self._every(chaos.rolled_back_every_s, "the journal is rolled back", self._roll_back)
        self.clock.every(60.0, self.home.copy_journal, until=lambda: self.clock.now >= chaos.until)

    def _every_10_s(self, worker: Worker) -> None:
        """Let an agent look around, as it does now and then."""
        self.clock.soon(10.0, lambda: self._every_10_s(worker))
        worker.look_around()

    def _tell_progress(self, worker: Worker) -> None:
        """Let the jobs of a worker say how far they have come."""

        def tell() -> None:
            tell_progress(self, worker)
            self._tell_progress(worker)

        self.clock.soon(EVERY_S, tell)

    def _every(self, mean_s: float, name: str, fault: Action) -> None:
        def strike() -> None:
            self.tally.faults[name] += 1
            fault()

        if mean_s < inf:
            self.clock.every(mean_s, strike, until=lambda: self.clock.now >= self.scene.chaos.until)

    def _link(self, worker: Worker) -> None:
        """Let the link notice that nobody answers any more."""
        name = worker.name

        def notice() -> None:
            if link := self.master.links.get(name):
                link.cut("silent")

        self.clock.soon(self.clock.random.uniform(0, 20), notice)

    def _cut(self, worker: Worker) -> None:
        if link := self.master.links.get(worker.name):
            link.cut()

    def _order(self, worker: Worker) -> None:
        self.master.ask(some_order(self.clock.random, worker.name, self.clock.now, self._pool_of(worker)))

    def _pool_of(self, worker: Worker) -> str:
        return POOL if worker.name in self.engine.seats else ""

    def _silence(self, worker: Worker) -> None:
        worker.away_until = self.clock.now + self.clock.random.expovariate(1 / 60)
        self._cut(worker)

    def _light_fuse(self, worker: Worker) -> None:
        worker.machine.fuse = self.clock.random.randrange(8)

    def _kill_agent(self, worker: Worker) -> None:
        worker.die()
        self._link(worker)

    def _lose_power(self, worker: Worker, *, spool: bool = False) -> None:
        if not worker.is_on:
            return
        if worker.name in self.engine.seats:
            self.engine.end(worker.name)
            self._link(worker)
            return
        worker.lose_power(spool=spool)
        worker.buried = self.clock.random.random() < self.scene.chaos.buried
        self._link(worker)
        if not worker.buried:
            self.clock.soon(self.clock.random.expovariate(1 / 40), lambda: self._boot(worker))

    def _lose_spool(self, worker: Worker) -> None:
        self._lose_power(worker, spool=True)

    def _boot(self, worker: Worker) -> None:
        worker.is_on = True

    def _fill_disk(self, worker: Worker) -> None:
        machine = worker.machine
        machine.disk_is_full = True

        def empty() -> None:
            machine.disk_is_full = False

        self.clock.soon(self.clock.random.uniform(1, 60), empty)

    def _rot_store(self) -> None:
        if self.home.store:
            self.home.store[self.clock.random.choice(sorted(self.home.store))].is_rotten = True

    def _end_master(self) -> None:
        self.home.fuse = self.clock.random.randrange(6)

    def _order_of_jobs(self) -> None:
        if not self.dying and self.master.exit_code is None:
            jobs = sorted(self.master.state.jobs)
            self.master.ask(of_jobs(self.clock.random, jobs, self.clock.now))

    def _roll_back(self) -> None:
        if not self.dying:
            self._restart()
            self.tally.cancelled.clear()
            self.home.roll_back(self.clock.random.choice)

    def _calm_down(self) -> None:
        """Nothing goes wrong any more, and what did is mended, but for what is gone for good."""
        self.calm, self.home.fuse = True, None
        for worker in self.workers:
            worker.machine.calm, worker.machine.fuse = True, None
            worker.away_until = 0.0
        if self.scene.chaos.ordered_every_s < inf:
            self._let_all_back()

    def _let_all_back(self) -> None:
        """Let the user want all workers again: he says it until the master has heard it."""
        pools = {worker.name: self._pool_of(worker) for worker in self.workers}
        for event in all_back(pools, self.clock.now):
            self.master.ask(event)
        self.clock.soon(60.0, self._let_all_back)
