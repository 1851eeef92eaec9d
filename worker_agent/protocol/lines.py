"""Cuts what comes through a connection into lines, after noise; says when to wait for more of them."""

from __future__ import annotations

from typing import Iterator, List

from worker_agent.protocol.codec import MessageError

PREAMBLE = b"\x00twophase-agent\n"
"""The agent's side of a connection begins with this line: what comes before it is noise, which a user's shell
start-up files may print."""

MAX_LINE_BYTES = 64 * 1024 * 1024
LONGER = 8
"""So many times as long both ends of a link gather in a burst what they say, or do about what they hear."""
_BEGINS, _GOES_ON = 3, 6
"""Of things that have come in one waiting."""


def is_burst(count: int, was_burst: bool) -> bool:
    """Return whether to wait longer next, after `count` things have come.

    What is gathered shares a write, a commit and the wake-ups of all processes on its way.  Workers hold a
    quarter of a second of short jobs in hand: a few hundredths more keep nobody waiting but for the last.
    """
    return count >= (_GOES_ON if was_burst else _BEGINS)


class LineBuffer:
    """Cuts a byte stream into lines."""

    def __init__(self, preamble: bytes = b"") -> None:
        self._pieces: List[bytes] = []
        """Of a line that has no end yet: what came is looked at once, however many pieces it comes in."""
        self._size = 0
        self._noise = b""
        self._preamble = preamble

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the lines that `data` completes.  Raises MessageError for a line that has no end."""
        if self._preamble:
            data = self._after_noise(data)
        first, *others = data.split(b"\n")
        if others:
            yield b"".join((*self._pieces, first))
            yield from others[:-1]
            self._pieces, self._size, first = [], 0, others[-1]
        self._size += len(first)
        if first:
            self._pieces.append(first)
        if self._size > MAX_LINE_BYTES:
            raise MessageError(f"a line of more than {MAX_LINE_BYTES} bytes")

    def _after_noise(self, data: bytes) -> bytes:
        """Return what follows the preamble; nothing as long as it has not been met."""
        noise, found, rest = (self._noise + data).partition(self._preamble)
        if found:
            self._preamble = b""
            return rest
        self._noise = noise[-len(self._preamble) :]
        return b""
