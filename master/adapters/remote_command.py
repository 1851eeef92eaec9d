"""The command line that sshd gives to a login shell: any argv, and a way to end later what it started.

sshd passes signals on only to some users' commands, so each command first tells its process group on standard
error.  The login shell may be any: all read plain words alike, and single quotes around text that holds no
quotes, `!` (which csh replaces), line ends (where it stops) and doubled backslashes (which fish halves).
Whatever else there is in a command is written in octal, for `/bin/sh` to read.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

SHELL_PRINTS = (
    "the shell's startup files there print text, which files cannot pass; let ~/.bashrc print only in"
    " interactive shells: `ssh HOST true` must print nothing"
)

# Built-ins only, and what is forked for their output ends before: one process, then the command.
_ANNOUNCE = 'read -r p c s f g r </proc/$$/stat; echo "$1 $g" >&2; cd; eval "exec $(printf %b "$2")"'
_QUIETLY = 'cd; eval "exec $(printf %b "$1")"'
_PASS = 'cd; exec "$0" "$@"'
_UNSAFE = re.compile(rb"[^A-Za-z0-9 _./,:;=+@%()\[\]{}<>\"#$&*?|~^-]")


def command_line(argv: Sequence[str], marker: str) -> bytes:
    """Return what to send to sshd; the only place where a remote command is quoted."""
    words = shlex.join(argv).encode("utf-8", "surrogateescape")
    return b"/bin/sh -c '%s' sh %s '%s'" % (_ANNOUNCE.encode(), marker.encode(), _written(words))


def quiet_line(argv: Sequence[str]) -> bytes:
    """Return what a program of the worker's own gives to a login shell: nothing is announced."""
    words = shlex.join(argv).encode("utf-8", "surrogateescape")
    return b"/bin/sh -c '%s' sh '%s'" % (_QUIETLY.encode(), _written(words))


def kill_line(group: int, signal: str) -> bytes:
    """Return the command that signals a process group, e.g. with `TERM`."""
    return f"/bin/sh -c 'kill -s {signal} -- -{group}'".encode()


def from_home_line(program: str) -> str:
    """Return a command that starts a program in the home directory, wherever startup files have led.

    What is appended are the program's arguments.
    """
    return f"/bin/sh -c '{_PASS}' {program}"


def _written(words: bytes) -> bytes:
    return _UNSAFE.sub(lambda found: b"\\0%03o" % found.group()[0], words)


_MOST_HELD = 1 << 20
"""What startup files say before the command, at most."""


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
        if not (found and complete) and len(before) + len(after) <= _MOST_HELD:
            self._held += data
            return b""
        self._waiting, self._held = False, b""
        if not complete:
            return before + found + after
        self.group = int(line) if line.isdigit() else None
        return before + rest

    def end(self) -> bytes:
        """Return what is left when the stream has ended."""
        left, self._held = self._held, b""
        return left
