"""What the head node keeps in a simulated run: journal, results, base models.  It outlives its masters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from master.core.running.commands import Transition
from master.core.running.lifecycle import Trigger
from master.core.running.orders.order import Ordered
from master.storage.rebuilding import Published


class MasterKilled(BaseException):
    """The master was killed; nothing of it may catch this."""


@dataclass
class StoredBaseModel:
    """A base model at home."""

    content_hash: str
    is_rotten: bool = False


@dataclass
class Home:
    """The run directory."""

    journal: list[Transition] = field(default_factory=list)
    orders: list[Ordered] = field(default_factory=list)
    """What users wanted, as the journal has it."""
    known: set[str] = field(default_factory=set)
    """Workers that may have something of the run."""
    epoch: int = 0
    """Of the last start that the journal knows of."""
    copies: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0)])
    """How long the journal was when it was copied, and its epoch then."""
    results: dict[str, Published] = field(default_factory=dict)
    store: dict[str, StoredBaseModel] = field(default_factory=dict)
    """By `spec_hash`."""
    fuse: int | None = None
    """After so many more effects the master is killed."""
    rollbacks: int = 0
    recorded: Counter[str] = field(default_factory=Counter)
    """How often the journal says that a job's outcome has come home."""
    fresh: list[Transition] = field(default_factory=list)
    """Those of it that nobody has looked at yet."""

    def write(self, transitions: list[Transition]) -> None:
        """Make transitions durable."""
        self.journal += transitions
        came = [item for item in transitions if item.trigger is Trigger.COLLECT]
        self.fresh += came
        self.recorded.update(item.job_id for item in came)

    def burn(self) -> None:
        """Something is about to have an effect: the moment for a master to be killed in."""
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                self.fuse = None
                raise MasterKilled

    def copy_journal(self) -> None:
        """Somebody makes a backup."""
        self.copies.append((len(self.journal), self.epoch))

    def roll_back(self, choose: Callable[[list[tuple[int, int]]], tuple[int, int]]) -> None:
        """Somebody puts a backup in the journal's place; the first one is empty."""
        length, self.epoch = choose(self.copies)
        kept = self.journal[:length]
        self.journal, self.recorded = [], Counter()
        self.write(kept)
        self.copies = [copy for copy in self.copies if copy[0] <= length and copy[1] <= self.epoch]
        self.rollbacks += 1

    def new_epoch(self, after: int = 0) -> int:
        """Count a start, as the journal does."""
        self.epoch = max(after, self.epoch) + 1
        return self.epoch

    def specs_of(self, content_hash: str) -> list[str]:
        """Return the base models that have these bytes."""
        return [spec for spec, model in self.store.items() if model.content_hash == content_hash]


@dataclass
class JournalPort:
    """The journal as a master writes it: it may be killed just before or just after."""

    home: Home
    notice: Callable[[list[Transition]], None]
    """Told of what is durable now."""

    def append(self, transitions: Iterable[Transition], orders: Iterable[Ordered] = ()) -> None:
        """Make transitions durable."""
        items = list(transitions)
        self.home.burn()
        self.home.write(items)
        self.home.orders += orders
        self.notice(items)
        self.home.burn()
