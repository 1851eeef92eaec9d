"""What is told of transfers: events for the core, notes for the user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from master import steady_clock
from master.adapters.inbox import Inbox, Noted, Received
from master.core.running import events as ev


@dataclass(frozen=True)
class Reporter:
    """Puts what transfers have to say into the dispatcher's inbox."""

    inbox: Inbox
    clock: Callable[[], float] = steady_clock.now

    def event(self, kind: Callable[..., ev.Event], *fields: object) -> None:
        """Tell the core that something has happened now."""
        self.inbox.put(Received(kind(self.clock(), *fields)))

    def note(self, text: str) -> None:
        """Tell the user."""
        self.inbox.put(Noted(text))
