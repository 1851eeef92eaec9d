"""Runs the user's `setup` in a login shell, within a time limit."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
import uuid
from dataclasses import dataclass
from typing import Mapping, Sequence

from worker_agent.environment.setup_script import (
    SetUp,
    SetupError,
    is_over,
    problem_of,
    result_of,
    script_of,
)
from worker_agent.system.subprocesses import kill_and_leave

_LIMIT_S = 300.0
"""A cold conda on a network disk takes about a minute."""
_MOST_TOLD = 8 << 20
_MOST_PRINTED = 64 << 10
_CHUNK = 1 << 16


def limit_s() -> float:
    """Return how long the lines may take together."""
    return float(os.environ.get("TWOPHASE_SETUP_S") or _LIMIT_S)


def run_setup(lines: Sequence[str], env: Mapping[str, str]) -> SetUp:
    """Return what the lines make of `env` in a login shell.  Raises SetupError.

    They have no terminal and an empty input: what asks for something fails.
    """
    mark = uuid.uuid4().hex
    reader, writer = os.pipe()
    try:
        process = _start(script_of(lines, writer, mark), env, writer)
    except OSError as error:
        os.close(reader)
        raise SetupError(f"setup: bash cannot be started: {error.strerror}") from error
    finally:
        os.close(writer)
    heard = _Heard(mark, reader)
    try:
        ending = heard.listen(process)
    finally:
        os.close(reader)
        kill_and_leave(process)
    problem = problem_of(heard.told, heard.printed, lines, mark, ending)
    if problem:
        raise SetupError(problem)
    return result_of(heard.told, mark)


def _start(script: str, env: Mapping[str, str], writer: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        ["bash", "--login", "-c", script],
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(writer,),
        start_new_session=True,
    )


@dataclass
class _Heard:
    """What has come from the script."""

    mark: str
    reader: int
    told: bytes = b""
    printed: bytes = b""

    def listen(self, process: "subprocess.Popen[bytes]") -> str:
        """Take in all that comes until the script is over; return how it ended where it does not say so."""
        limit = limit_s()
        deadline = time.monotonic() + limit
        assert process.stdout is not None
        with selectors.DefaultSelector() as selector:
            for descriptor in (self.reader, process.stdout.fileno()):
                selector.register(descriptor, selectors.EVENT_READ)
            while not is_over(self.told, self.mark):
                if not self._hear(selector, deadline):
                    return f"did not end within {limit:g} s"
                if self.reader not in {key.fd for key in selector.get_map().values()}:
                    return "ended the shell"
                if len(self.told) > _MOST_TOLD:
                    return f"made an environment of more than {_MOST_TOLD >> 20} MiB"
            # What was printed before the end may not have been read yet.
            self._hear(selector, time.monotonic())
        return ""

    def _hear(self, selector: selectors.BaseSelector, deadline: float) -> bool:
        """Read a piece of each stream that has one; return False if none has one in time."""
        ready = selector.select(max(0.0, deadline - time.monotonic()))
        for key, _ in ready:
            if not self._take(key.fd):
                selector.unregister(key.fd)
        return bool(ready)

    def _take(self, descriptor: int) -> bool:
        """Return False at the end of that stream."""
        data = os.read(descriptor, _CHUNK)
        if descriptor == self.reader:
            self.told += data
        else:
            self.printed = (self.printed + data)[-_MOST_PRINTED:]
        return bool(data)
