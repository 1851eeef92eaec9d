"""Jobs of one built-in trainer as threads of one process for each device."""

from __future__ import annotations

import os
import selectors
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, FrozenSet, List, Optional, Tuple

from worker_agent.core.execution import Exit, Key
from worker_agent.executors.base import Invocation
from worker_agent.executors.helpers import Helper, shared
from worker_agent.executors.thread_host import JOB_ID
from worker_agent.protocol.trainer_start import TRAINER_CODE, started_trainer
from worker_agent.system import processes

_DEVICES = "CUDA_VISIBLE_DEVICES"
IDLE_S = 30.0
"""After so long without jobs a process ends, and with it its hold on the device."""

Place = Tuple[str, str, str, str, FrozenSet[Tuple[str, str]]]
"""Interpreter, code, trainer, device, and the rest of the environment."""


@dataclass
class Thread:
    """An attempt in a process."""

    key: Key
    invocation: Invocation
    number: int
    started: float = 0.0
    kill_at: Optional[float] = None


@dataclass
class Host:
    """A process as the agent sees it."""

    place: Place
    helper: Helper
    ready: bool = False
    waiting: List[Thread] = field(default_factory=list)
    running: Dict[int, Thread] = field(default_factory=dict)
    idle_since: float = 0.0
    unfit: str = ""


@dataclass
class News:
    """What has happened since the last look."""

    began: List[Tuple[Thread, int]] = field(default_factory=list)
    """With the pid of the process that they are part of."""
    refused: List[Tuple[Thread, str]] = field(default_factory=list)
    """They can run as processes."""
    exits: List[Exit] = field(default_factory=list)


class ThreadStarter:
    """The processes of one agent that run jobs in threads."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._hosts: Dict[Place, Host] = {}
        self._numbers = 0
        self._news = News()

    def start(self, key: Key, invocation: Invocation) -> Optional[str]:
        """Ask for a thread; return why there cannot be one, None if there can.  Raises OSError."""
        place = place_of(invocation)
        if place is None:
            return "the program is no built-in trainer"
        host = self._hosts.get(place) or self._open(place)
        self._numbers += 1
        thread = Thread(key, invocation, self._numbers)
        if host.ready:
            self._send(host, thread)
        else:
            host.waiting.append(thread)
        return None

    def stop(self, key: Key, grace_s: float) -> bool:
        """Interrupt a thread, and after twice `grace_s` end its process; return whether there is one."""
        now = time.monotonic()
        for host in self._hosts.values():
            for thread in [item for item in host.waiting if item.key == key]:
                host.waiting.remove(thread)
                self._news.exits.append(Exit(key, -2, None, 0.0, "thread"))
                return True
            for thread in [item for item in host.running.values() if item.key == key]:
                if thread.kill_at is None:
                    host.helper.tell({"stop": thread.number})
                thread.kill_at = min(thread.kill_at or now + 2 * grace_s, now + 2 * grace_s)
                return True
        return False

    def poll(self) -> News:
        """Return what has happened since the last call."""
        now = time.monotonic()
        for host in list(self._hosts.values()):
            if any(thread.kill_at is not None and thread.kill_at <= now for thread in host.running.values()):
                processes.kill(host.helper.pid)
            self._listen(host)
            if not host.running and not host.waiting and now - host.idle_since > IDLE_S:
                self._close(host)
        news, self._news = self._news, News()
        return news

    def wait_s(self) -> Optional[float]:
        """Return after how many seconds `poll` has work even if nothing is heard; None for never."""
        if self._news.exits or self._news.refused:
            return 0.0
        threads = [thread for host in self._hosts.values() for thread in host.running.values()]
        due = [thread.kill_at for thread in threads if thread.kill_at is not None]
        return max(0.02, min(due) - time.monotonic()) if due else None

    def close(self) -> None:
        """End all processes, and the jobs in them."""
        for host in list(self._hosts.values()):
            self._close(host)

    def _open(self, place: Place) -> Host:
        python, code, trainer, device, env = place
        own = {_DEVICES: device, JOB_ID: f"threads of {trainer}"}
        helper = Helper("thread_host", python, {**dict(env), **own}, code, trainer)
        host = self._hosts[place] = Host(place, helper, idle_since=time.monotonic())
        self._selector.register(helper.socket, selectors.EVENT_READ)
        return host

    def _close(self, host: Host) -> None:
        del self._hosts[host.place]
        self._selector.unregister(host.helper.socket)
        host.helper.socket.close()

    def _send(self, host: Host, thread: Thread) -> None:
        invocation = thread.invocation
        body = {
            "id": thread.number,
            "argv": invocation.argv[2:],
            "env": invocation.env,
            "cwd": invocation.cwd,
        }
        try:
            log = os.open(invocation.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError as error:
            self._news.refused.append((thread, f"cannot write the log {invocation.log}: {error.strerror}"))
            return
        problem = host.helper.tell(body, [log, *([] if invocation.keep_fd is None else [invocation.keep_fd])])
        os.close(log)
        if problem:
            self._news.refused.append((thread, f"the process for threads takes no requests: {problem}"))
            return
        thread.started = time.monotonic()
        host.running[thread.number] = thread
        self._news.began.append((thread, host.helper.pid))

    def _listen(self, host: Host) -> None:
        for said in host.helper.heard():
            if not said:
                self._bury(host)
                return
            if "ready" in said:
                host.ready = True
                waiting, host.waiting = host.waiting, []
                for thread in waiting:
                    self._send(host, thread)
            elif "unfit" in said:
                host.unfit = said["unfit"]
            else:
                self._end(host, said["id"], said["code"])

    def _end(self, host: Host, number: int, code: int) -> None:
        thread = host.running.pop(number)
        host.idle_since = time.monotonic()
        seconds = host.idle_since - thread.started
        self._news.exits.append(Exit(thread.key, code, None, seconds, "thread"))

    def _bury(self, host: Host) -> None:
        """A process has ended: what waited for it can run otherwise, what ran in it is lost."""
        now = time.monotonic()
        stopped = any(thread.kill_at is not None for thread in host.running.values())
        why = "was ended with a job that did not stop" if stopped else "crashed"
        others = len(host.running) - 1
        problem = f"the process that ran this job and {others} others as threads {why}"
        for thread in host.running.values():
            told = "" if thread.kill_at is not None else problem
            exit = Exit(thread.key, -9, None, now - thread.started, "thread", problem=told)
            self._news.exits.append(exit)
        why = host.unfit or "the process for threads has ended unexpectedly"
        self._news.refused += [(thread, why) for thread in host.waiting]
        self._close(host)


def place_of(invocation: Invocation) -> Optional[Place]:
    """Return where an attempt can run as a thread: at a built-in trainer; None for any other program."""
    trainer = started_trainer(invocation.argv)
    if trainer is None:
        return None
    code = Path(invocation.cwd, TRAINER_CODE).resolve()
    if not (code / "trainers" / trainer / "thread_main.py").is_file():
        return None
    env = frozenset(shared(invocation.env).items())
    module, device = f"trainers.{trainer}", invocation.env.get(_DEVICES, "")
    return invocation.argv[0], str(code), module, device, env
