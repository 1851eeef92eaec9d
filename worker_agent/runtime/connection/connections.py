"""All connections of one agent, and which of them is the master's."""

from __future__ import annotations

import selectors
import socket
import time
from typing import Dict, Iterator, Optional

from worker_agent.protocol.codec import MessageError
from worker_agent.protocol.lines import LONGER, is_burst
from worker_agent.protocol.messages import Message, Refused, ToMaster, Welcome
from worker_agent.runtime.agent_log import complain
from worker_agent.runtime.connection.link import Link, LinkError
from worker_agent.runtime.ports import Records

_GATHER_S = 0.005
"""What is said so soon after something else goes out together: a write wakes four processes on its way.

In a burst it is `LONGER`."""


class Connections:
    """Whoever has connected; at most one of them is the master."""

    def __init__(self, selector: selectors.BaseSelector, spool: Records) -> None:
        self._selector, self._spool = selector, spool
        self._links: Dict[Link, bool] = {}
        """With whether they wait to be written to."""
        self._quiet_until, self._in_burst, self._said_seq = 0.0, False, 0
        self.master: Optional[Link] = None

    def __bool__(self) -> bool:
        return bool(self._links)

    def __contains__(self, link: Link) -> bool:
        return link in self._links

    @property
    def is_full(self) -> bool:
        """Whether the master has to read before more can be sent to it."""
        return self.master is not None and self._links[self.master]

    def add(self, connection: socket.socket) -> Link:
        """Take in somebody who has connected."""
        link = Link(connection)
        self._links[link] = False
        self._selector.register(connection, selectors.EVENT_READ, link)
        return link

    def receive(self, link: Link) -> Iterator[Message]:
        """Yield what has come; a link that has ended or sends what is no message is dropped."""
        try:
            for message in link.receive():
                yield message
                if link not in self._links:
                    return
        except MessageError as error:
            end = self.drop if link is self.master else self.refuse
            end(link, f"the master sent what is no message: {error}")
        except LinkError as error:
            self.drop(link, str(error))

    def welcome(self, link: Link, epoch: int, welcome: Welcome, acked: int) -> None:
        """Make a link the master's, in the place of an earlier one; all events after `acked` follow."""
        if self.master and self.master is not link:
            self.drop(self.master, "a newer connection took its place")
        self.master, link.epoch = link, epoch
        link.greet(welcome, acked)

    def refuse(self, link: Link, reason: str, passing: bool = False) -> None:
        """Tell a link why it is not the master's, and whether that may pass, and drop it."""
        link.greet(Refused(reason, passing), 0)
        self._pump_one(link)
        self.drop(link, f"refused: {reason}")

    def say(self, message: ToMaster) -> None:
        """Tell the master, if there is one."""
        if self.master:
            try:
                self.master.say(message)
            except LinkError as error:
                self.drop(self.master, str(error))

    def quiet_s(self) -> float:
        """Return how long nothing is to be sent yet."""
        return max(0.0, self._quiet_until - time.monotonic())

    def pump(self) -> None:
        """Send what there is to send, and then nothing for a moment."""
        before = sum(link.sent_bytes for link in self._links)
        for link in list(self._links):
            self._pump_one(link)
        if sum(link.sent_bytes for link in self._links) != before and not any(self._links.values()):
            self._be_quiet()

    def _be_quiet(self) -> None:
        memory = self._spool.memory
        told, self._said_seq = memory.seq - self._said_seq, memory.seq
        has_more = len(memory.launches) - len(memory.finished) > told
        self._in_burst = is_burst(told, self._in_burst) and has_more
        self._quiet_until = time.monotonic() + (_GATHER_S * LONGER if self._in_burst else _GATHER_S)

    def drop(self, link: Link, why: str) -> None:
        """End a connection."""
        if self._links.pop(link, None) is None:
            return
        complain(f"connection closed: {why}")
        self._selector.unregister(link.socket)
        link.close()
        if link is self.master:
            self.master = None

    def close(self) -> None:
        """End all connections."""
        for link in list(self._links):
            self.drop(link, "the agent ends")

    def _pump_one(self, link: Link) -> None:
        try:
            waiting = link.pump(self._spool.memory.seq, self._spool.lines)
        except LinkError as error:
            self.drop(link, str(error))
            return
        if waiting != self._links[link]:
            self._links[link] = waiting
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if waiting else 0)
            self._selector.modify(link.socket, events, link)
