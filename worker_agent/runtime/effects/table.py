"""Brings each command of the core, and each answer that comes back, to the one effect that handles it."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Type

from worker_agent.core import commands as cmd
from worker_agent.core.state import AgentState
from worker_agent.runtime.ports import Master, Workers

Handlers = Mapping[Type[Any], Callable[[Any], None]]


class Effects:
    """The table, and the loop over what it leads to."""

    def __init__(self, state: AgentState, workers: Workers, master: Master, *tables: Handlers) -> None:
        """Every type has its place in one table only."""
        self._state, self._workers, self._master = state, workers, master
        self.left = False
        """The core has said that nothing is left to do."""
        own: Handlers = {cmd.Send: self._send, cmd.Leave: self._leave}
        self._handlers: Dict[Type[Any], Callable[[Any], None]] = {}
        for table in (own, *tables):
            twice = self._handlers.keys() & table.keys()
            if twice:
                raise AssertionError(f"two effects for {', '.join(sorted(one.__name__ for one in twice))}")
            self._handlers.update(table)

    def handle(self, item: object) -> None:
        """Handle one thing, and what comes of it."""
        self._handlers[type(item)](item)
        self.execute()

    def execute(self) -> None:
        """Execute what is in the outbox, and what comes of it, until it is empty."""
        outbox = self._state.outbox
        while outbox:
            batch = outbox[:]
            outbox.clear()
            for item in batch:
                self._handlers[type(item)](item)

    def take_answers(self) -> None:
        """Handle what the threads have come to."""
        for answer in self._workers.answers():
            self.handle(answer)

    def _send(self, item: cmd.Send) -> None:
        self._master.say(item.message)

    def _leave(self, _: cmd.Leave) -> None:
        self.left = True
