"""What goes over a connection between two workers, and within what time.

The taker says which artefact, and from which byte of its stream on: 32 bytes of hash and 8 of offset.  The
source sends before each piece its length in 4 bytes, or a length of 0 once a second while it has no more yet.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import time
from typing import Iterator, Tuple, Union

STALL_S = 4.0
"""Within it the other end must have sent the next `_STEP_BYTES`, or said that it waits."""
SLOW_S = 20.0
"""Within it the other end must have taken so many."""
WAIT_S = 30.0
"""Who has no more for so long is given up."""
BEAT_S = 1.0
OPEN_S = 4.0
"""Within it both ends must know each other."""
_STEP_BYTES = 256 << 10
_REQUEST = struct.Struct("!32sQ")
_LENGTH = struct.Struct("!I")


class WireError(Exception):
    """The connection is over; the text says why."""


class Wire:
    """A connection to another worker.  Whatever it does raises WireError."""

    def __init__(self, connection: socket.socket, context: ssl.SSLContext, *, serving: bool) -> None:
        """Nothing is said before `greet`."""
        with _told(), contextlib.ExitStack() as unless_made:
            unless_made.callback(connection.close)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._handle = unless_made.enter_context(connection.dup())
            self.tls = context.wrap_socket(connection, server_side=serving, do_handshake_on_connect=False)
            unless_made.pop_all()
        self.under_way = 0
        """How many bytes have come of the piece that is coming."""

    def greet(self, within_s: float) -> None:
        """Let both ends learn who the other is: whoever has no certificate of the run's is refused."""
        with _told():
            self.tls.settimeout(max(0.0, within_s) or 1e-6)
            self.tls.do_handshake()

    def ask(self, content_hash: str, offset: int) -> None:
        """Say what to send."""
        self._send(_REQUEST.pack(bytes.fromhex(content_hash), offset), STALL_S)

    def asked(self, within_s: float) -> Tuple[str, int]:
        """Return what is asked for."""
        content_hash, offset = _REQUEST.unpack(self._receive(_REQUEST.size, within_s))
        return content_hash.hex(), offset

    def say_waiting(self) -> None:
        """Say that there is no more yet."""
        self._send(_LENGTH.pack(0), STALL_S)

    def send_piece(self, data: bytes) -> None:
        """Send a piece."""
        self._send(_LENGTH.pack(len(data)), SLOW_S)
        view = memoryview(data)
        for begin in range(0, len(view), _STEP_BYTES):
            self._send(view[begin : begin + _STEP_BYTES], SLOW_S)

    def piece(self, size: int) -> bytes:
        """Return the next piece, which must be so long; its content is for who asked to check."""
        self._await(size)
        data = bytearray(size)
        view = memoryview(data)
        for begin in range(0, size, _STEP_BYTES):
            self._fill(view[begin : begin + _STEP_BYTES], STALL_S)
            self.under_way = min(size, begin + _STEP_BYTES)
        self.under_way = 0
        return bytes(data)

    def _await(self, size: int) -> None:
        deadline = time.monotonic() + WAIT_S
        while True:
            (told,) = _LENGTH.unpack(self._receive(_LENGTH.size, STALL_S))
            if told == size:
                return
            if told:
                raise WireError(f"it is about to send {told} bytes where {size} come next")
            if time.monotonic() >= deadline:
                raise WireError(f"it has had no more to send for {WAIT_S:.0f} s")

    def _receive(self, size: int, within_s: float) -> bytes:
        data = bytearray(size)
        self._fill(memoryview(data), within_s)
        return bytes(data)

    def _fill(self, view: memoryview, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while view:
            with _told():
                self.tls.settimeout(_until(deadline))
                count = self.tls.recv_into(view)
            if not count:
                raise WireError("it has closed the connection")
            view = view[count:]

    def _send(self, data: Union[bytes, memoryview], within_s: float) -> None:
        deadline, view = time.monotonic() + within_s, memoryview(data)
        while view:
            with _told():
                self.tls.settimeout(_until(deadline))
                view = view[self.tls.send(view) :]

    def abort(self) -> None:
        """End the connection under whatever another thread does with it."""
        with contextlib.suppress(OSError):
            self._handle.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End the connection."""
        self.abort()
        self._handle.close()
        self.tls.close()


def _until(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise socket.timeout
    return left


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Say in words what the operating system or OpenSSL has against a connection."""
    try:
        yield
    except socket.timeout as error:
        raise WireError("it is too slow, or says nothing") from error
    except ssl.SSLError as error:
        raise WireError(f"it is refused, or refuses us: {error.reason or error}") from error
    except OSError as error:
        raise WireError(error.strerror or str(error)) from error
    except ValueError as error:  # it was closed by another thread
        raise WireError("the connection is over") from error
