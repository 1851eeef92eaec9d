"""A model of the agents and of the links to them, for the simulation of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.support.endings import finished
from worker_agent.protocol.outcome import Finished

Key = tuple[str, int]


@dataclass(frozen=True)
class Chaos:
    """What goes wrong, in a run of one seed.  Rates are events a second for each worker."""

    fail: float = 0.03
    """Of the attempts."""
    requeue: float = 0.02
    break_rate: float = 1 / 200
    """Links that break and come back."""
    silence_rate: float = 1 / 1500
    """Links that stay away, at times for longer than a lease."""
    death_rate: float = 1 / 1500
    wipe: float = 0.3
    """Of the deaths: the disk is lost too."""
    bury: float = 0.1
    """Of the deaths: for good."""
    message_loss: float = 0.01
    """A lost message breaks the link."""
    duplicate: float = 0.03
    reorder: float = 0.05
    delivery_fail: float = 0.03
    collect_fail: float = 0.005
    damage_rate: float = 0.0
    """Base models of the store that turn out to be damaged, a second."""
    crash_rate: float = 0.0
    """Deaths of the master, a second."""
    until: float = 1500.0
    """Seconds after which nothing more goes wrong."""
    checkpoint: float = 0.5
    """Of the attempts in vain: they leave something to go on from."""
    checkpoint_lost: float = 0.1
    """Of these: nothing is ever heard of it."""
    hopeless: float = 0.0
    """Of the failures: the same worker would fail again in the same way."""
    brief: float = 0.2
    """Of the attempts: that they have begun is told by their end alone."""
    worker_fault: float = 0.0
    """Of the attempts: the worker's place is bad."""

    def hits(self, random: Random, now: float, chance: float) -> bool:
        return now < self.until and random.random() < chance


@dataclass
class Attempt:
    """One try on an agent."""

    needs: str
    """Content hash of the base model, empty for none."""
    phase: str = "queued"
    staged: bool = False
    cancelled: bool = False
    untold: bool = False
    """Nobody was told that it runs."""
    end: Finished | None = None


@dataclass(frozen=True)
class Said:
    """An event of an agent."""

    seq: int
    kind: str
    key: Key
    end: Finished | None = None


class Agent:
    """What a worker's agent does, by the rules of `worker_agent/protocol/messages.py`."""

    def __init__(self, name: str, slots: int, is_brief: Callable[[], bool] = lambda: False) -> None:
        """`is_brief` says whether the next attempt ends before anybody is told that it has begun."""
        self.name, self.slots, self.is_brief = name, slots, is_brief
        self.alive = self.buried = False
        self.spool = 0
        """Grows when the disk is lost: events are numbered anew."""
        self.wipe()
        self.alive = True

    def wipe(self) -> None:
        """Lose the disk."""
        self.spool += 1
        self.seq, self.acked = 0, 0
        self.unacknowledged: list[Said] = []
        self.attempts: dict[Key, Attempt] = {}
        self.released: dict[str, int] = {}
        self.cache: set[str] = set()
        self.wanted: set[str] = set()
        self.starts: list[Key] = []
        self.outgoing: list[Said | str] = []
        """Events, and the content hashes that are wanted."""

    def die(self) -> None:
        """The machine goes down with all that runs."""
        self.alive = False

    def boot(self) -> None:
        """The agent starts again and finds its attempts lost."""
        self.alive = True
        self.wanted.clear()
        for key, attempt in self.attempts.items():
            if attempt.phase != "finished":
                self._end(key, "lost")

    def hello(self) -> None:
        """Say again what has not been acknowledged and what is wanted."""
        for key, attempt in self.attempts.items():
            if attempt.phase == "running" and attempt.untold:
                attempt.untold = False
                self._say("running", key)
        self.outgoing = list(self.unacknowledged)
        self.outgoing += [name for name in sorted(self.wanted) if self._waits_for(name)]

    def _waits_for(self, content_hash: str) -> bool:
        return any(a.phase == "queued" and a.needs == content_hash for a in self.attempts.values())

    def launch(self, key: Key, needs: str) -> None:
        if key in self.attempts or key[1] <= self.released.get(key[0], 0):
            return
        attempt = self.attempts[key] = Attempt(needs)
        if needs and needs not in self.cache:
            self._say("staging", key)
            if needs not in self.wanted:
                self.wanted.add(needs)
                self.outgoing.append(needs)
        attempt.staged = True
        self.fill()

    def cancel(self, key: Key) -> None:
        attempt = self.attempts.get(key)
        if attempt and attempt.phase == "queued":
            self._end(key, "cancelled")
        elif attempt and attempt.phase == "running":
            attempt.cancelled = True

    def withdraw(self, key: Key) -> None:
        if key in self.attempts and self.attempts[key].phase == "queued":
            self._end(key, "cancelled")

    def release(self, key: Key) -> None:
        if key in self.attempts and self.attempts[key].phase == "finished":
            del self.attempts[key]
            self.released[key[0]] = max(key[1], self.released.get(key[0], 0))

    def ack(self, seq: int) -> None:
        self.unacknowledged = [said for said in self.unacknowledged if said.seq > seq]

    def delivered(self, content_hash: str) -> None:
        self.cache.add(content_hash)
        self.wanted.discard(content_hash)
        self.fill()

    def fill(self) -> None:
        """Start what has all that it needs, for as long as slots are free."""
        free = self.slots - sum(a.phase == "running" for a in self.attempts.values())
        for key, attempt in self.attempts.items():
            if free <= 0:
                return
            if attempt.phase == "queued" and (not attempt.needs or attempt.needs in self.cache):
                attempt.phase = "running"
                free -= 1
                self.starts.append(key)
                attempt.untold = self.is_brief()
                if not attempt.untold:
                    self._say("running", key)

    def exit(self, key: Key, outcome: str, detail: Mapping[str, Any]) -> None:
        """A process ended."""
        self._end(key, outcome, {"started_at": 1.0, **detail})
        self.fill()

    def _end(self, key: Key, outcome: str, detail: Mapping[str, Any] | None = None) -> None:
        attempt = self.attempts[key]
        attempt.phase = "finished"
        attempt.end = finished(outcome, **(detail or {}))
        self._say("finished", key, attempt.end)

    def _say(self, kind: str, key: Key, end: Finished | None = None) -> None:
        self.seq += 1
        said = Said(self.seq, kind, key, end)
        self.unacknowledged.append(said)
        self.outgoing.append(said)


@dataclass
class Link:
    """The master's end of the connection to an agent."""

    number: int = 0
    """Of the connection; what belongs to an older one is lost or late."""
    last_down: float = 0.0
    last_up: float = 0.0
    """When the messages on their way arrive, in either direction."""
    up: bool = False
    spool: int = 0
    received: set[int] = field(default_factory=set)
    acked: int = 0

    def take(self, spool: int, seq: int) -> int:
        """Return up to where events have come without a gap."""
        if spool != self.spool:
            return 0
        self.received.add(seq)
        while self.acked + 1 in self.received:
            self.acked += 1
            self.received.discard(self.acked)
        return self.acked
