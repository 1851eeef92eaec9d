"""Waits until something comes in, and brings it to where it belongs."""

from __future__ import annotations

import selectors
from typing import Any

from worker_agent.runtime.connection.connections import Connections
from worker_agent.runtime.connection.conversation import Conversation
from worker_agent.runtime.connection.link import Link
from worker_agent.runtime.connection.listener import Listener


class Network:
    """All that the loop waits for.

    The selector's data tell what is ready: a link, the listener, or what to call where something woke us.
    """

    def __init__(
        self, selector: selectors.BaseSelector, connections: Connections, conversation: Conversation
    ) -> None:
        self._selector, self._connections, self._conversation = selector, connections, conversation

    def wait(self, timeout_s: float) -> None:
        """Take in what is there, or comes within a time."""
        for ready, events in self._selector.select(timeout_s):
            self._serve(ready.data, events)

    def quiet_s(self) -> float:
        """Return how long nothing is to be sent yet."""
        return self._connections.quiet_s()

    def pump(self) -> None:
        """Send what there is to send."""
        self._connections.pump()

    def _serve(self, data: Any, events: int) -> None:
        if isinstance(data, Listener):
            connection = data.accept()
            if connection:
                self._connections.add(connection)
        elif not isinstance(data, Link):
            data()
        elif events & selectors.EVENT_READ:
            self._conversation.receive(data)
