"""Sends the logs of jobs to those who follow them, a JSON object a line, as long as they listen."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from master.core.nearest import shown
from master.runs.control.answers import LOGS
from master.runs.control.log_follow import Frame, LogFollower, Watchable
from master.runs.snapshot import SharedState
from master.storage.run_layout import RunLayout

_log = logging.getLogger(__name__)
JSON = "application/json"
MOST = 8
"""Who follow at a time: the others are to be heard too."""
_LAST_WORDS_S = 3.0


class LogStreams:
    """All who follow logs of one run."""

    def __init__(self, shared: SharedState, links: Mapping[str, Watchable], layout: RunLayout) -> None:
        self._shared, self._links, self._layout = shared, links, layout
        self._free = threading.Semaphore(MOST)

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer a request of a log: with the log, or why not."""
        if not self._free.acquire(blocking=False):
            problem = f"{MOST} follow logs of this run already: end one"
            say(handler, HTTPStatus.SERVICE_UNAVAILABLE, {"error": problem})
            return
        try:
            self._serve(handler)
        except OSError:  # nobody listens any more
            raise
        except Exception:  # the run matters more than who looks at it
            _log.exception("a log that cannot be followed: %r", handler.path)
        finally:
            self._free.release()

    def finish(self) -> None:
        """Wait until those who follow have heard the end, but not for ever."""
        deadline = time.monotonic() + _LAST_WORDS_S
        for _ in range(MOST):
            if not self._free.acquire(timeout=max(0.0, deadline - time.monotonic())):
                return

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        job_id, lines = _asked(handler.path)
        with self._shared.looking() as state:
            is_known = job_id in state.jobs
        if not is_known:
            say(handler, HTTPStatus.NOT_FOUND, {"error": f"no job {shown(job_id)} in this run"})
            return
        # Who reads slowly is waited for: the worker sends no more meanwhile.
        handler.connection.settimeout(None)
        handler.send_response(HTTPStatus.OK)
        handler.send_header("Content-Type", "application/x-ndjson")
        handler.end_headers()
        follower = LogFollower(self._shared, self._links, self._layout, job_id, lines)
        _send(handler, follower.frames())


def _asked(path: str) -> tuple[str, int | None]:
    """Return which job a path names, and with how many of its last lines it is to begin."""
    split = urlsplit(path)
    tail = parse_qs(split.query).get("tail", [""])[0]
    return unquote(split.path[len(LOGS) :]), int(tail) if tail.isascii() and tail.isdecimal() else None


def _send(handler: BaseHTTPRequestHandler, frames: Iterator[Frame]) -> None:
    with contextlib.closing(frames):  # type: ignore[type-var]
        for frame in frames:
            handler.wfile.write(json.dumps(frame).encode() + b"\n")


def say(handler: BaseHTTPRequestHandler, status: HTTPStatus, told: Mapping[str, Any]) -> None:
    """Answer a request with a JSON object."""
    body = json.dumps(told).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", JSON)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
