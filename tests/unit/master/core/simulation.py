"""A whole run in simulated time: the core between model agents, a bad network, a slow courier and a mortal master.

A message may be repeated, overtaken, or lost; one that is lost breaks its link, which comes back.  Whatever the
core says is checked as it says it; `Simulation.run` raises AssertionError where a promise is broken.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from random import Random

from master.core import commands as cmd
from master.core import events as ev
from master.core.lifecycle import ENDED, WITH_A_WORKER, State, Trigger
from master.core.placement import lookahead
from master.core.plan import Plan, Task, base_model_task_id
from master.core.records import Outbox, Policy, RunState, WorkerView
from master.core.recovery import recover
from master.core.run_state import begin, step
from tests.unit.master.core.agents import Agent, Chaos, Key, Link, Said

TICK_S = 5.0
PATIENCE_S = 40_000.0
"""After the last fault; a run that has not ended by then hangs."""


@dataclass(frozen=True)
class Scene:
    """What is to be done, by whom, and what happens to it."""

    workers: int
    slots: int
    jobs: int
    bases: int
    chaos: Chaos = Chaos()
    policy: Policy = Policy(lease_s=60.0, give_up_s=3000.0)
    mean_s: float = 60.0
    same_bytes: bool = False
    """A base model that is trained again comes out the same."""
    stop_at: float | None = None
    cancel_at: float | None = None


class Simulation:
    """One run of a scene; the same seed gives the same run."""

    def __init__(self, scene: Scene, seed: int) -> None:
        self.scene, self.random = scene, Random(seed)
        self.now, self.steps, self.turns = 0.0, 0, 0
        self.order = count()
        self.heap: list[tuple[float, int, Callable[[], None]]] = []
        self.agents = {f"w{n}": Agent(f"w{n}", scene.slots) for n in range(scene.workers)}
        self.away: dict[str, float] = {}
        self.specs = [f"base{n}" for n in range(scene.bases)]
        self.jobs = [self._job(n) for n in range(scene.jobs)]
        self.store: dict[str, str] = {}
        self.published: dict[str, int] = {}
        """Task → attempt whose outcome is home."""
        self.ever_home: set[str] = set()
        self.ever_made: set[str] = set()
        self.committed: Counter[str] = Counter()
        self.damages: Counter[str] = Counter()
        self.journal: list[cmd.Transition] = []
        self.exit_code: int | None = None
        self.finishes = self.crashes = self.lives = self.connections = 0
        self.stopped = False
        for name in self.agents:
            self._plan_fault(name)
        self._every(scene.chaos.damage_rate, self._damage)
        self._every(scene.chaos.crash_rate, self._crash)
        self.start_master()

    def _job(self, number: int) -> Task:
        needs = self.specs[number % len(self.specs)] if self.specs and number % 10 else None
        return Task(f"job{number}", phase=2, needs=needs, kind="job")

    # ---- time ----------------------------------------------------------------------------------------------

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self.heap, (self.now + seconds, next(self.order), action))

    def _every(self, rate: float, action: Callable[[], None]) -> None:
        """Do something again and again at random times, until nothing more goes wrong."""
        if not rate:
            return
        wait_s = self.random.expovariate(rate)

        def act() -> None:
            action()
            self._every(rate, action)

        if self.now + wait_s < self.scene.chaos.until:
            self.later(wait_s, act)

    def run(self) -> int:
        """Return the exit code of the run."""
        while self.exit_code is None:
            self.now, _, action = heapq.heappop(self.heap)
            assert self.now < self.scene.chaos.until + PATIENCE_S, f"hangs: {self._what_hangs()}"
            action()
        self._check_end()
        return self.exit_code

    def _what_hangs(self) -> str:
        records = [r for r in self.state.tasks.values() if r.state not in ENDED]
        lines = [f"{r.task.task_id} {r.state.value} {r.history[-9:]} {r.given_up}" for r in records[:5]]
        return f"{len(records)} tasks, {dict(self.state.counts)}\n" + "\n".join(lines)

    # ---- the master ----------------------------------------------------------------------------------------

    def plan(self) -> Plan:
        wanted = dict.fromkeys(task.needs for task in self.jobs if task.needs)
        missing = [spec for spec in wanted if spec not in self.store]
        phase1 = [Task(base_model_task_id(s), phase=1, makes=s, kind="base model") for s in missing]
        held = {spec: self.store[spec] for spec in wanted if spec in self.store}
        return Plan((*phase1, *self.jobs), held)

    def recovered(self) -> RunState:
        return recover(self.plan(), self.scene.policy, list(self.agents), self.journal)

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
        for task_id, attempt in self.published.items():
            if task_id in self.state.tasks and self.state.tasks[task_id].state is not State.SUCCEEDED:
                self.tell(ev.Collected(self.now, task_id, attempt, self._content(task_id, attempt)))
        for name in self.agents:
            self._soon(self.random.uniform(0, 3), lambda name=name: self.connect(name))  # type: ignore[misc]
        self._soon(TICK_S, self._tick)
        if self.scene.stop_at is not None and not self.stopped:
            self._soon(max(0.0, self.scene.stop_at - self.now), self._stop)
        if self.scene.cancel_at is not None and not self.stopped:
            self._soon(max(0.0, self.scene.cancel_at - self.now), self._cancel)

    def _soon(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something later, unless the master dies before."""
        life = self.lives

        def act() -> None:
            if life == self.lives:
                action()

        self.later(seconds, act)

    def _stop(self) -> None:
        self.stopped = True
        self.tell(ev.StopRequested(self.now))

    def _cancel(self) -> None:
        self.stopped = True
        self.tell(ev.CancelRequested(self.now))

    def _tick(self) -> None:
        self.tell(ev.Tick(self.now))
        self._soon(TICK_S, self._tick)

    def _crash(self) -> None:
        self.dying = self.random.choice(["before the journal", "after the journal"])

    def tell(self, event: ev.Event, worker: str = "", spool: int = 0, seq: int = 0) -> None:
        self.inbox.append((event, worker, spool, seq))
        if not self.turning:
            self.turning = True
            self._soon(self.random.uniform(0, 0.02), self._turn)

    def _turn(self) -> None:
        """Take in what has come, remember it, then act on it; the master may die in between."""
        batch, self.inbox, self.turning = self.inbox, [], False
        outboxes = [self._step(event) for event, *_ in batch]
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
                self._send(worker, lambda agent, n=upto, s=spool: agent.spool == s and agent.ack(n))
        self.turns += 1
        if self.turns % max(20, self.scene.jobs) == 0:
            self._check_recovery()

    def _step(self, event: ev.Event) -> Outbox:
        self.steps += 1
        out = step(self.state, event)
        for transition in out.transitions:
            if transition.trigger is Trigger.ASSIGN:
                self._check_room(self.state.workers[transition.worker or ""])
        return out

    def _note(self, out: Outbox) -> None:
        """Write the journal, and check that it tells of nothing twice."""
        for transition in out.transitions:
            task = self.state.tasks[transition.task_id].task
            if transition.trigger is Trigger.COLLECT:
                self.committed[task.task_id] += 1
                allowed = 1 + (self.damages[task.makes] if task.makes else 0)
                assert self.committed[task.task_id] <= allowed, f"{task.task_id} is recorded twice"
                if task.makes:
                    self.ever_home.add(task.makes)
            if transition.trigger in (Trigger.ASSIGN, Trigger.START) and task.needs:
                assert task.needs in self.ever_home, f"{task.task_id} comes before its base model"
        self.journal += out.transitions

    def _carry_out(self, outboxes: Iterable[Outbox]) -> None:
        for out in outboxes:
            for command in out.commands:
                self._execute(command)

    def _execute(self, command: cmd.Command) -> None:
        match command:
            case cmd.Launch(worker, task_id, attempt):
                record = self.state.tasks[task_id]
                if record.attempt == attempt:
                    base = record.base
                    self._send(worker, lambda agent: agent.launch((task_id, attempt), base))
            case cmd.Cancel(worker, task_id, attempt):
                self._send(worker, lambda agent: agent.cancel((task_id, attempt)))
            case cmd.Recall(worker, task_id, attempt):
                self._send(worker, lambda agent: agent.recall((task_id, attempt)))
            case cmd.Release(worker, task_id, attempt) | cmd.Salvage(worker, task_id, attempt):
                self._send(worker, lambda agent: agent.release((task_id, attempt)))
            case cmd.Collect(worker, task_id, attempt):
                if (task_id, attempt) not in self.under_way:
                    self.under_way.add((task_id, attempt))
                    self._soon(self.random.uniform(0, 4), lambda: self._collect(command))
            case cmd.Deliver(worker, content_hash):
                number = self.links[worker].number
                self._soon(self.random.uniform(0, 6), lambda: self._deliver(worker, content_hash, number))
            case cmd.Finish(exit_code):
                self.finishes += 1
                self.exit_code = exit_code

    # ---- the courier ---------------------------------------------------------------------------------------

    def _content(self, task_id: str, attempt: int) -> str:
        return task_id if self.scene.same_bytes else f"{task_id}#{attempt}"

    def _collect(self, command: cmd.Collect) -> None:
        key = command.task_id, command.attempt
        link, agent = self.links[command.worker], self.agents[command.worker]
        self.under_way.discard(key)
        if not link.up:
            return
        attempt = agent.attempts.get(key)
        failed = attempt is None or attempt.detail.get("outcome") != "succeeded"
        taken = self.published.get(command.task_id, command.attempt) != command.attempt
        if failed or taken or self._hits(self.scene.chaos.collect_fail):
            self.tell(ev.CollectFailed(self.now, *key, "cannot be had"))
            return
        content = self._content(*key)
        self.published[command.task_id] = command.attempt
        if makes := self.state.tasks[command.task_id].task.makes:
            self.store[makes] = content
            self.ever_made.add(content)
        self.tell(ev.Collected(self.now, *key, content))
        if self._hits(self.scene.chaos.duplicate):
            self._soon(5.0, lambda: self.tell(ev.Collected(self.now, *key, content)))

    def _deliver(self, worker: str, content_hash: str, number: int) -> None:
        link = self.links[worker]
        if not link.up or link.number != number:
            return
        if content_hash not in self.store.values() or self._hits(self.scene.chaos.delivery_fail):
            self.tell(ev.DeliveryFailed(self.now, worker, content_hash, "no space left"))
            return
        self.tell(ev.Delivered(self.now, worker, content_hash))
        if self._hits(self.scene.chaos.delivery_fail):
            self.tell(ev.DeliveryFailed(self.now, worker, content_hash, "damaged on the way"))
        else:
            self._send(worker, lambda agent: agent.delivered(content_hash))

    def _damage(self) -> None:
        if self.store and not self.dying:
            spec = self.random.choice(sorted(self.store))
            task_id = base_model_task_id(spec)
            if spec in self.state.home and self.published.get(task_id, 0) <= self._collected(task_id):
                del self.store[spec]
                self.published.pop(task_id, None)
                self.damages[spec] += 1
                self.tell(ev.BaseModelDamaged(self.now, spec))

    def _collected(self, task_id: str) -> int:
        return self.state.tasks[task_id].collected if task_id in self.state.tasks else 10**6

    # ---- the network ---------------------------------------------------------------------------------------

    def _hits(self, chance: float) -> bool:
        return self.scene.chaos.hits(self.random, self.now, chance)

    def connect(self, name: str) -> None:
        """Reach a worker's agent, or try again later."""
        agent, link = self.agents[name], self.links[name]
        if link.up:
            return
        if not agent.alive or self.away.get(name, 0.0) > self.now:
            self.tell(ev.WorkerLost(self.now, name, "no route to host"))
            self._soon(self.random.uniform(1, 30), lambda: self.connect(name))
            return
        self.connections += 1
        link.number, link.up, link.last_down, link.last_up = self.connections, True, self.now, self.now
        agent.hello()
        if agent.spool != link.spool or not link.acked:
            first = agent.unacknowledged[0].seq if agent.unacknowledged else agent.seq + 1
            link.spool, link.received, link.acked = agent.spool, set(), first - 1
        snapshot = frozenset(agent.attempts)
        self.tell(
            ev.WorkerUp(
                self.now, name, agent.slots, attempts=snapshot, cached=frozenset(agent.cache)
            )
        )
        self._flush(agent)

    def break_link(self, name: str) -> None:
        link = self.links[name]
        if link.up:
            link.up = False
            self.tell(ev.WorkerLost(self.now, name, "broken pipe"))
            self._soon(self.random.uniform(1, 5), lambda: self.connect(name))

    def _arrivals(self, last: float) -> tuple[list[float], float]:
        """Return when a message arrives, none if it is lost, and when the last in order has come."""
        if self._hits(self.scene.chaos.message_loss):
            return [], last
        if self._hits(self.scene.chaos.reorder):
            return [self.now + self.random.uniform(0, 3)], last
        last = max(last, self.now + self.random.uniform(0.001, 0.05))
        twice = self._hits(self.scene.chaos.duplicate)
        return [last, self.now + self.random.uniform(0.1, 3)] if twice else [last], last

    def _send(self, name: str, action: Callable[[Agent], object]) -> None:
        link, agent = self.links[name], self.agents[name]
        if not link.up:
            return
        number = link.number
        arrivals, link.last_down = self._arrivals(link.last_down)
        if not arrivals:
            self.break_link(name)

        def arrive() -> None:
            if agent.alive and self.links[name].number == number:
                action(agent)
                self._flush(agent)

        for at in arrivals:
            self._soon(at - self.now, arrive)

    def _flush(self, agent: Agent) -> None:
        """Let what an agent said travel, and what it started run."""
        said, agent.outgoing = agent.outgoing, []
        for item in said:
            self._report(agent.name, agent.spool, item)
        started, agent.starts = agent.starts, []
        for key in started:
            needs = agent.attempts[key].needs
            assert not needs or needs in self.ever_made, f"{key} starts from nothing"
            seconds = self.random.expovariate(1 / self.scene.mean_s)
            self._exit_later(agent, key, seconds)
        for key, attempt in agent.attempts.items():
            if attempt.cancelled and attempt.phase == "running":
                self._exit_later(agent, key, 1.0)

    def _report(self, name: str, spool: int, item: Said | str) -> None:
        link = self.links[name]
        if not link.up:
            return
        number = link.number
        arrivals, link.last_up = self._arrivals(link.last_up)
        if not arrivals:
            self.break_link(name)

        def arrive() -> None:
            if isinstance(item, Said):
                self.tell(self._event(name, item), name, spool, item.seq)
            elif self.links[name].up and self.links[name].number == number:
                self.tell(ev.ArtefactWanted(self.now, name, item))

        for at in arrivals:
            self._soon(at - self.now, arrive)

    def _event(self, name: str, said: Said) -> ev.Event:
        where = (self.now, name, *said.key)
        if said.kind == "finished":
            return ev.AttemptFinished(*where, str(said.detail["outcome"]), said.detail)
        return (ev.AttemptStarted if said.kind == "running" else ev.AttemptStaging)(*where)

    # ---- the workers ---------------------------------------------------------------------------------------

    def _exit_later(self, agent: Agent, key: Key, seconds: float) -> None:
        attempt = agent.attempts[key]

        def leave() -> None:
            if agent.alive and agent.attempts.get(key) is attempt and attempt.phase == "running":
                agent.exit(key, self._outcome(attempt.cancelled), {"duration_s": seconds})
                self._flush(agent)

        self.later(seconds, leave)

    def _outcome(self, cancelled: bool) -> str:
        if cancelled:
            return "cancelled"
        chance = self.random.random()
        if chance < self.scene.chaos.fail:
            return self.random.choice(["failed", "timeout", "refused"])
        return "requeue" if chance < self.scene.chaos.fail + self.scene.chaos.requeue else "succeeded"

    def _plan_fault(self, name: str) -> None:
        chaos = self.scene.chaos
        rates = {
            self.break_link: chaos.break_rate,
            self._silence: chaos.silence_rate,
            self._kill: chaos.death_rate,
        }
        if not any(rates.values()):
            return
        wait_s = self.random.expovariate(sum(rates.values()))
        (fault,) = self.random.choices(list(rates), list(rates.values()))

        def strike() -> None:
            fault(name)
            self._plan_fault(name)

        if self.now + wait_s < chaos.until:
            self.later(wait_s, strike)

    def _silence(self, name: str) -> None:
        self.away[name] = self.now + self.random.expovariate(1 / 100)
        self.break_link(name)

    def _kill(self, name: str) -> None:
        agent = self.agents[name]
        agent.die()
        agent.buried = agent.buried or self._hits(self.scene.chaos.bury)
        if self._hits(self.scene.chaos.wipe):
            agent.wipe()
        self._soon(self.random.uniform(0, 20), lambda: self.break_link(name))
        if not agent.buried:
            self.later(self.random.uniform(5, 200), lambda: self._boot(agent))

    def _boot(self, agent: Agent) -> None:
        if not agent.alive and not agent.buried:
            agent.boot()
            self.break_link(agent.name)

    # ---- promises ------------------------------------------------------------------------------------------

    def _check_room(self, view: WorkerView) -> None:
        allowed = view.slots - view.foreign + lookahead(view.slots, self.state.mean_duration_s())
        assert len(view.attempts) <= allowed, f"{view.name} has more than its slots hold"

    def _check_recovery(self) -> None:
        """The journal tells all that the master knows."""
        told, live = self.recovered(), self.state
        for task_id, record in live.tasks.items():
            if task_id not in told.tasks:
                assert record.state is State.SUCCEEDED or task_id in self.published
                continue
            told_of, known = _essence(told, task_id), _essence(live, task_id)
            assert told_of == known, f"the journal says {told_of}, the state {known}"
        for name, view in live.workers.items():
            assert told.workers[name].attempts == {k for k in view.attempts if k[0] in told.tasks}
            assert told.workers[name].collecting == {k for k in view.collecting if k[0] in told.tasks}
        check_books(live)

    def _check_end(self) -> None:
        assert self.finishes == 1 and step(self.state, ev.Tick(self.now)) == Outbox()
        self.finishes = 0
        self._check_recovery()
        states = self.state.counts
        for task in self.jobs:
            record = self.state.tasks[task.task_id]
            assert (record.state is State.SUCCEEDED) == (self.committed[task.task_id] == 1)
            if record.state is State.BLOCKED:
                base = self.state.tasks[base_model_task_id(task.needs or "")]
                assert base.state is State.FAILED
        everything_ended = sum(states[state] for state in ENDED) == len(self.state.tasks)
        if self.exit_code in (0, 1):
            assert everything_ended
            assert (self.exit_code == 0) == (states[State.SUCCEEDED] == len(self.state.tasks))
        elif self.exit_code == 4:
            assert not everything_ended
        else:
            assert self.exit_code == 130 and self.stopped


def _essence(state: RunState, task_id: str) -> Mapping[str, object]:
    record = state.tasks[task_id]
    return {
        "task": task_id,
        "state": record.state,
        "attempt": (record.attempt, record.attempts),
        "collected": record.task.makes or record.collected,
        "worker": record.worker,
        "given up": {n: (lost.worker, lost.finished) for n, lost in record.given_up.items()},
        "content": record.content_hash if record.state is State.SUCCEEDED else "",
    }


def check_books(state: RunState) -> None:
    """Check that what is counted and indexed agrees with the records."""
    assert +state.counts == Counter(record.state for record in state.tasks.values())
    assert state.open_phase1 == sum(
        r.task.phase == 1 and r.state not in ENDED for r in state.tasks.values()
    )
    held: dict[str, set[Key]] = {}
    for record in state.tasks.values():
        if record.state in WITH_A_WORKER and record.worker:
            held.setdefault(record.worker, set()).add(record.key)
        if record.state not in (State.READY,):
            assert record.task not in state.ready
    for view in state.workers.values():
        assert view.attempts | view.collecting == held.get(view.name, set())
        assert not view.attempts & view.collecting
