"""Shows the logs of running attempts to a master while somebody looks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Dict, List, Optional

from worker_agent.attempts.logs import Log, LogLimiter
from worker_agent.core.execution import Key
from worker_agent.core.state import AgentState, Phase
from worker_agent.protocol.logs.kept import Part, is_far, last_lines, read
from worker_agent.protocol.logs.watching import CHUNK_BYTES, GRANTED, LogChunk, Unwatch, Watch, WatchOn
from worker_agent.runtime.connection.connections import Connections
from worker_agent.runtime.connection.link import Link

MOST = 32
"""Watches at a time."""
_EVERY_S = 0.2
_EARLY = (Phase.QUEUED, Phase.STARTING)


@dataclass
class _Watched:
    """A log that somebody looks at."""

    number: int
    key: Key
    offset: int
    last_lines: Optional[int]
    """None once the place where to begin is known."""
    granted: int = GRANTED
    log: Optional[Log] = None
    """It is held on to: it knows what is kept for as long as the file is there."""


class LogWatches:
    """The watches of one master; they end with its connection."""

    def __init__(self, state: AgentState, logs: LogLimiter, connections: Connections) -> None:
        self._state, self._logs, self._connections = state, logs, connections
        self._master: Optional[Link] = None
        self._watched: Dict[int, _Watched] = {}
        self._has_more = False

    def begin(self, message: Watch) -> None:
        """Begin to show a log."""
        self._forget_former()
        if len(self._watched) >= MOST:
            self._connections.say(LogChunk(message.number, message.offset, gone=True))
            return
        key = (message.job_id, message.attempt)
        self._watched[message.number] = _Watched(message.number, key, message.offset, message.last_lines)
        self._has_more = True

    def go_on(self, message: WatchOn) -> None:
        """Take note that a chunk has been read."""
        watched = self._watched.get(message.number)
        if watched:
            watched.granted = min(GRANTED, watched.granted + 1)
            self._has_more = True

    def end(self, message: Unwatch) -> None:
        """Show a log no more."""
        self._watched.pop(message.number, None)

    def wait_s(self) -> float:
        """Return how long there is nothing to be looked for."""
        if not self._watched:
            return math.inf
        return 0.0 if self._has_more and not self._connections.is_full else _EVERY_S

    def show(self) -> None:
        """Tell what has been written, as far as the connection takes it at once."""
        if not self._watched:
            return
        self._forget_former()
        if self._connections.is_full:
            return
        self._has_more = False
        for watched in list(self._watched.values()):
            self._show(watched)

    def _forget_former(self) -> None:
        if self._connections.master is not self._master:
            self._master = self._connections.master
            self._watched.clear()

    def _show(self, watched: _Watched) -> None:
        attempt = self._state.attempts.get(watched.key)
        watched.log = watched.log or self._logs.find(watched.key)
        if watched.log is None:
            if attempt is None or attempt.phase not in _EARLY:
                self._close(watched, gone=True)
            return
        is_over = attempt is None or attempt.phase is Phase.FINISHED
        try:
            with watched.log.looking() as parts:
                if parts is not None and self._tell(watched, parts) and is_over:
                    self._close(watched, over=True)
        except OSError:
            # What has no file yet may have one later: an executor opens it.
            if is_over:
                self._close(watched, gone=True)

    def _tell(self, watched: _Watched, parts: List[Part]) -> bool:
        """Say what may be said.  Return whether that was all there is."""
        far = False
        if watched.last_lines is not None:
            watched.offset, watched.last_lines = last_lines(parts, watched.last_lines), None
            far = is_far(parts, watched.offset)
        while watched.granted:
            piece = read(parts, watched.offset, CHUNK_BYTES)
            if not piece.data:
                return True
            self._connections.say(LogChunk.of(watched.number, piece.offset, piece.data, far))
            far = False
            watched.offset = piece.offset + len(piece.data)
            watched.granted -= 1
        return False

    def _close(self, watched: _Watched, *, over: bool = False, gone: bool = False) -> None:
        del self._watched[watched.number]
        self._connections.say(LogChunk(watched.number, watched.offset, over=over, gone=gone))
