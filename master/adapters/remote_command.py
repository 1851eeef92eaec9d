"""The command line that sshd gives to a login shell: any argv, and a way to end later what it started.

sshd passes signals on only to some users' commands, so each command first tells its process group on standard
error.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

# Built-ins only: one process, which then becomes the command.
_ANNOUNCE = 'read -r p c s f g r </proc/$$/stat; echo "$1 $g" >&2; shift; exec "$@"'


def command_line(argv: Sequence[str], marker: str) -> bytes:
    """Return what to send to sshd; the only place where a remote command is quoted."""
    line = shlex.join(["/bin/sh", "-c", _ANNOUNCE, "sh", marker, *argv])
    return line.encode("utf-8", "surrogateescape")


def kill_line(group: int, signal: str) -> bytes:
    """Return the command that signals a process group, e.g. with `TERM`."""
    return shlex.join(["kill", "-s", signal, "--", f"-{group}"]).encode()


class ErrorStream:
    """Takes a command's standard error apart: what it says itself, and the process group told before."""

    def __init__(self, marker: str) -> None:
        self._marker = marker.encode() + b" "
        self._held = b""
        self._waiting = True
        self.group: int | None = None
        """None as long as it is not known."""

    def feed(self, data: bytes) -> bytes:
        """Take what came; return what belongs to the command and its shell."""
        if not self._waiting:
            return data
        before, found, after = (self._held + data).partition(self._marker)
        line, complete, rest = after.partition(b"\n")
        if not (found and complete):
            self._held += data
            return b""
        self._waiting, self._held = False, b""
        self.group = int(line) if line.isdigit() else None
        return before + rest

    def end(self) -> bytes:
        """Return what is left when the stream has ended."""
        left, self._held = self._held, b""
        return left
