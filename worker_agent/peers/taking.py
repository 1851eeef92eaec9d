"""The end of a transfer that lacks the artefact: connects, checks each piece, and keeps it."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import Callable, Optional

from worker_agent.peers.copies import Incoming
from worker_agent.peers.identity import Identity, is_of
from worker_agent.peers.stream import Stream
from worker_agent.peers.wire import OPEN_S, Wire, WireError
from worker_agent.protocol.artefacts.peering import Received, Take

_TELL_S = 1.0
_LEAST_S = 0.1
_PATIENCE_S = 5.0
"""So long whoever takes over waits for the one before it."""

Tell = Callable[[Received], None]


class Taking:
    """One try to take an artefact from another worker, in a thread."""

    def __init__(
        self, item: Take, stream: Stream, incoming: Incoming, identity: Identity, tell: Tell
    ) -> None:
        self._item, self._stream, self._incoming = item, stream, incoming
        self._identity, self._tell = identity, tell
        self._wire: Optional[Wire] = None
        self._stopped, self._ended = threading.Event(), threading.Event()
        self._began = self._told = time.monotonic()

    def run(self, before: "Optional[Taking]" = None) -> Optional[str]:
        """Take all that is missing, once whoever did so `before` has let go; return what is wrong."""
        source = self._item.source
        try:
            if before and not before.let_go():
                return "an earlier transfer of it does not end"
            return self._run()
        except WireError as error:
            return f"{source} cannot send it: {error}"
        except OSError as error:
            return f"what {source} sends cannot be kept: {error.strerror or error}"
        finally:
            self._ended.set()

    def stop(self) -> None:
        """Let go of the source soon; what has come stays."""
        self._stopped.set()
        if self._wire:
            self._wire.abort()

    def let_go(self) -> bool:
        """Stop, and return whether that was done within a while."""
        self.stop()
        return self._ended.wait(_PATIENCE_S)

    def _run(self) -> Optional[str]:
        self._incoming.prepare()
        number = self._incoming.count()
        self._say(number)
        if number < len(self._stream):
            with contextlib.closing(self._connected()) as wire:
                wire.ask(self._item.content_hash, self._stream.begin(number))
                problem = self._take(wire, number)
            if problem:
                return problem
        self._incoming.tidy()
        return None

    def _take(self, wire: Wire, begin: int) -> Optional[str]:
        for number in range(begin, len(self._stream)):
            data = wire.piece(self._stream.size(number))
            if not self._stream.is_piece(number, data):
                return f"{self._item.source} sent something else as piece {number} of {len(self._stream)}"
            if self._stopped.is_set():
                return "another source takes over"
            self._incoming.write(number, data)
            if time.monotonic() - self._told >= _TELL_S:
                self._say(number + 1)
        self._say(len(self._stream))
        return None

    def _say(self, number: int) -> None:
        now = time.monotonic()
        self._told, seconds = now, round(now - self._began, 6)
        item = self._item
        self._tell(Received(item.content_hash, item.transfer, self._stream.begin(number), seconds))

    def _connected(self) -> Wire:
        """Return a connection to the source, and to nobody else.  Raises WireError, OSError."""
        deadline = time.monotonic() + OPEN_S
        wire = Wire(self._connect(deadline), self._identity.taking, serving=False)
        self._wire = wire
        try:
            if self._stopped.is_set():
                raise WireError("another source takes over")
            wire.greet(deadline - time.monotonic())
            if not is_of(wire.tls, self._item.source):
                raise WireError("somebody else answers in its place")
        except WireError:
            wire.close()
            raise
        return wire

    def _connect(self, deadline: float) -> socket.socket:
        problem, addresses = "no address of it is known", self._item.addresses
        for tried, address in enumerate(addresses):
            within_s = (deadline - time.monotonic()) / (len(addresses) - tried)
            try:
                return socket.create_connection((address, self._item.port), max(_LEAST_S, within_s))
            except OSError as error:
                problem = f"{address} port {self._item.port}: {error.strerror or error}"
        raise WireError(problem)
