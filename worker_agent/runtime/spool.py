"""The agent's memory on disk: one JSON record a line, appended, and rewritten when most of it is done with.

    met       a master's epoch, its settings, where the big files lie
    launch    an attempt was accepted            event    something happened to it (with its number)
    ack       the master has all events up to    release  the attempt may be forgotten
    stopping  an attempt is being stopped, and why
    done      an attempt's outcome is known and acknowledged (written by agents of before)
    numbers   those up to `seq` may have been given to events that were lost

Folding the records in their order gives the `Memory`; so does folding any beginning of them.
"""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Set, Tuple, Type, Union

from worker_agent.core.execution import Key
from worker_agent.protocol.codec import Count, dump, load, parse
from worker_agent.protocol.digests import fsync_directory
from worker_agent.protocol.events import Event, EventKind
from worker_agent.protocol.messages import Ack, Launch, Release, Settings, encode
from worker_agent.protocol.outcome import Outcome

_EVENT_MESSAGE, _EVENT_RECORD = b'{"type":"event",', b'{"kind":"event","body":{'
"""What a message and a record of an event begin with; the rest is the same, and so written once."""
_REWRITE_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Met:
    """A master was met, and told how jobs are to run."""

    epoch: int
    boot_id: str
    settings: Settings
    work_dir: str
    released: Dict[str, Count] = field(default_factory=dict)
    """After rewriting: the highest released attempt of each job …"""
    seq: Count = 0
    """… and the last event …"""
    acked: Count = 0
    """… that was told of, and that was acknowledged."""


@dataclass(frozen=True)
class Done:
    """An attempt's outcome is known and acknowledged.  Later agents keep the outcome itself."""

    job_id: str
    attempt: Count


@dataclass(frozen=True)
class Stopping:
    """An attempt is being stopped: how it ends then is not its own doing."""

    job_id: str
    attempt: Count
    verdict: Outcome
    excess: str = ""
    """Which limit it was beyond, where that is why."""


@dataclass(frozen=True)
class Numbers:
    """Events may have been given the numbers up to `seq`, and lost."""

    seq: Count


Body = Union[Met, Launch, Event, Ack, Release, Done, Stopping, Numbers]


@dataclass
class Memory:
    """What the records say, all in all."""

    is_new: bool = True
    """No agent was here before."""
    epoch: int = -1
    boot_id: str = ""
    settings: Settings = field(default_factory=Settings)
    work_dir: str = ""
    seq: int = 0
    acked: int = 0
    launches: Dict[Key, Launch] = field(default_factory=dict)
    running: Dict[Key, Event] = field(default_factory=dict)
    """The start of every attempt that has no outcome yet."""
    stopping: Dict[Key, Stopping] = field(default_factory=dict)
    """Why those among them are being stopped that are."""
    finished: Set[Key] = field(default_factory=set)
    outcomes: Dict[Key, Event] = field(default_factory=dict)
    """How those finished, until they are released: a master may forget what it has acknowledged."""
    events: Dict[int, Event] = field(default_factory=dict)
    """Those not acknowledged, by number, ascending."""
    released: Dict[str, int] = field(default_factory=dict)

    def apply(self, record: Mapping[str, Any]) -> None:
        """Take in one record of the file.  Raises ValueError, KeyError or TypeError for what is none."""
        cls, _ = _APPLY[record["kind"]]
        self.take(parse(cls, record["body"]))

    def take(self, body: Body) -> None:
        """Take in one record."""
        _APPLY[_KINDS[type(body)]][1](self, body)
        self.is_new = False

    def met(self, body: Met) -> None:
        self.epoch, self.boot_id = body.epoch, body.boot_id
        self.settings, self.work_dir = body.settings, body.work_dir
        self.released.update(body.released)
        self.seq = max(self.seq, body.seq)
        self.acked = max(self.acked, body.acked)

    def launch(self, launch: Launch) -> None:
        self.launches[launch.job_id, launch.attempt] = launch

    def event(self, event: Event) -> None:
        key = (event.job_id, event.attempt)
        if key in self.launches and event.kind is EventKind.RUNNING:
            self.running[key] = event
        elif key in self.launches and event.kind is EventKind.FINISHED:
            self.events.pop(self.start_of(event), None)  # the end tells of it too
            self.finish(key)
            self.outcomes[key] = event
        self.seq = max(self.seq, event.seq)
        if event.seq > self.acked:
            self.events[event.seq] = event

    def start_of(self, ended: Event) -> int:
        """Return the number of the event that an attempt has started which ends now; 0 where it has not."""
        started = self.running.get((ended.job_id, ended.attempt))
        return started.seq if started and ended.kind is EventKind.FINISHED else 0

    def finish(self, key: Key) -> None:
        self.finished.add(key)
        self._forget_start(key)

    def done(self, body: Done) -> None:
        self.finish((body.job_id, body.attempt))

    def ack(self, body: Ack) -> None:
        self.acked = max(self.acked, body.seq)
        _drop(self.events, self.acked)

    def release(self, body: Release) -> None:
        job_id, attempt = body.job_id, body.attempt
        self.launches.pop((job_id, attempt), None)
        self._forget_start((job_id, attempt))
        self.finished.discard((job_id, attempt))
        self.outcomes.pop((job_id, attempt), None)
        self.released[job_id] = max(attempt, self.released.get(job_id, -1))

    def stop(self, body: Stopping) -> None:
        key = (body.job_id, body.attempt)
        if key in self.launches and key not in self.finished:
            self.stopping[key] = body

    def _forget_start(self, key: Key) -> None:
        self.running.pop(key, None)
        self.stopping.pop(key, None)

    def numbers(self, body: Numbers) -> None:
        self.seq = max(self.seq, body.seq)

    def acknowledged(self) -> List[Event]:
        """Return the outcomes that a master has acknowledged, and whose attempts it has not released."""
        return [event for event in self.outcomes.values() if event.seq <= self.acked]

    def records(self) -> Iterator[Dict[str, Any]]:
        """Yield the shortest list of records that gives this memory."""
        own = ("epoch", "boot_id", "settings", "work_dir", "released", "seq", "acked")
        yield record_of(Met(**{name: getattr(self, name) for name in own}))
        for launch in self.launches.values():
            yield record_of(launch)
        for event in self.running.values():
            if event.seq <= self.acked:
                yield record_of(event)
        for stopping in self.stopping.values():
            yield record_of(stopping)
        for key in sorted(self.finished - set(self.outcomes)):
            yield record_of(Done(*key))
        for event in self.acknowledged():
            yield record_of(event)
        for event in self.events.values():
            yield record_of(event)


