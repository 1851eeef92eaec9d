"""The end of a transfer that has the artefact: listens for the workers that may take it, and sends."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from dataclasses import dataclass
from typing import Callable, List, Optional, Sequence, Tuple

from worker_agent.peers.identity import Identity, is_of
from worker_agent.peers.stream import Stream
from worker_agent.peers.wire import BEAT_S, OPEN_S, WAIT_S, Wire, WireError

_MOST_STRANGERS = 8
"""So many may be at the door at a time; whoever comes then is sent away."""
_LOOK_S = 0.02
"""How often somebody who waits for the next piece looks for it."""
_BACKLOG = 8

Pieces = Callable[[int], Optional[bytes]]
"""Returns a piece that was checked, None as long as it is not here."""


@dataclass(frozen=True)
class Offer:
    """What is served, to whom."""

    content_hash: str
    takers: Sequence[str]
    stream: Stream
    pieces: Pieces


class Server:
    """A port for one transfer, until all who may come have come, or its time is over."""

    def __init__(self, offer: Offer, identity: Identity, addresses: Sequence[str], seconds: float) -> None:
        """Listen at each of the addresses that this machine has.  Raises OSError where it has none."""
        self._offer, self._identity = offer, identity
        self._listeners = _listeners(addresses)
        self._deadline = time.monotonic() + seconds
        self._awaited, self._lock = set(offer.takers), threading.Lock()
        self._wires: List[Wire] = []
        self._strangers = 0
        self._closed = threading.Event()

    @property
    def place(self) -> Tuple[int, List[str]]:
        """Return port and addresses."""
        names = [listener.getsockname() for listener in self._listeners]
        return names[0][1], [name[0] for name in names]

    def listen(self) -> None:
        """Let workers in until nobody is awaited any more; they are served by threads of their own."""
        try:
            while self._awaited and not self._closed.is_set() and time.monotonic() < self._deadline:
                ready, _, _ = select.select(self._listeners, [], [], 0.1)
                for listener in ready:
                    self._accept(listener)
        finally:
            for listener in self._listeners:
                listener.close()

    @property
    def is_over(self) -> bool:
        """Whether nobody listens, and nobody is served."""
        return not (self._wires or self._strangers) and all(item.fileno() < 0 for item in self._listeners)

    def close(self) -> None:
        """Serve nobody any more."""
        self._closed.set()
        with self._lock:
            wires = list(self._wires)
        for wire in wires:
            wire.abort()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # who had come has gone
            connection, _ = listener.accept()
            if self._strangers >= _MOST_STRANGERS:
                connection.close()
                return
            with contextlib.suppress(WireError):
                wire = Wire(connection, self._identity.serving, serving=True)
                with self._lock:
                    self._wires.append(wire)
                    self._strangers += 1
                threading.Thread(target=self._attend, args=(wire,), name="peer", daemon=True).start()

    def _attend(self, wire: Wire) -> None:
        """Serve somebody who may take; whoever else has come learns nothing."""
        try:
            with contextlib.suppress(WireError):  # the taker says what has come of it
                begin = self._at_the_door(wire)
                if begin is not None:
                    self._send(wire, begin)
        finally:
            wire.close()
            with self._lock:
                self._wires.remove(wire)

    def _at_the_door(self, wire: Wire) -> Optional[int]:
        try:
            return self._begin(wire)
        finally:
            with self._lock:
                self._strangers -= 1

    def _begin(self, wire: Wire) -> Optional[int]:
        """Return the piece to begin with; None for somebody who may not take, or asks for something else."""
        deadline = time.monotonic() + OPEN_S
        wire.greet(OPEN_S)
        content_hash, offset = wire.asked(deadline - time.monotonic())
        with self._lock:
            name = next((one for one in self._awaited if is_of(wire.tls, one)), None)
            if name is None or content_hash != self._offer.content_hash:
                return None
            self._awaited.discard(name)
        try:
            return self._offer.stream.piece_at(offset)
        except ValueError:
            return None

    def _send(self, wire: Wire, begin: int) -> None:
        for number in range(begin, len(self._offer.stream)):
            data = self._await(wire, number)
            if data is None:
                return
            wire.send_piece(data)

    def _await(self, wire: Wire, number: int) -> Optional[bytes]:
        """Return a piece as soon as it is here; None where that takes too long."""
        since = said = time.monotonic()
        while not self._closed.is_set():
            data = self._offer.pieces(number)
            now = time.monotonic()
            if data is not None or now - since > WAIT_S:
                return data
            if now - said >= BEAT_S:
                wire.say_waiting()
                said = now
            self._closed.wait(_LOOK_S)
        return None


def _listeners(addresses: Sequence[str]) -> List[socket.socket]:
    """Listen on one port of the kernel's choosing, where the addresses are ours.  Raises OSError."""
    listeners: List[socket.socket] = []
    problem = OSError("it knows no address at which others reach it")
    for address in addresses:
        try:
            port = listeners[0].getsockname()[1] if listeners else 0
            listeners.append(_listener(address, port))
        except OSError as error:
            problem = error
    if not listeners:
        raise problem
    return listeners


def _listener(address: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.bind((address, port))
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener
