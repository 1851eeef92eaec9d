"""One connection of a master: what comes in as messages, what goes out without ever blocking."""

from __future__ import annotations

import socket
from collections import deque
from typing import Deque, Iterator, Mapping

from worker_agent.protocol.lines import LineBuffer
from worker_agent.protocol.messages import Message, ToMaster, decode, encode

READ_BYTES = 64 * 1024
_REPLAY_BYTES = 1024 * 1024
"""How much of the events is put into the buffer at a time: they are in the spool anyway."""
MAX_BUFFER_BYTES = 64 * 1024 * 1024


class LinkError(Exception):
    """The connection is over; the text says why."""


class Link:
    """A master's connection.  Events go out in their order, and before everything said after them."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.socket = connection
        self.epoch = -1
        """Of the master's hello; negative before it."""
        self.sent_bytes = 0
        self._lines = LineBuffer()
        self._out = bytearray()
        self._later: Deque[bytes] = deque()
        self._later_bytes = 0
        self._sent_seq = -1

    def receive(self) -> Iterator[Message]:
        """Yield what has come.  Raises LinkError at the end, MessageError for a line that is no message."""
        try:
            data = self.socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            raise LinkError(error.strerror or str(error)) from error
        if not data:
            raise LinkError("closed by the master")
        for line in self._lines.feed(data):
            yield decode(line)

    def greet(self, message: ToMaster, acked: int) -> None:
        """Say welcome or refused, the first message; all events after `acked` will follow."""
        self._out += encode(message)
        self._sent_seq = acked

    def say(self, message: ToMaster) -> None:
        """Send a message after the events that are there now.  Raises LinkError if nobody reads."""
        line = encode(message)
        self._later.append(line)
        self._later_bytes += len(line)
        if self._later_bytes + len(self._out) > MAX_BUFFER_BYTES:
            raise LinkError(f"the master has not read {MAX_BUFFER_BYTES} bytes")

    def pump(self, last_seq: int, events: Mapping[int, bytes]) -> bool:
        """Send what can be sent now.  Return whether more is waiting.  Raises LinkError.

        `events` are the unacknowledged ones up to `last_seq`, as lines.
        """
        while True:
            self._fill(last_seq, events)
            if not self._out:
                return False
            try:
                count = self.socket.send(self._out)
            except BlockingIOError:
                return True
            except OSError as error:
                raise LinkError(error.strerror or str(error)) from error
            del self._out[:count]
            self.sent_bytes += count

    def close(self) -> None:
        """End the connection."""
        self.socket.close()

    def _fill(self, last_seq: int, events: Mapping[int, bytes]) -> None:
        if self.epoch >= 0:
            self._replay(last_seq, events)
        if self._sent_seq >= last_seq or self.epoch < 0:
            self._out += b"".join(self._later)
            self._later.clear()
            self._later_bytes = 0

    def _replay(self, last_seq: int, events: Mapping[int, bytes]) -> None:
        while self._sent_seq < last_seq and len(self._out) < _REPLAY_BYTES:
            self._sent_seq += 1
            self._out += events.get(self._sent_seq, b"")
