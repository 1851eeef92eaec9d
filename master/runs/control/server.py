"""Answers who asks the running master, on threads of its own."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any

from master import steady_clock
from master.adapters.inbox import Inbox
from master.runs.control.added_jobs import MOST_BYTES as MOST_BYTES_OF_JOBS
from master.runs.control.added_jobs import ROUTE as JOBS
from master.runs.control.added_jobs import answered, ordered_jobs
from master.runs.control.answers import LOGS, PROGRESS, USE, WHY, Answer, answer, progress, with_progress
from master.runs.control.log_follow import Watchable
from master.runs.control.log_streams import JSON, LogStreams, say
from master.runs.control.orders import MOST_BYTES, Prepare, Refused, carried_out, ordered, prepared
from master.runs.control.place import connected, is_ours, listening, peer_of, remove
from master.runs.control.progress import ProgressBoard
from master.runs.snapshot import SharedState
from master.runs.usage.latest import LatestUse
from master.specs import EMPTY
from master.storage.run_layout import RunLayout

_log = logging.getLogger(__name__)
_PATIENCE_S = 10.0
_PAUSE_S = 1.0
_MOST_AT_ONCE = 16
_MOST_DIGITS = 10
_TURN_S = 2.0
"""So long who comes while so many are answered waits for his turn."""
_LAST_WORDS_S = 3.0
_BUSY = "so many ask this master at once that nothing was done: try again"


class _Handler(BaseHTTPRequestHandler):
    """One connection, one question or one order."""

    server: ControlServer  # type: ignore[assignment]
    timeout = _PATIENCE_S

    def do_GET(self) -> None:
        """Answer from the state, while nothing changes it; a log goes on and on."""
        if self.path.startswith(LOGS):
            self.server.logs.serve(self)
            return
        say(self, *self._safely(self._told))

    def do_POST(self) -> None:
        """Have the dispatcher carry an order out, and answer once that holds."""
        say(self, *self._safely(self._carried_out))

    def _told(self) -> Answer:
        if self.path.startswith(PROGRESS):
            return progress(self.path, self.server.board)
        if self.path == USE:
            return HTTPStatus.OK, self.server.use.told()
        with self.server.shared.looking() as state:
            status, told = answer(self.path, state, steady_clock.now())
        found = told() if callable(told) else told
        return status, with_progress(found, self.server.board) if self.path.startswith(WHY) else found

    def _carried_out(self) -> Answer:
        if self.path == JOBS:
            return self._added()
        event = ordered(self.path, self._body(MOST_BYTES), peer_of(self.connection))
        event = prepared(event, self.server.prepare)
        return carried_out(event, self.server.inbox, self.server.is_over)

    def _added(self) -> Answer:
        event = ordered_jobs(self._body(MOST_BYTES_OF_JOBS), peer_of(self.connection))
        event = prepared(event, self.server.prepare, HTTPStatus.UNPROCESSABLE_ENTITY)
        return answered(event, carried_out(event, self.server.inbox, self.server.is_over))

    def _body(self, most: int) -> bytes:
        """Return what was sent, which must tell its length before.  Raises Refused."""
        length = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdecimal()):
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "a request tells its length")
        if len(length) > _MOST_DIGITS or int(length) > most:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a request has at most {most} bytes")
        if self.headers.get_content_type() != JSON:
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"a request is {JSON}")
        try:
            body = self.rfile.read(int(length))
        except TimeoutError as error:
            problem = f"the request did not go on for {_PATIENCE_S:.0f} s: nothing was done, try again"
            raise Refused(HTTPStatus.REQUEST_TIMEOUT, problem) from error
        if len(body) < int(length):
            raise Refused(HTTPStatus.BAD_REQUEST, "the request is cut short")
        return body

    def _safely(self, work: Callable[[], Answer]) -> Answer:
        try:
            return work()
        except Refused as refused:
            return refused.answer
        except ConnectionError:  # nobody is there any more
            raise
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

    def __init__(
        self,
        layout: RunLayout,
        shared: SharedState,
        inbox: Inbox,
        links: Mapping[str, Watchable] = EMPTY,
        prepare: Prepare = lambda event: event,
        is_over: Callable[[], bool] = lambda: False,
    ) -> None:
        """`links` are those to the workers, over which logs are looked at.

        `prepare` reads what an order has of the user's files, before the dispatcher is asked.  Once the run
        `is_over` no order is waited for.
        """
        self.shared, self.inbox, self.prepare, self.is_over = shared, inbox, prepare, is_over
        self.logs, self.board, self.use = LogStreams(shared, links, layout), ProgressBoard(), LatestUse()
        """The second hears what attempts say once it is among the run's observers."""
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
                self._admit(connection)

    def _admit(self, connection: socket.socket) -> None:
        """Answer one who is ours on a thread of his own; where there is none for him he is told so."""
        if self._closing or not is_ours(peer_of(connection)):
            connection.close()
            return
        if not self._free.acquire(timeout=_TURN_S):
            _turn_away(connection)
            return
        try:
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()
        except RuntimeError:  # no more threads, for now
            self._free.release()
            _turn_away(connection)

    def _answer(self, connection: socket.socket) -> None:
        # Whoever hangs up, or says what is no HTTP, is heard no more.
        try:
            with connection, contextlib.suppress(OSError, ValueError):
                _Handler(connection, "control", self)  # type: ignore[arg-type]
        finally:
            self._free.release()

    def close(self) -> None:
        """Answer nobody any more, but for those who have asked."""
        self._closing = True
        with contextlib.suppress(OSError):
            if last := connected(self._layout):
                last.close()
            remove(self._layout)
        self._thread.join(_PATIENCE_S)
        deadline = time.monotonic() + _LAST_WORDS_S
        self.logs.finish()
        self._finish(deadline)

    def _finish(self, deadline: float) -> None:
        """Wait until all have their answers, but not for ever: with the process their threads end."""
        for _ in range(_MOST_AT_ONCE):
            if not self._free.acquire(timeout=max(0.0, deadline - time.monotonic())):
                return


def _turn_away(connection: socket.socket) -> None:
    """Say that nobody has time, without waiting for who asks."""
    body = json.dumps({"error": _BUSY}).encode()
    head = f"HTTP/1.0 503 Busy\r\nContent-Type: {JSON}\r\nContent-Length: {len(body)}\r\n\r\n"
    with connection, contextlib.suppress(OSError):
        connection.setblocking(False)
        connection.sendall(head.encode() + body)
