"""A session without a worker: it does what was scripted, refuses everything else and remembers the calls."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from master.adapters.mirror import bring, mirror
from master.adapters.session import Completed
from master.errors import RemoteError, SessionLost


@dataclass(frozen=True)
class Reply:
    """How a scripted command ends."""

    exit_code: int = 0
    stdout: bytes = b""
    stderr: bytes = b""


@dataclass(frozen=True)
class Call:
    """What a caller asked for."""

    verb: str
    """`run`, `open_channel`, `push`, `pull` or `close`."""
    argv: tuple[str, ...]
    stdin: bytes = b""


NEVER = None
"""What a behaviour returns for a command that does not end before its time is up."""

Behaviour = Callable[[tuple[str, ...], bytes], Reply | None]
"""Takes the arguments after the scripted ones and the standard input."""

Listener = Callable[[bytes], bytes | None]
"""Takes what was sent (nothing: the input has ended), returns the answer; None ends the command."""


class FakeSession:
    """Scripted; `root` is a directory that stands for the worker's file system, for push and pull."""

    def __init__(self, host: str = "fake", *, root: Path | None = None) -> None:
        self._host, self._root = host, root
        self._commands: dict[tuple[str, ...], Behaviour] = {}
        self._listeners: dict[tuple[str, ...], Listener] = {}
        self._broken = ""
        self.calls: list[Call] = []
        self.channels: list[FakeChannel] = []

    def script(self, *argv: str, behaviour: Behaviour | Reply) -> None:
        """Let commands that begin with `argv` be answered; the longest match counts."""
        self._commands[argv] = behaviour if callable(behaviour) else lambda rest, stdin: behaviour

    def script_channel(self, *argv: str, listener: Listener) -> None:
        """Let channels whose command begins with `argv` be opened."""
        self._listeners[argv] = listener

    def drop_link(self) -> None:
        """Break the link: this and every later call raises SessionLost."""
        self._broken = f"{self._host}: the link broke"
        for channel in self.channels:
            channel.drop()

    @property
    def host(self) -> str:
        """The name given at the start."""
        return self._host

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 60.0) -> Completed:
        """Return what was scripted."""
        self._record(Call("run", tuple(argv), stdin))
        prefix = _match(self._commands, argv)
        reply = self._commands[prefix](tuple(argv[len(prefix) :]), stdin)
        self._check_link()
        if reply is NEVER:
            raise RemoteError(self._host, f"no end after {timeout_s:g} s; killed", argv)
        return Completed(tuple(argv), reply.exit_code, reply.stdout, reply.stderr)

    def open_channel(self, argv: Sequence[str]) -> FakeChannel:
        """Return a channel to a scripted listener."""
        self._record(Call("open_channel", tuple(argv)))
        channel = FakeChannel(self._host, self._listeners[_match(self._listeners, argv)])
        self.channels.append(channel)
        return channel

    def push(self, source: Path, target: str) -> None:
        """Copy into the root."""
        self._record(Call("push", (str(source), target)))
        with self._copying(source, target):
            mirror(source, self._place(target))

    def pull(self, source: str, target: Path, names: Collection[str], most: int) -> None:
        """Copy out of the root."""
        self._record(Call("pull", (source, str(target))))
        with self._copying(source, target):
            bring(self._place(source), target, names, most)

    def close(self) -> None:
        """End the channels; later calls raise SessionLost."""
        self.calls.append(Call("close", ()))
        self._broken = self._broken or f"{self._host}: the session is closed"
        for channel in self.channels:
            channel.close()

    def __enter__(self) -> FakeSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _record(self, call: Call) -> None:
        self.calls.append(call)
        self._check_link()

    def _check_link(self) -> None:
        if self._broken:
            raise SessionLost(self._broken)

    def _place(self, path: str) -> Path:
        assert self._root is not None, f"{path}: this fake has no root, so push and pull are not scripted"
        assert path.startswith(("/", "~/")), f"{path!r} is neither absolute nor begins with ~/"
        return self._root / "home" / path[2:] if path.startswith("~/") else self._root / path.lstrip("/")

    @contextmanager
    def _copying(self, source: object, target: object) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RemoteError(self._host, f"cannot copy {source} to {target}: {error}") from error


@dataclass
class FakeChannel:
    """A channel whose other end is a function."""

    host: str
    listener: Listener
    sent: bytes = b""
    """All that the caller has sent."""
    _answers: queue.SimpleQueue[bytes | None] = field(default_factory=queue.SimpleQueue)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _state: str = "open"
    said: str = ""
    """On standard error."""

    def say(self, data: bytes) -> None:
        """Let the worker send something unasked."""
        self._answers.put(data)

    def end(self) -> None:
        """Let the command on the worker end."""
        with self._lock:
            self._finish("ended")

    def drop(self) -> None:
        """Break the link."""
        with self._lock:
            self._finish("lost")

    def send(self, data: bytes) -> None:
        """Give `data` to the listener."""
        with self._lock:
            if self._state != "open":
                raise SessionLost(f"{self.host}: cannot send: {self._state}")
            self.sent += data
            self._tell(data)

    def receive(self) -> bytes:
        """Return the next answer."""
        answer = self._answers.get()
        if answer is not None:
            return answer
        self._answers.put(None)
        if self._state == "lost":
            raise SessionLost(f"{self.host}: the link broke")
        return b""

    def last_words(self) -> str:
        """Return what the command has said."""
        return self.said

    def close(self) -> None:
        """End the command's input, then the command."""
        with self._lock:
            if self._state == "open":
                self._tell(b"")
            self._finish("closed")

    def _tell(self, data: bytes) -> None:
        answer = self.listener(data)
        if answer is None:
            self._finish("ended")
        elif answer:
            self._answers.put(answer)

    def _finish(self, state: str) -> None:
        if self._state == "open":
            self._answers.put(None)
            self._state = state
        if state == "closed" and self._state == "ended":
            self._state = state


def _match(
    scripted: dict[tuple[str, ...], Behaviour] | dict[tuple[str, ...], Listener], argv: Sequence[str]
) -> tuple[str, ...]:
    found = [prefix for prefix in scripted if tuple(argv[: len(prefix)]) == prefix]
    assert found, f"not scripted: {list(argv)}; scripted: {[list(prefix) for prefix in scripted]}"
    return max(found, key=len)
