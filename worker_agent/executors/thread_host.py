"""A process that runs jobs of one built-in trainer in threads: they share CUDA's context and the data.

It is run by the jobs' interpreter and talks to the agent over a Unix socket (SOCK_SEQPACKET), one JSON object
a packet:

    agent → here   {"id", "argv", "env", "cwd"} with the descriptors [log] or [log, lock], {"stop": id}
    here → agent   {"ready": true} or {"unfit": why}, then {"id", "code"} for each job

The trainer gives `thread_main(argv, environ, output) -> int` in its module `thread_main`.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import signal
import socket
import sys
import threading
import traceback
from typing import Any, Callable, Dict, List, TextIO, Tuple

from worker_agent.system.seqpacket import receive, send

JOB_ID = "TWOPHASE_JOB_ID"
"""Given to this process so that it is known as one of ours; it is no job."""
_CLONE_FS = 0x200
ThreadMain = Callable[[List[str], Dict[str, str], TextIO], int]


def main(descriptor: int, code: str, module: str) -> None:
    """Serve the agent at the other end of a socket until it closes it, with a trainer that lies in `code`."""
    agent = socket.socket(fileno=descriptor)
    sys.path.insert(0, code)
    os.environ.pop(JOB_ID, None)
    try:
        entry: ThreadMain = importlib.import_module(f"{module}.thread_main").thread_main
        _check_directories()
    except BaseException as error:
        send(agent, {"unfit": f"{module} cannot run in threads: {type(error).__name__}: {error}"})
        os._exit(0)
    streams = _Streams(sys.stdout), _Streams(sys.stderr)
    sys.stdout, sys.stderr = streams
    send(agent, {"ready": True})
    _Host(agent, entry, streams).serve()


class _Host:
    """The jobs of this process."""

    def __init__(self, agent: socket.socket, entry: ThreadMain, streams: Tuple[_Streams, ...]) -> None:
        self._agent = agent
        self._entry = entry
        self._streams = streams
        self._threads: Dict[int, threading.Thread] = {}

    def serve(self) -> None:
        """Start and stop jobs; end this process, jobs and all, when the agent does."""
        while True:
            request, files = receive(self._agent)
            if "stop" in request:
                self._interrupt(request["stop"])
                continue
            thread = threading.Thread(target=self._run, args=(request, files), daemon=True)
            self._threads[request["id"]] = thread
            thread.start()

    def _interrupt(self, number: int) -> None:
        """Raise KeyboardInterrupt in a job, as a SIGINT does in a process."""
        thread = self._threads.get(number)
        if thread is not None and thread.ident is not None:
            raised = ctypes.py_object(KeyboardInterrupt)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), raised)

    def _run(self, request: Dict[str, Any], files: List[int]) -> None:
        log, *lock = files
        code = 1
        stream = open(log, "w", buffering=1, encoding="utf-8", errors="backslashreplace")  # noqa: PTH123, SIM115
        # An interrupt may come late, while the log is closed.
        with contextlib.suppress(KeyboardInterrupt), stream as output:
            code = self._outcome(request, output)
        for number in lock:
            os.close(number)
        self._threads.pop(request["id"], None)
        send(self._agent, {"id": request["id"], "code": code})

    def _outcome(self, request: Dict[str, Any], output: TextIO) -> int:
        for stream in self._streams:
            stream.use(output)
        try:
            _own_directory(request["cwd"])
            return self._entry(request["argv"], request["env"], output)
        except SystemExit as error:
            if isinstance(error.code, int) or error.code is None:
                return error.code or 0
            print(error.code, file=output)
            return 1
        except KeyboardInterrupt:
            traceback.print_exc(file=output)
            return -signal.SIGINT
        except BaseException:
            traceback.print_exc(file=output)
            return 1


class _Streams:
    """A standard stream that is each job's own log."""

    def __init__(self, rest: TextIO) -> None:
        self._rest = rest
        self._local = threading.local()

    def use(self, output: TextIO) -> None:
        """Write what this thread says to `output`."""
        self._local.output = output

    def __getattr__(self, name: str) -> Any:
        return getattr(getattr(self._local, "output", self._rest), name)


def _own_directory(path: str) -> None:
    """Give this thread a working directory of its own.  Raises OSError where the system does not."""
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_FS) != 0:
        raise OSError(ctypes.get_errno(), "no working directory for each thread here")
    os.chdir(path)


def _check_directories() -> None:
    problems: List[OSError] = []

    def attempt() -> None:
        try:
            _own_directory("/")
        except OSError as error:
            problems.append(error)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    if problems:
        raise problems[0]
