"""What a run tells while it goes, and who hears of what.

An observer subscribes to the notices that it wants.  All of them are told on the dispatcher's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from master.adapters.inbox import Noted, Sampled, Seen
from master.core.running.commands import Transition
from master.core.running.records import RunState

__all__ = [
    "Ended",
    "Noted",
    "Notice",
    "Notices",
    "Observer",
    "PeopleWanted",
    "Refreshed",
    "Sampled",
    "Seen",
    "Transitions",
]


@dataclass(frozen=True)
class Transitions:
    """Transitions that are in the journal, the oldest first, and the state after them."""

    items: Sequence[Transition]
    state: RunState


@dataclass(frozen=True)
class Refreshed:
    """Some time has passed: what is new may be shown."""

    state: RunState
    at: float
    """Unix time."""


@dataclass(frozen=True)
class Ended:
    """Nothing more is told, and nothing more is dispatched; what is under way may still come home."""

    state: RunState
    exit_code: int | None
    """None where an error ended the run."""


@dataclass(frozen=True)
class PeopleWanted:
    """A user wants people to be told of the run."""

    addresses: str
    """A file of their addresses, absolute."""


Notice = Transitions | Seen | Sampled | Noted | Refreshed | Ended | PeopleWanted
"""`Seen` is what a running attempt says of itself, `Sampled` how busy a worker is, `Noted` a user's line."""
Kind = TypeVar("Kind", Transitions, Seen, Sampled, Noted, Refreshed, Ended, PeopleWanted)


class Observer(Protocol):
    """Hears of a run."""

    def subscribe(self, notices: Notices) -> None:
        """Ask for the notices that it wants.

        What a listener raises ends the run.  Not so OSError: the run outlives a terminal and a full disk.
        """


class Notices:
    """Passes notices on to those who asked for them, in the order in which they asked."""

    def __init__(self, observers: Iterable[Observer] = ()) -> None:
        self._listeners: dict[type, list[Callable[[Any], object]]] = {}
        for observer in observers:
            observer.subscribe(self)

    def listen(self, kind: type[Kind], listener: Callable[[Kind], object]) -> None:
        """Call `listener` with each notice of a kind."""
        self._listeners.setdefault(kind, []).append(listener)

    def tell(self, notice: Notice) -> None:
        """Tell all who asked for it."""
        for listener in self._listeners.get(type(notice), ()):
            with suppress(OSError):
                listener(notice)
