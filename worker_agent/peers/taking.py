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
_REPLACED = "another source takes over"

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
        self._began, self.pieces = time.monotonic(), 0
        """When it began, and how many pieces are here and were checked, from the first."""

    def run(self, before: "Optional[Taking]" = None, known: int = 0) -> Optional[str]:
        """Take all that is missing, once whoever did so `before` has let go; return what is wrong.

        Of the pieces so many are known to have been checked when they were written.
        """
        source = self._item.source
        try:
            threading.Thread(target=self._report, name="report", daemon=True).start()
            if before and not before.let_go():
                return "an earlier transfer of it does not end"
            return self._run(max(known, before.pieces if before else 0))
        except WireError as error:
            return f"{source} cannot send it: {error}"
        except OSError as error:
            return f"what {source} sends cannot be kept: {error.strerror or error}"
        finally:
            self._ended.set()

    def stop(self) -> None:
        """Let go of the source soon, and report no more; what has come stays."""
        self._stopped.set()
        if self._wire:
            self._wire.abort()

    def let_go(self) -> bool:
        """Stop, and return whether that was done within a while."""
        self.stop()
        return self._ended.wait(_PATIENCE_S)

    def _run(self, known: int) -> Optional[str]:
        self._incoming.prepare()
        self.pieces = known if self._incoming.reaches(known) else 0
        for number in self._incoming.held(self.pieces):
            self.pieces = number + 1
            if self._stopped.is_set():
                return _REPLACED
        problem = self._take_rest() if self.pieces < len(self._stream) else None
        if problem is None:
            self._incoming.tidy()
        return problem

    def _take_rest(self) -> Optional[str]:
        with contextlib.closing(self._connected()) as wire:
            wire.ask(self._item.content_hash, self._stream.begin(self.pieces))
            return self._take(wire)

    def _take(self, wire: Wire) -> Optional[str]:
        for number in range(self.pieces, len(self._stream)):
            data = wire.piece(self._stream.size(number))
            if not self._stream.is_piece(number, data):
                return f"{self._item.source} sent something else as piece {number} of {len(self._stream)}"
            if self._stopped.is_set():
                return _REPLACED
            self._incoming.write(number, data)
            self.pieces = number + 1
        return None

    def _report(self) -> None:
        """Say how far it is until somebody says to stop: who has all of it has to check it still."""
        item, is_over, come = self._item, False, 0
        while not is_over:
            # A piece that has come whole is checked before it counts.
            come = max(come, self._stream.begin(self.pieces) + (self._wire.under_way if self._wire else 0))
            seconds = round(time.monotonic() - self._began, 6)
            self._tell(Received(item.content_hash, item.transfer, come, seconds))
            is_over = self._stopped.wait(_TELL_S)

    def _connected(self) -> Wire:
        """Return a connection to the source, and to nobody else.  Raises WireError, OSError."""
        deadline = time.monotonic() + OPEN_S
        wire = Wire(self._connect(deadline), self._identity.taking, serving=False)
        self._wire = wire
        try:
            if self._stopped.is_set():
                raise WireError(_REPLACED)
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
            if self._stopped.is_set():
                raise WireError(_REPLACED)
            within_s = (deadline - time.monotonic()) / (len(addresses) - tried)
            try:
                return socket.create_connection((address, self._item.port), max(_LEAST_S, within_s))
            except OSError as error:
                problem = f"{address} port {self._item.port}: {error.strerror or error}"
        raise WireError(problem)