def _drop(numbered: Dict[int, Any], last: int) -> None:
    """Remove all up to number `last`, the numbers being in order."""
    for seq in list(itertools.takewhile(lambda seq: seq <= last, numbered)):
        del numbered[seq]


_APPLY: Dict[str, Tuple[Type[Any], Callable[[Memory, Any], None]]] = {
    "met": (Met, Memory.met),
    "launch": (Launch, Memory.launch),
    "event": (Event, Memory.event),
    "done": (Done, Memory.done),
    "ack": (Ack, Memory.ack),
    "release": (Release, Memory.release),
    "stopping": (Stopping, Memory.stop),
    "numbers": (Numbers, Memory.numbers),
}
_KINDS = {cls: kind for kind, (cls, _) in _APPLY.items()}


def record_of(body: Body) -> Dict[str, Any]:
    """Return what is written, to be encoded as JSON."""
    return {"kind": _KINDS[type(body)], "body": body}


def _encode(record: Mapping[str, Any]) -> bytes:
    return dump(record).encode() + b"\n"


def fold(data: bytes, complain: Callable[[str], None]) -> Memory:
    """Return the memory of a spool's bytes.  What follows the last line's end is ignored, a bad line told."""
    memory = Memory()
    for number, line in enumerate(data.split(b"\n")[:-1], start=1):
        try:
            memory.apply(load(line.decode()))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            complain(f"line {number} of the spool is ignored: {error}")
    return memory


class Spool:
    """The file and the memory, in step: `put` changes the memory, `write` makes the file follow."""

    def __init__(self, path: Path, complain: Callable[[str], None]) -> None:
        """Read the file, if any.  Raises OSError where it cannot be read or made."""
        self._path = path
        self._complain = complain
        self._fd = os.open(str(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        data = path.read_bytes()
        self.memory = fold(data, complain)
        self.lines = {seq: encode(event) for seq, event in self.memory.events.items()}
        """The unacknowledged events as messages, by number, ascending."""
        self._size = data.rfind(b"\n") + 1
        self._rewritten = 0
        os.ftruncate(self._fd, self._size)
        self._pending: List[bytes] = []
        self.failure: Optional[str] = None
        """Why the file cannot be written now."""

    def put(self, body: Body) -> None:
        """Take in a record, to be written by the next `write`."""
        if isinstance(body, Event):
            self.lines.pop(self.memory.start_of(body), None)
        self.memory.take(body)
        if isinstance(body, Event):
            line = self.lines[body.seq] = encode(body)
            self._pending.append(_EVENT_RECORD + line[len(_EVENT_MESSAGE) : -1] + b"}\n")
            return
        self._pending.append(_encode(record_of(body)))
        if isinstance(body, Ack):
            _drop(self.lines, self.memory.acked)

    def write(self) -> bool:
        """Append what was put.  Return whether the file has all; what it cannot take is kept for later."""
        if not self._pending:
            return self.failure is None
        data = b"".join(self._pending)
        try:
            self._append(data)
        except OSError as error:
            self._fail(error)
            return False
        self._pending, self.failure = [], None
        self._size += len(data)
        if self._size > _REWRITE_BYTES and self._size > 2 * self._rewritten:
            self._rewrite()
        return True

    def sync(self) -> None:
        """Make what was written survive a crash of the machine; may be called from another thread."""
        descriptor = os.dup(self._fd)
        try:
            os.fsync(descriptor)
        except OSError as error:
            self._complain(f"cannot sync {self._path}: {error.strerror}")
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Write and sync all, and close the file."""
        self.write()
        self.sync()
        os.close(self._fd)

    def _append(self, data: bytes) -> None:
        view, offset = memoryview(data), self._size
        while view:
            count = os.pwrite(self._fd, view, offset)
            view, offset = view[count:], offset + count

    def _fail(self, error: OSError) -> None:
        """Take back half a record, so that later ones begin on a line of their own."""
        if self.failure is None:
            self._complain(f"cannot write {self._path}: {error.strerror}")
        self.failure = f"cannot write {self._path}: {error.strerror}"
        os.ftruncate(self._fd, self._size)

    def _rewrite(self) -> None:
        """Replace the file by the shortest that says the same."""
        self._rewritten = self._size
        fresh = self._path.with_suffix(".new")
        try:
            data = b"".join(map(_encode, self.memory.records()))
            fresh.write_bytes(data)
            descriptor = os.open(str(fresh), os.O_RDWR | os.O_CLOEXEC)
            os.fsync(descriptor)
            fresh.replace(self._path)
            fsync_directory(self._path.parent)
        except OSError as error:
            self._complain(f"cannot rewrite {self._path}: {error.strerror}")
            return
        os.dup2(descriptor, self._fd, inheritable=False)
        os.close(descriptor)
        self._size = self._rewritten = len(data)
