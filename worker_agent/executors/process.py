"""Runs every attempt as a fresh process in a session of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

from worker_agent.core.execution import Exit, Key, Started, StartError
from worker_agent.executors.base import Invocation
from worker_agent.executors.escalation import Escalation
from worker_agent.system import exits, processes
from worker_agent.system.faults import is_worker_fault

_CONFIRM_S = 0.02
"""Between two looks at a group that was killed."""

_BECOMING_S = 1.0
"""So long after an attempt's end its orphans may show no environment; one that never had any is let go."""

_MOST_TOLD, _LONGEST_TOLD = 5, 200
"""Commands of processes that a script left running, and characters of each, that are told."""
_HELPERS = "multiprocessing."
"""Python's own processes with this in their command end by themselves, a moment after the script."""

_DEFAULT_SIGNALS = [
    signal.SIGPIPE,
    signal.SIGXFSZ,
    signal.SIGCHLD,
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
]


@dataclass
class _Child:
    key: Key
    pid: int
    mark: bytes
    started: float
    ending: Optional[Escalation] = None
    ended: float = 0.0
    start_ticks: int = -1
    """Where that is certain without asking."""
    exit_code: int = 0
    peak_rss_bytes: int = 0
    traceless: bool = False
    left: Dict[int, str] = field(default_factory=dict)
    """What outlived its leader: pid → command."""

    def exit(self) -> Exit:
        seconds, told = self.ended - self.started, sorted(filter(None, self.left.values()))[:_MOST_TOLD]
        return Exit(
            *(self.key, self.exit_code, self.peak_rss_bytes, seconds),
            left_running=[command[:_LONGEST_TOLD] for command in told],
            traceless=self.traceless,
        )


