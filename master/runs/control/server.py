"""Answers who asks the running master, on threads of its own."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import struct
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any

from master import steady_clock
from master.runs.control.answers import Answer, answer
from master.runs.control.place import connected, listening, remove
from master.runs.snapshot import SharedState
from master.storage.run_layout import RunLayout

_log = logging.getLogger(__name__)
_PATIENCE_S = 10.0
_PAUSE_S = 1.0
_MOST_AT_ONCE = 16
_CREDENTIALS = struct.Struct("3i")


class _Handler(BaseHTTPRequestHandler):
    """One connection, one question."""

    server: ControlServer  # type: ignore[assignment]
    timeout = _PATIENCE_S

    def do_GET(self) -> None:
        """Answer from the state, while nothing changes it."""
        status, told = self._told()
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _told(self) -> Answer:
        try:
            with self.server.shared.looking() as state:
                return answer(self.path, state, steady_clock.now())
        except Exception as error:  # the run matters more than a question
            _log.exception("a question that cannot be answered: %r", self.path)
            return HTTPStatus.INTERNAL_SERVER_ERROR, {"error": f"a defect of ours: {error!r}"}

    def address_string(self) -> str:
        """Return who asks: on a Unix socket there is no address."""
        return "control"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the terminal is the run's."""


class ControlServer:
    """Listens from its making until it is closed.  Raises OSError where it cannot."""

    def __init__(self, layout: RunLayout, shared: SharedState) -> None:
        self.shared = shared
        self._layout, self._closing = layout, False
        self._free = threading.BoundedSemaphore(_MOST_AT_ONCE)
        self._listener = listening(layout)
        self._thread = threading.Thread(target=self._serve, name="control", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        """Hear only the user whose run this is, and so many at a time."""
        with self._listener:
            while not self._closing:
                try:
                    connection, _ = self._listener.accept()
                except OSError:  # too many open files, for now
                    time.sleep(_PAUSE_S)
                    continue
                if not self._closing and is_ours(connection) and self._free.acquire(blocking=False):
                    threading.Thread(target=self._answer, args=(connection,), daemon=True).start()
                else:
                    connection.close()

    def _answer(self, connection: socket.socket) -> None:
        # Whoever hangs up, or says what is no HTTP, is heard no more.
        try:
            with connection, contextlib.suppress(OSError, ValueError):
                _Handler(connection, "control", self)  # type: ignore[arg-type]
        finally:
            self._free.release()

    def close(self) -> None:
        """Answer nobody any more."""
        self._closing = True
        with contextlib.suppress(OSError):
            if last := connected(self._layout):
                last.close()
            remove(self._layout)
        self._thread.join(_PATIENCE_S)


def is_ours(connection: socket.socket) -> bool:
    """Tell whether who connected is the user of this process, or root, where the system tells."""
    asked = getattr(socket, "SO_PEERCRED", None)
    if asked is None:
        return True
    told = connection.getsockopt(socket.SOL_SOCKET, asked, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(told)
    return uid in (os.getuid(), 0)
