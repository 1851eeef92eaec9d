"""Where a log that is followed goes: to a terminal, harmless; to a pipe, as it is; to a program, as JSON."""

from __future__ import annotations

import codecs
import json
import os
import sys
from collections.abc import Callable
from typing import Protocol

from master.core.harmless import PLAIN
from master.core.harmless_stream import REWRITE, HarmlessStream


def shows_colours() -> bool:
    """True for a terminal whose user wants colours, and that knows them."""
    return not os.environ.get("NO_COLOR") and _is_able()


def _is_able() -> bool:
    return os.environ.get("TERM") not in (None, "", "dumb")


class Sink(Protocol):
    """Takes what there is of one job, in its order."""

    def begin(self, attempt: int) -> None:
        """A try begins."""

    def write(self, offset: int, cut: int, data: bytes) -> None:
        """What it wrote; `cut` bytes before that were cut."""

    def say(self, text: str) -> None:
        """What is to be told besides."""

    def end(self, state: str) -> None:
        """The job has ended."""


def cut_words(cut: int) -> str:
    """Say that part of a log is not there."""
    return f"{cut:,} bytes were cut here, to keep the log within its limit"


class RawSink:
    """To a pipe or a file, as it was written."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """`say` tells on standard error."""
        self.say = say
        sys.stdout.flush()

    def begin(self, attempt: int) -> None:
        """Nothing: the bytes are the jobs' own."""

    def write(self, offset: int, cut: int, data: bytes) -> None:
        """Write the bytes."""
        if cut:
            self.say(cut_words(cut))
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def end(self, state: str) -> None:
        """Nothing more comes."""


class TerminalSink:
    """To a terminal, which obeys what it is given."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """`say` tells on standard error."""
        self._say, self._colours = say, shows_colours()
        self._stream, self._is_open = self._fresh(), False

    def begin(self, attempt: int) -> None:
        """Forget what the last one left half said."""
        self._close()
        self._stream = self._fresh()

    def write(self, offset: int, cut: int, data: bytes) -> None:
        """Show what can be shown."""
        if cut:
            self.say(cut_words(cut))
        self._print(self._stream.feed(data))

    def say(self, text: str) -> None:
        """Tell something on a line of its own."""
        self._close()
        self._say(text)

    def end(self, state: str) -> None:
        """End the last line."""
        self._print(self._stream.end())
        self._close()

    def _print(self, text: str) -> None:
        if text:
            self._is_open = not text.endswith("\n")
            print(text, end="", flush=True)

    def _close(self) -> None:
        if self._is_open:
            self._print("\n")
        if self._colours:
            # What says something next, and the shell, have their own.
            print(PLAIN, end="", flush=True)

    def _fresh(self) -> HarmlessStream:
        return HarmlessStream(REWRITE if _is_able() else "\n", colours=self._colours)


class JsonSink:
    """To a program: an object a line."""

    def __init__(self, job_id: str) -> None:
        self._job_id, self._attempt = job_id, 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def begin(self, attempt: int) -> None:
        """Tell that a try begins."""
        self._attempt = attempt
        self._decoder.reset()
        self._put(begin=attempt)

    def write(self, offset: int, cut: int, data: bytes) -> None:
        """Tell what it wrote."""
        self._put(attempt=self._attempt, offset=offset, cut=cut, text=self._decoder.decode(data))

    def say(self, text: str) -> None:
        """Tell what is to be told."""
        self._put(says=text)

    def end(self, state: str) -> None:
        """Tell how the job has ended."""
        self._put(end=state)

    def _put(self, **told: object) -> None:
        print(json.dumps({"job_id": self._job_id, **told}), flush=True)
