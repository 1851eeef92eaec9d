"""What really happened, written down from the outside: neither master nor agents can read or change it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from worker_agent.protocol.events import EventKind

Key = tuple[str, int]
"""Job and attempt."""


@dataclass
class Execution:
    """A process of a job that has begun."""

    key: Key
    worker: str
    base: str
    """Content hash of the base model that it starts from; empty for none."""
    base_was_checked: bool
    """These bytes were hashed on this machine after they came."""


@dataclass(frozen=True)
class Loss:
    """An attempt that the master gave up without having heard how it ended."""

    key: Key
    worker: str
    silent_s: float
    """How long its worker had not been connected."""
    is_known: bool
    """The agent knew of the attempt."""


@dataclass(frozen=True)
class Thrown:
    """An outcome that a worker deleted."""

    key: Key
    worker: str
    job_had_ended: bool
    """By what the journal said then."""


@dataclass
class Tally:
    """The outside's books.  Lists are emptied once all promises were asked about what is in them."""

    executions: list[Execution] = field(default_factory=list)
    made: dict[Key, set[str]] = field(default_factory=dict)
    """What attempts made: content hashes.  After an older journal a number may be given out again."""
    makers: dict[str, str] = field(default_factory=dict)
    """Which job made what."""
    own_failures: Counter[str] = field(default_factory=Counter)
    """Attempts by job that failed by the script's doing."""
    losses: list[Loss] = field(default_factory=list)
    given_up: set[Key] = field(default_factory=set)
    """The attempts of all losses."""
    thrown: list[Thrown] = field(default_factory=list)
    borrowed: int = 0
    """How often an artefact was taken from a disk that several workers have."""
    passed_on: int = 0
    """How often a worker took an artefact from another one."""
    published: int = 0
    """How often a result was put in its place."""
    damages: Counter[str] = field(default_factory=Counter)
    """How often a base model at home turned out to be damaged, by `spec_hash`."""
    locked: set[str] = field(default_factory=set)
    """Jobs whose base model had to be made again before they could start."""
    uncollectable: set[Key] = field(default_factory=set)
    """Outcomes that could not be had when they were to come home."""
    journalled: set[tuple[str, Key, EventKind]] = field(default_factory=set)
    """Events that the master took in, and whose effects are durable: worker, attempt, kind."""
    acknowledged: list[tuple[str, Key, EventKind]] = field(default_factory=list)
    """Events that agents were told not to say again."""
    started_after_stop: list[str] = field(default_factory=list)
    """Jobs that were given out after the run was told to stop."""
    started_on_held: list[str] = field(default_factory=list)
    """Jobs that were given to workers that a user wanted nothing on."""
    cancelled: set[str] = field(default_factory=set)
    """Jobs that a user has cancelled, by what is durable."""
    not_wanted: dict[str, int] = field(default_factory=dict)
    """By job the last attempt that a user's cancel has ended: neither it nor those before are wanted."""
    ran_though_cancelled: list[str] = field(default_factory=list)
    """What became of such jobs though nobody wanted them again."""
    dismissed: list[str] = field(default_factory=list)
    """Why workers were given up that do no wrong."""
    faults: Counter[str] = field(default_factory=Counter)
    """What went wrong, by kind."""

    def note_made(self, key: Key, content_hash: str) -> None:
        """An attempt has succeeded."""
        self.made.setdefault(key, set()).add(content_hash)
        self.makers[content_hash] = key[0]

    def was_asked_about(self) -> None:
        """Forget what all promises were asked about."""
        for done in (self.executions, self.losses, self.thrown, self.acknowledged, self.dismissed):
            done.clear()
