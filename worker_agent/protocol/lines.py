"""Cuts what comes through a connection into lines, after the noise that may come first."""

from __future__ import annotations

from typing import Iterator

from worker_agent.protocol.codec import MessageError

PREAMBLE = b"\x00twophase-agent\n"
"""The agent's side of a connection begins with this line: what comes before it is noise, which a user's shell
start-up files may print."""

MAX_LINE_BYTES = 64 * 1024 * 1024


class LineBuffer:
    """Cuts a byte stream into lines."""

    def __init__(self, preamble: bytes = b"") -> None:
        self._rest = b""
        self._preamble = preamble

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the lines that `data` completes.  Raises MessageError for a line that has no end."""
        self._rest += data
        if self._preamble and not self._skip_noise():
            return
        *lines, self._rest = self._rest.split(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            raise MessageError(f"a line of more than {MAX_LINE_BYTES} bytes")
        yield from lines

    def _skip_noise(self) -> bool:
        """Drop all up to the preamble; True once it has been met."""
        noise, found, rest = self._rest.partition(self._preamble)
        if found:
            self._preamble, self._rest = b"", rest
            return True
        self._rest = noise[-len(self._preamble) :]
        return False
