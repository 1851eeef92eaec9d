"""A process that runs many jobs of one program: they share CUDA's context and the data.

It is run by the jobs' interpreter and talks to the agent over a Unix socket (SOCK_SEQPACKET), one JSON object
a packet:

    agent → here   {"id", "argv", "env", "cwd"} with the descriptors [log] or [log, lock], {"stop": id};
                   with "group" in it a job waits for {"begin": group}, and starts with the others of that
    here → agent   {"ready": whether there can be groups} or {"unfit": why}, then {"id", "code"} for each job,
                   or {"id", "lost": why}, and {"idle": bytes of memory} whenever the last one has ended

A trainer gives `thread_main(argv, environ, output) -> int` in its module `thread_main`, and beside it perhaps
`group_main` (`worker_agent.protocol.members`); a script `twophase_main(args)`.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import resource
import signal
import socket
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, Dict, List, Optional, TextIO, Tuple, Union

from worker_agent.executors.resident_members import Everyone, GroupMember, close_log, open_log
from worker_agent.executors.resident_program import Program, script_program, trainer_program
from worker_agent.system.seqpacket import receive, send

JOB_ID = "TWOPHASE_JOB_ID"
"""Given to this process so that it is known as one of ours; it is no job."""
_CLONE_FS = 0x200
_MOST_FILES = 1 << 16


def main(descriptor: int, code: str, module: str) -> None:
    """Serve the agent at the other end of a socket until it closes it.

    The program is the trainer `module`, which lies in `code`, or the script `code` where that is empty.
    """
    agent = socket.socket(fileno=descriptor)
    os.environ.pop(JOB_ID, None)
    _allow_files()
    try:
        program = _program(code, module)
        apart = _why_apart()
        if apart is not None and program.group_main is None:
            raise apart
    except BaseException as error:
        what = module or Path(code).name
        send(agent, {"unfit": f"{what} cannot be resident: {type(error).__name__}: {error}"})
        os._exit(0)
    streams = _Streams(sys.stdout), _Streams(sys.stderr)
    sys.stdout, sys.stderr = streams
    send(agent, {"ready": program.group_main is not None, "apart": str(apart or "")})
    _Host(agent, program, streams).serve()


def _allow_files() -> None:
    """Allow as many open files as may be: each of hundreds of jobs has a log, a lock and files of its own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _program(code: str, module: str) -> Program:
    if not module:
        return script_program(code)
    sys.path.insert(0, code)
    return trainer_program(module)


class _Host:
    """The jobs of this process."""

    def __init__(self, agent: socket.socket, program: Program, streams: Tuple[_Streams, ...]) -> None:
        self._agent = agent
        self._program = program
        self._streams = streams
        self._threads: Dict[int, threading.Thread] = {}
        self._gathering: Dict[str, List[GroupMember]] = {}
        """Members of groups that have not begun."""
        self._members: Dict[int, GroupMember] = {}
        self._busy = 0
        """Jobs and groups under way."""
        self._counting = threading.Lock()

    def serve(self) -> None:
        """Start and stop jobs; end this process, jobs and all, when the agent does."""
        while True:
            request, files = receive(self._agent)
            if "stop" in request:
                self._stop(request["stop"])
            elif "begin" in request:
                self._begin(self._run_group, self._gathering.pop(request["begin"], []))
            elif "group" in request:
                member = self._members[request["id"]] = GroupMember(request, files, self._told)
                self._gathering.setdefault(request["group"], []).append(member)
            else:
                self._threads[request["id"]] = self._begin(self._run, request, files)

    def _begin(self, work: Any, *args: Any) -> threading.Thread:
        with self._counting:
            self._busy += 1
        thread = threading.Thread(target=self._work, args=(work, *args), daemon=True)
        thread.start()
        return thread

    def _work(self, work: Any, *args: Any) -> None:
        work(*args)
        with self._counting:
            self._busy -= 1
            is_idle = not self._busy
        if is_idle:
            gc.collect()
            self._tell({"idle": _rss_bytes()})

    def _tell(self, body: Dict[str, Any]) -> None:
        send(self._agent, body)

    def _told(self, body: Dict[str, Any]) -> None:
        """Tell of a member's end."""
        self._members.pop(body["id"], None)
        self._tell(body)

    def _stop(self, number: int) -> None:
        """Ask a member to end, or raise KeyboardInterrupt in a job, as a SIGINT does in a process."""
        member = self._members.get(number)
        if member is not None:
            member.stop()
        thread = self._threads.get(number)
        if thread is not None and thread.ident is not None:
            raised = ctypes.py_object(KeyboardInterrupt)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), raised)

    def _run_group(self, members: List[GroupMember]) -> None:
        everyone = Everyone(members)
        self._use(everyone)
        assert self._program.group_main is not None
        try:
            self._program.group_main(tuple(members))
            why = "it was not among those that were trained"
        except BaseException as error:
            why = f"{type(error).__name__}: {error}"
            traceback.print_exc(file=everyone)
        for member in members:
            if not member.has_finished:
                member.lose(why)

    def _run(self, request: Dict[str, Any], files: List[int]) -> None:
        log, *lock = files
        code = 1
        output = open_log(log)
        # An interrupt may come late, while the log is closed; a full disk takes no traceback.
        with contextlib.suppress(KeyboardInterrupt, OSError):
            code = self._outcome(request, output)
        with contextlib.suppress(KeyboardInterrupt):
            close_log(output)
        for number in lock:
            os.close(number)
        self._threads.pop(request["id"], None)
        self._tell({"id": request["id"], "code": code})

    def _outcome(self, request: Dict[str, Any], output: TextIO) -> int:
        self._use(output)
        try:
            _own_directory(request["cwd"])
            return self._program.main(request["argv"], request["env"], output) or 0
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

    def _use(self, output: Union[TextIO, Everyone]) -> None:
        for stream in self._streams:
            stream.use(output)


class _Streams:
    """A standard stream that is each job's own log."""

    def __init__(self, rest: TextIO) -> None:
        self._rest = rest
        self._local = threading.local()

    def use(self, output: Union[TextIO, Everyone]) -> None:
        """Write what this thread says to `output`."""
        self._local.output = output

    def __getattr__(self, name: str) -> Any:
        return getattr(getattr(self._local, "output", self._rest), name)


def _own_directory(path: str) -> None:
    """Give this thread a working directory of its own.  Raises OSError where the system does not."""
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_FS) != 0:
        raise OSError(ctypes.get_errno(), "no working directory for each thread here")
    os.chdir(path)


def _why_apart() -> Optional[OSError]:
    """Return what keeps jobs from having working directories of their own here, which groups do without."""
    problems: List[OSError] = []

    def attempt() -> None:
        try:
            _own_directory("/")
        except OSError as error:
            problems.append(error)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    return problems[0] if problems else None


def _rss_bytes() -> int:
    return int(Path("/proc/self/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