class ProcessExecutor:
    """Starts with `posix_spawn`, which takes half the time of `subprocess`."""

    def __init__(self, ends: Optional[exits.OwnEnds] = None) -> None:
        """In `ends` the next agent reads how attempts ended, if this one has not told it by then."""
        self._ends = ends
        self._children: Dict[int, _Child] = {}
        self._pids: Dict[Key, int] = {}
        self._ending: List[_Child] = []
        self._null = os.open(os.devnull, os.O_RDONLY)
        self._sees_all, self._all = processes.sees_orphans(), processes.Children()
        _keep_files_to_ourselves()

    def close(self) -> None:
        """Give back what the executor itself holds."""
        os.close(self._null)
        self._all.close()

    def start(self, key: Key, invocation: Invocation) -> int:
        """Start an attempt and return its pid.  Raises StartError."""
        before = processes.ticks()
        try:
            pid = self._spawn(invocation)
        except (OSError, ValueError) as error:
            raise StartError(_why(invocation, error), is_worker_fault(error)) from error
        self.adopt(key, invocation, pid)
        if processes.ticks() == before:  # it can only have been started in this one
            self._children[pid].start_ticks = before
        return pid

    def adopt(self, key: Key, invocation: Invocation, pid: int) -> None:
        """Look after a child of this process that leads a session of its own and runs an attempt."""
        self._children[pid] = _Child(key, pid, os.fsencode(invocation.mark), time.monotonic())
        self._pids[key] = pid

    def started(self) -> List[Started]:
        """Return nothing: processes start at once."""
        return []

    def stop(self, key: Key, grace_s: float) -> None:
        """Begin to end an attempt, or hurry its end: SIGINT, SIGTERM and SIGKILL, `grace_s` between them."""
        child, now = self._children.get(self._pids.get(key, 0)), time.monotonic()
        if child and child.ending:
            child.ending.hurry(grace_s, now)
        elif child:
            child.ending = Escalation(child.pid, grace_s, now)

    def poll(self) -> List[Exit]:
        """Return the attempts that ended since the last call: the leader, and all that it left behind."""
        self._press_on()
        while self._reap_one():
            pass
        ended = [child.exit() for child in self._ending if self._gone(child)]
        if ended:
            gone = {item.key for item in ended}
            self._ending = [child for child in self._ending if child.key not in gone]
        return ended

    def wait_s(self) -> Optional[float]:
        """Return after how many seconds `poll` has work even if no child ends; None for never."""
        if self._ending:
            return _CONFIRM_S
        due = [child.ending.due_at for child in self._children.values() if child.ending]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _spawn(self, invocation: Invocation) -> int:
        log = os.open(invocation.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            if invocation.keep_fd is not None:
                os.set_inheritable(invocation.keep_fd, True)
            return _spawn(invocation, self._null, log)
        finally:
            if invocation.keep_fd is not None:
                os.set_inheritable(invocation.keep_fd, False)
            os.close(log)

    def _press_on(self) -> None:
        now = time.monotonic()
        for child in self._children.values():
            if child.ending:
                child.ending.advance(now)

    def _reap_one(self) -> bool:
        """Reap a child if one has ended.  Its group dies first, while its number cannot be given anew."""
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return False
        if ended is None:
            return False
        child = self._children.pop(ended.si_pid, None)
        if child is None:
            # A thread that asks a program something waits for it too, and may have reaped it meanwhile.
            with contextlib.suppress(ChildProcessError):
                os.waitpid(ended.si_pid, os.WNOHANG)
            return True
        others = [pid for pid in self._all.pids() if pid != child.pid and pid not in self._children]
        self._name_left(child, others)
        if self._ends:
            self._ends.note(
                exits.seen(ended, child.start_ticks)
            )  # reaped first, nobody would know it if we died here
        processes.signal_group(child.pid, signal.SIGKILL)
        _, status, usage = os.wait4(ended.si_pid, 0)
        del self._pids[child.key]
        child.ended = time.monotonic()
        child.exit_code, child.peak_rss_bytes = exits.exit_code(status), usage.ru_maxrss * 1024
        # What a leader leaves is a child of ours from the moment that it ends.
        child.traceless = self._sees_all and not others
        self._ending.append(child)
        return True

    def _gone(self, child: _Child) -> bool:
        """Return whether nothing of an ended child is left; kill what is."""
        if child.traceless and not processes.signal_group(child.pid, 0):
            return True
        others = [pid for pid in self._all.pids() if pid not in self._children]
        child.traceless = self._sees_all and not others
        # Asked before the look at the marks: what has become something in between is then seen by it.
        unclear = any(map(processes.is_becoming, others)) and time.monotonic() - child.ended < _BECOMING_S
        strays = [pid for pid in others if self._is_stray(pid, child)]
        for pid in strays:
            _name(pid, child)
            processes.kill(pid)
        if not processes.group_alive(child.pid):
            return not strays and not unclear
        processes.signal_group(child.pid, signal.SIGKILL)
        return False

    def _name_left(self, child: _Child, others: Sequence[int]) -> None:
        """Note what is left of a child that has just ended by itself, before it is killed."""
        for pid in others if child.ending is None else ():
            if self._is_stray(pid, child):
                _name(pid, child)

    def _is_stray(self, pid: int, child: _Child) -> bool:
        return bool(child.mark) and processes.environment_has(pid, child.mark)


def _name(pid: int, child: _Child) -> None:
    if child.ending is None and pid not in child.left:
        command = processes.command_of(pid)
        child.left[pid] = "" if _HELPERS in command else command


def _keep_files_to_ourselves() -> None:
    """Mark what this process inherited: posix_spawn closes only descriptors that are marked."""
    for descriptor in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        if descriptor > 2:
            with contextlib.suppress(OSError):
                os.set_inheritable(descriptor, False)


def _spawn(invocation: Invocation, null: int, log: int) -> int:
    files = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
    # posix_spawn cannot change the directory; no thread of the agent uses a relative path.
    os.chdir(invocation.cwd)
    try:
        return _posix_spawn(invocation, files)
    except NotImplementedError:
        # A C library from before 2017, which cannot start a session in posix_spawn.
        return _popen(invocation, null, log)
    finally:
        os.chdir("/")


def _posix_spawn(invocation: Invocation, files: Sequence[Tuple[int, int, int]]) -> int:
    argv = invocation.argv
    return os.posix_spawn(
        argv[0], argv, invocation.env, file_actions=files, setsid=True, setsigdef=_DEFAULT_SIGNALS
    )


def _popen(invocation: Invocation, null: int, log: int) -> int:
    keep = () if invocation.keep_fd is None else (invocation.keep_fd,)
    popen = subprocess.Popen(
        invocation.argv,
        env=invocation.env,
        stdin=null,
        stdout=log,
        stderr=log,
        start_new_session=True,
        pass_fds=keep,
    )
    # Reaped by `poll`, not by subprocess, which must not complain of it.
    popen.returncode = 0
    return popen.pid


def _why(invocation: Invocation, error: Exception) -> str:
    program = invocation.argv[0]
    if isinstance(error, OSError) and error.filename == invocation.log:
        return f"cannot write the log {invocation.log}: {error.strerror}"
    if isinstance(error, FileNotFoundError) and os.access(program, os.X_OK):
        return f"{program}: the interpreter that its first line names does not exist"
    if isinstance(error, OSError):
        hint = " (has it a #! line?)" if error.strerror == os.strerror(8) else ""
        return f"cannot start {program}: {error.strerror}{hint}"
    return f"cannot start {program}: {error}"
