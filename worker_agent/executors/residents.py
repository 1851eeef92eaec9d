"""Jobs of one program in one process for each device, side by side or as groups that train at once.

`resident_host.py` is that process.  Whatever cannot be run in one is told as a reason, and runs as a process.
"""

from __future__ import annotations

import os
import selectors
import time
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Dict, FrozenSet, List, NamedTuple, Optional, Sequence, Tuple

from worker_agent.core.execution import Exit, Key
from worker_agent.executors.base import Invocation
from worker_agent.executors.helpers import Helper, has_grown, shared
from worker_agent.executors.resident_host import JOB_ID
from worker_agent.protocol.script_contract import RESIDENT
from worker_agent.protocol.trainer_start import TRAINER_CODE, started_trainer
from worker_agent.system import processes

_DEVICES = "CUDA_VISIBLE_DEVICES"
IDLE_S = 30.0
"""After so long without jobs a process ends, and with it its hold on the device."""

_LOST = -9
"""The exit code of a job that did not come to one of its own."""


class Place(NamedTuple):
    """What jobs have in common that share a process."""

    python: str
    code: str
    """The folder of a trainer's code, or a script."""
    trainer: str
    """Its package; empty for a script."""
    device: str
    slot: str
    """Where a process serves a slot alone; empty where it serves all of a device."""
    env: FrozenSet[Tuple[str, str]]
    """What is in the environment of all of them."""


@dataclass
class Resident:
    """An attempt in a process."""

    key: Key
    invocation: Invocation
    number: int
    group: str = ""
    """Those with the same one begin together; empty where it begins by itself."""
    started: float = 0.0
    kill_at: Optional[float] = None


@dataclass
class Host:
    """A process as the agent sees it."""

    place: Place
    helper: Helper
    ready: bool = False
    takes_groups: bool = False
    apart: str = ""
    """Why it can run no job but in a group, if it cannot."""
    waiting: List[List[Resident]] = field(default_factory=list)
    """Until it is ready: what begins together."""
    running: Dict[int, Resident] = field(default_factory=dict)
    idle_since: float = 0.0
    first_rss: int = 0
    """Bytes of memory when it was without jobs for the first time."""
    unfit: str = ""

    @property
    def is_needed(self) -> bool:
        """Whether it has jobs, or will have."""
        return bool(self.running or self.waiting)


@dataclass
class News:
    """What has happened since the last look."""

    began: List[Tuple[Resident, int]] = field(default_factory=list)
    """With the pid of the process that they are part of."""
    refused: List[Tuple[Resident, str]] = field(default_factory=list)
    """They can run as processes."""
    exits: List[Exit] = field(default_factory=list)


