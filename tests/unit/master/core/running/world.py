"""What surrounds the core in a simulated run: time, a bad network, workers that die, a slow courier."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from random import Random

from master.core.planning.plan import BASE_MODELS, base_model_job_id
from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.policy import Policy
from master.core.running.records import RunState
from tests.unit.master.core.running.agents import Agent, Chaos, Key, Link, Said

CORES = 4
DEFAULT_CHAOS = Chaos()
DEFAULT_POLICY = Policy(lease_s=60.0, give_up_s=3000.0)


@dataclass(frozen=True)
class Scene:
    """What is to be done, by whom, and what happens to it."""

    workers: int
    slots: int
    jobs: int
    bases: int
    chaos: Chaos = DEFAULT_CHAOS
    policy: Policy = DEFAULT_POLICY
    mean_s: float = 60.0
    generations: int = 1
    """With more of them, base models start from others: each has up to two children."""
    demanding: bool = False
    """Jobs need cores, every third one a label that every second worker has, and some come first."""
    same_bytes: bool = False
    """A base model that is trained again comes out the same."""
    stop_at: float | None = None
    cancel_at: float | None = None


class World:
    """Everything but the master; `tell` is how it hears of things."""

    state: RunState

    def __init__(self, scene: Scene, random: Random) -> None:
        self.scene, self.random = scene, random
        self.now = 0.0
        self.order = count()
        self.heap: list[tuple[float, int, Callable[[], None]]] = []
        self.agents = {f"w{n}": Agent(f"w{n}", scene.slots, self._is_brief) for n in range(scene.workers)}
        self.links: dict[str, Link] = {}
        self.away: dict[str, float] = {}
        self.store: dict[str, str] = {}
        self.published: dict[str, int] = {}
        """Job → attempt whose outcome is home."""
        self.ever_made: set[str] = set()
        self.damages: Counter[str] = Counter()
        self.under_way: set[Key] = set()
        self.lives = self.connections = 0
        self.dying = ""
        for name in self.agents:
            self._plan_fault(name)
        self.every(scene.chaos.damage_rate, self._damage)

    def tell(self, event: ev.Event, worker: str = "", spool: int = 0, seq: int = 0) -> None:
        raise NotImplementedError

    # ---- time ----------------------------------------------------------------------------------------------

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self.heap, (self.now + seconds, next(self.order), action))

    def every(self, rate: float, action: Callable[[], None]) -> None:
        """Do something again and again at random times, until nothing more goes wrong."""
        if not rate:
            return
        wait_s = self.random.expovariate(rate)

        def act() -> None:
            action()
            self.every(rate, action)

        if self.now + wait_s < self.scene.chaos.until:
            self.later(wait_s, act)

    def soon(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something later, unless the master dies before."""
        life = self.lives

        def act() -> None:
            if life == self.lives:
                action()

        self.later(seconds, act)

    # ---- the courier ---------------------------------------------------------------------------------------

    def content(self, job_id: str, attempt: int) -> str:
        return job_id if self.scene.same_bytes else f"{job_id}#{attempt}"

    def collect(self, command: cmd.Collect) -> None:
        key = command.job_id, command.attempt
        link, agent = self.links[command.worker], self.agents[command.worker]
        self.under_way.discard(key)
        if not link.up:
            return
        attempt = agent.attempts.get(key)
        failed = attempt is None or attempt.end is None or not attempt.end.succeeded
        taken = self.published.get(command.job_id, command.attempt) != command.attempt
        if failed or taken or self.hits(self.scene.chaos.collect_fail):
            self.tell(ev.CollectionFailed(self.now, *key, "cannot be had"))
            return
        content = self.content(*key)
        self.published[command.job_id] = command.attempt
        if makes := self.state.jobs[command.job_id].job.makes:
            self.store[makes] = content
        self.tell(ev.Collected(self.now, *key, content))
        if self.hits(self.scene.chaos.duplicate):
            self.soon(5.0, lambda: self.tell(ev.Collected(self.now, *key, content)))

    def deliver(self, worker: str, content_hash: str, number: int) -> None:
        link = self.links[worker]
        if not link.up or link.number != number:
            return
        if content_hash not in self.store.values() or self.hits(self.scene.chaos.delivery_fail):
            self.tell(ev.DeliveryFailed(self.now, worker, content_hash, "no space left"))
            return
        self.tell(ev.Delivered(self.now, worker, content_hash))
        if self.hits(self.scene.chaos.delivery_fail):
            self.tell(ev.DeliveryFailed(self.now, worker, content_hash, "damaged on the way"))
        else:
            self.send(worker, lambda agent: agent.delivered(content_hash))

    def _damage(self) -> None:
        if self.store and not self.dying:
            spec = self.random.choice(sorted(self.store))
            job_id = base_model_job_id(spec)
            if spec in self.state.home and self.published.get(job_id, 0) <= self._collected(job_id):
                del self.store[spec]
                self.published.pop(job_id, None)
                self.damages[spec] += 1
                self.tell(ev.BaseModelDamaged(self.now, spec))

    def _collected(self, job_id: str) -> int:
        return self.state.jobs[job_id].collected if job_id in self.state.jobs else 10**6

    # ---- the network ---------------------------------------------------------------------------------------

    def hits(self, chance: float) -> bool:
        return self.scene.chaos.hits(self.random, self.now, chance)

    def _is_brief(self) -> bool:
        return self.hits(self.scene.chaos.brief)

    def connect(self, name: str) -> None:
        """Reach a worker's agent, or try again later."""
        agent, link = self.agents[name], self.links[name]
        if link.up:
            return
        if not agent.alive or self.away.get(name, 0.0) > self.now:
            self.tell(ev.WorkerLost(self.now, name, "no route to host"))
            self.soon(self.random.uniform(1, 30), lambda: self.connect(name))
            return
        self.connections += 1
        link.number, link.up, link.last_down, link.last_up = self.connections, True, self.now, self.now
        agent.hello()
        if agent.spool != link.spool or not link.acked:
            first = agent.unacknowledged[0].seq if agent.unacknowledged else agent.seq + 1
            link.spool, link.received, link.acked = agent.spool, set(), first - 1
        snapshot = frozenset(agent.attempts)
        up = ev.WorkerUp(self.now, name, agent.slots, attempts=snapshot, cached=frozenset(agent.cache))
        self.tell(replace(up, cores=CORES) if self.scene.demanding else up)
        self._flush(agent)

    def break_link(self, name: str) -> None:
        link = self.links[name]
        if link.up:
            link.up = False
            self.tell(ev.WorkerLost(self.now, name, "broken pipe"))
            self.soon(self.random.uniform(1, 5), lambda: self.connect(name))

    def _arrivals(self, last: float) -> tuple[list[float], float]:
        """Return when a message arrives, none if it is lost, and when the last in order has come."""
        if self.hits(self.scene.chaos.message_loss):
            return [], last
        if self.hits(self.scene.chaos.reorder):
            return [self.now + self.random.uniform(0, 3)], last
        last = max(last, self.now + self.random.uniform(0.001, 0.05))
        twice = self.hits(self.scene.chaos.duplicate)
        return [last, self.now + self.random.uniform(0.1, 3)] if twice else [last], last

    def send(self, name: str, action: Callable[[Agent], object]) -> None:
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
            self.soon(at - self.now, arrive)

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
            self.soon(at - self.now, arrive)

    def _event(self, name: str, said: Said) -> ev.Event:
        where = (self.now, name, *said.key)
        if said.end is not None:
            return ev.AttemptFinished(*where, said.end)
        return (ev.AttemptStarted if said.kind == "running" else ev.AttemptStaging)(*where)

    # ---- the workers ---------------------------------------------------------------------------------------

    def _exit_later(self, agent: Agent, key: Key, seconds: float) -> None:
        attempt = agent.attempts[key]

        def leave() -> None:
            if agent.alive and agent.attempts.get(key) is attempt and attempt.phase == "running":
                outcome = self._outcome(attempt.cancelled)
                if outcome == "succeeded" and key[0].startswith(BASE_MODELS):
                    self.ever_made.add(self.content(*key))
                    agent.delivered(self.content(*key))
                said = self._said() if outcome == "failed" else {}
                agent.exit(key, outcome, {"duration_s": seconds, **said, **self._left(outcome)})
                self._flush(agent)

        self.later(seconds, leave)

    def _said(self) -> dict[str, object]:
        """Return the last words of an attempt that failed."""
        no_module = f"ModuleNotFoundError: No module named '{self.random.choice('ab')}'"
        is_hopeless = self.random.random() < self.scene.chaos.hopeless
        return {"exit_code": 1, "stderr_tail": no_module if is_hopeless else "ValueError: nan"}

    def _left(self, outcome: str) -> dict[str, object]:
        if outcome == "succeeded" or self.random.random() >= self.scene.chaos.checkpoint:
            return {}
        return {"checkpoint": {"content_hash": "c", "files": []}}

    def collect_failed(self, command: cmd.CollectFailedAttempt) -> None:
        """Bring home what an attempt in vain left, then let the worker forget it."""
        link, key = self.links[command.worker], (command.job_id, command.attempt)
        number = link.number

        def arrive() -> None:
            if not link.up or link.number != number:
                return
            self.send(command.worker, lambda agent: agent.release(key))
            if command.finished.checkpoint and not self.hits(self.scene.chaos.checkpoint_lost):
                self.tell(ev.CheckpointSettled(self.now, *key))

        self.soon(self.random.uniform(0, 10), arrive)

    def _outcome(self, cancelled: bool) -> str:
        if cancelled:
            return "cancelled"
        chance = self.random.random()
        if chance < self.scene.chaos.fail:
            return self.random.choice(["failed", "timeout", "refused"])
        if self.hits(self.scene.chaos.worker_fault):
            return "worker_fault"
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
        agent.buried = agent.buried or self.hits(self.scene.chaos.bury)
        if self.hits(self.scene.chaos.wipe):
            agent.wipe()
        self.soon(self.random.uniform(0, 20), lambda: self.break_link(name))
        if not agent.buried:
            self.later(self.random.uniform(5, 200), lambda: self._boot(agent))

    def _boot(self, agent: Agent) -> None:
        if not agent.alive and not agent.buried:
            agent.boot()
            self.break_link(agent.name)