class ResidentStarter:
    """The resident processes of one agent."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._hosts: Dict[Place, Host] = {}
        self._numbers = count(1)
        self._news = News()

    def start(self, key: Key, invocation: Invocation) -> Optional[str]:
        """Ask for a job to be run; return why it cannot be in this way, None if it can.  Raises OSError."""
        return self._ask([(key, invocation)], "")

    def start_group(self, group: str, members: Sequence[Tuple[Key, Invocation]]) -> Optional[str]:
        """Ask for jobs to be trained at once; return why that cannot be, None if it can.  Raises OSError."""
        if len({place_of(invocation, group) for _, invocation in members}) > 1:
            return "the jobs of its group need different processes"
        return self._ask(members, group)

    def _ask(self, members: Sequence[Tuple[Key, Invocation]], group: str) -> Optional[str]:
        place = place_of(members[0][1], group)
        if place is None:
            return "the program is no trainer that can be resident, and no script in the run's code"
        host = self._hosts.get(place) or self._open(place)
        batch = [Resident(*member, next(self._numbers), group) for member in members]
        if host.ready:
            self._begin(host, batch)
        else:
            host.waiting.append(batch)
        return None

    def stop(self, key: Key, grace_s: float) -> bool:
        """Interrupt a job, and after twice `grace_s` end its process; return whether there is one.

        A group looks up between epochs, which take as many times longer as it has members: so has the grace.
        """
        for host in self._hosts.values():
            for batch in host.waiting:
                if any(item.key == key for item in batch):
                    batch[:] = [item for item in batch if item.key != key]
                    self._news.exits.append(Exit(key, -2, None, 0.0, RESIDENT))
                    return True
            for resident in [item for item in host.running.values() if item.key == key]:
                _interrupt(host, resident, 2 * grace_s * _mates(host, resident))
                return True
        return False

    def poll(self) -> News:
        """Return what has happened since the last call."""
        now = time.monotonic()
        for host in list(self._hosts.values()):
            if any(item.kill_at is not None and item.kill_at <= now for item in host.running.values()):
                processes.kill(host.helper.pid)
            self._listen(host)
            if not host.is_needed and now - host.idle_since > IDLE_S:
                self._close(host)
        news, self._news = self._news, News()
        return news

    def wait_s(self) -> Optional[float]:
        """Return after how many seconds `poll` has work even if nothing is heard; None for never."""
        if self._news.exits or self._news.refused:
            return 0.0
        running = [item for host in self._hosts.values() for item in host.running.values()]
        due = [item.kill_at for item in running if item.kill_at is not None]
        return max(0.02, min(due) - time.monotonic()) if due else None

    def close(self) -> None:
        """End all processes, and the jobs in them."""
        for host in list(self._hosts.values()):
            self._close(host)

    def _open(self, place: Place) -> Host:
        own = {_DEVICES: place.device, JOB_ID: f"jobs of {place.trainer or place.code}"}
        env = {**dict(place.env), **own}
        helper = Helper("resident_host", place.python, env, place.code, place.trainer)
        host = self._hosts[place] = Host(place, helper, idle_since=time.monotonic())
        self._selector.register(helper.socket, selectors.EVENT_READ)
        return host

    def _close(self, host: Host) -> None:
        del self._hosts[host.place]
        self._selector.unregister(host.helper.socket)
        host.helper.socket.close()

    def _begin(self, host: Host, batch: Sequence[Resident]) -> None:
        """Have jobs begin that begin together."""
        group = next((item.group for item in batch), "")
        why = host.apart if not group else "" if host.takes_groups else "the program trains one job at a time"
        if why:
            self._news.refused += [(item, why) for item in batch]
            return
        sent = [self._send(host, item) for item in batch]
        if group and any(sent) and host.helper.tell({"begin": group}):
            processes.kill(host.helper.pid)  # they would wait in it for ever

    def _send(self, host: Host, resident: Resident) -> bool:
        """Return whether a job was sent; one that was not can run otherwise."""
        invocation = resident.invocation
        try:
            log = os.open(invocation.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError as error:
            self._news.refused.append((resident, f"cannot write the log {invocation.log}: {error.strerror}"))
            return False
        lock = [] if invocation.keep_fd is None else [invocation.keep_fd]
        problem = host.helper.tell(_request(resident), [log, *lock])
        os.close(log)
        if problem:
            self._news.refused.append((resident, f"the resident process takes no requests: {problem}"))
            return False
        resident.started = time.monotonic()
        host.running[resident.number] = resident
        self._news.began.append((resident, host.helper.pid))
        return True

    def _listen(self, host: Host) -> None:
        for said in host.helper.heard():
            if not said:
                self._bury(host)
                return
            if "ready" in said:
                host.ready, host.takes_groups, host.apart = True, said["ready"], said.get("apart", "")
                waiting, host.waiting = host.waiting, []
                for batch in waiting:
                    self._begin(host, batch)
            elif "unfit" in said:
                host.unfit = said["unfit"]
            elif "idle" in said:
                host.first_rss = host.first_rss or said["idle"]
                if has_grown(host.first_rss, said["idle"]) and not host.is_needed:
                    self._close(host)  # the next job opens another one
                    return
            else:
                self._end(host, said["id"], said.get("code", _LOST), said.get("lost", ""))

    def _end(self, host: Host, number: int, code: int, lost: str) -> None:
        resident = host.running.pop(number)
        host.idle_since = time.monotonic()
        seconds = host.idle_since - resident.started
        problem = f"the group that it trained in ended without it: {lost}" if lost else ""
        self._news.exits.append(Exit(resident.key, code, None, seconds, RESIDENT, problem=problem))

    def _bury(self, host: Host) -> None:
        """A process has ended: what waited for it can run otherwise, what ran in it is lost."""
        now = time.monotonic()
        stopped = any(resident.kill_at is not None for resident in host.running.values())
        why = "was ended with a job that did not stop" if stopped else "crashed"
        problem = f"the resident process of this job and {len(host.running) - 1} others {why}"
        for resident in host.running.values():
            told = "" if resident.kill_at is not None else problem
            exit = Exit(resident.key, _LOST, None, now - resident.started, RESIDENT, problem=told)
            self._news.exits.append(exit)
        why = host.unfit or "the resident process has ended unexpectedly"
        self._news.refused += [(resident, why) for batch in host.waiting for resident in batch]
        self._close(host)


def place_of(invocation: Invocation, group: str = "") -> Optional[Place]:
    """Return where an attempt can be resident; None where it can be nowhere.

    That is at a built-in trainer that knows how, one process for all slots of a GPU, as each takes of its
    memory.  Without one there is nothing to share: a group has a process for its slot, for several in one
    would wait for the interpreter.  Or it is at a script that lies in the run's code, which has one for each
    slot, too: it reads the environment of its process.
    """
    device = invocation.env.get(_DEVICES, "")
    env = frozenset(shared(invocation.env).items())
    python, program = (*invocation.argv, "")[:2]
    trainer = started_trainer(invocation.argv)
    if trainer is None:
        script = Path(invocation.code, program)
        is_one = bool(invocation.code) and script.suffix == ".py" and script.is_file()
        return Place(python, str(script), "", device, invocation.slot, env) if is_one else None
    code = Path(invocation.cwd, TRAINER_CODE).resolve()
    if not (code / "trainers" / trainer / "thread_main.py").is_file():
        return None
    slot = invocation.slot if group and not device else ""
    return Place(python, str(code), f"trainers.{trainer}", device, slot, env)


def _interrupt(host: Host, resident: Resident, patience_s: float) -> None:
    kill_at = time.monotonic() + patience_s
    if resident.kill_at is None:
        host.helper.tell({"stop": resident.number})
    resident.kill_at = min(resident.kill_at or kill_at, kill_at)


def _mates(host: Host, resident: Resident) -> int:
    """Return how many of a job's group run, itself included."""
    if not resident.group:
        return 1
    return sum(item.group == resident.group for item in host.running.values())


def _request(resident: Resident) -> Dict[str, Any]:
    invocation = resident.invocation
    asked = {
        "id": resident.number,
        "argv": invocation.argv[2:],
        "env": invocation.env,
        "cwd": invocation.cwd,
    }
    return {**asked, "group": resident.group} if resident.group else asked
