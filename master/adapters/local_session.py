"""The head node as a worker: the same verbs as over SSH, by processes and copies."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from types import TracebackType

from master.adapters.error_log import ErrorLog
from master.adapters.mirror import bring, mirror
from master.adapters.process_groups import signal_group
from master.adapters.session import STUCK_S, Channel, Completed
from master.errors import RemoteError, SessionLost

CLOSE_GRACE_S = 2.0
"""How long a command may take to end once its standard input has ended, and again once it is terminated."""
_CHUNK = 1 << 16


class LocalSession:
    """Commands run in sessions of their own, so that a Ctrl-C in the terminal does not reach them."""

    def __init__(self, host: str = "localhost", *, in_terminal: bool = False) -> None:
        """With `in_terminal` channels stay in this terminal's session, which they have to themselves."""
        self._host = host
        self._in_terminal = in_terminal
        self._channels: set[LocalChannel] = set()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._closed = False

    @property
    def host(self) -> str:
        """The name to show to the user."""
        return self._host

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 60.0) -> Completed:
        """Run a command in the home directory.  A missing program is exit code 127, as from a shell.

        Raises RemoteError after `timeout_s`, when the command has been killed.
        """
        try:
            process = self._started(argv)
        except OSError as error:
            return _not_started(argv, error)
        with process:
            try:
                out, err = process.communicate(stdin, timeout=timeout_s)
            except subprocess.TimeoutExpired:
                _abandon(process)
                raise RemoteError(self._host, f"no end after {timeout_s:g} s; killed", argv) from None
            finally:
                self._running.discard(process)
        if self._closed:
            raise SessionLost(f"{self._host}: the session was closed while a command ran")
        return Completed(tuple(argv), process.returncode, out, err)

    def _started(self, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        with self._lock:
            self._check_open()
            process = _start(argv)
            self._running.add(process)
            return process

    def open_channel(self, argv: Sequence[str]) -> Channel:
        """Start a command and return its streams; its standard error goes to the log."""
        with self._lock:
            self._check_open()
            # The shell says that a program is missing, as it would on another machine.
            process = _start(["/bin/sh", "-c", 'exec "$@"', "sh", *argv], own_session=not self._in_terminal)
            channel = LocalChannel(self._host, process, self._channels.discard)
            self._channels.add(channel)
            return channel

    def push(self, source: Path, target: str) -> None:
        """Make the directory `target` equal to `source`."""
        with self._copying(source, _local(target)):
            mirror(source, _local(target))

    def pull(self, source: str, target: Path, names: Collection[str], most: int) -> None:
        """Bring these files of `source` into the directory `target`."""
        with self._copying(_local(source), target):
            bring(_local(source), target, names, most)

    def close(self) -> None:
        """End the session, its channels and its commands."""
        with self._lock:
            self._closed = True
            channels, running = list(self._channels), list(self._running)
        for process in running:
            signal_group(process, signal.SIGKILL)
        for channel in channels:
            channel.close()

    def __enter__(self) -> LocalSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise SessionLost(f"{self._host}: the session is closed")

    @contextlib.contextmanager
    def _copying(self, source: Path, target: Path) -> Iterator[None]:
        self._check_open()
        try:
            yield
        except OSError as error:
            place = f"{error.filename}: {error.strerror}" if error.filename else str(error)
            problem = f"cannot copy {source} to {target}: {place}"
            raise RemoteError.of(self._host, problem, error) from error


class LocalChannel:
    """The pipes of one command."""

    stuck_s = STUCK_S

    def __init__(
        self, host: str, process: subprocess.Popen[bytes], forget: Callable[[LocalChannel], None]
    ) -> None:
        self._host, self._process, self._forget = host, process, forget
        assert process.stdin and process.stdout and process.stderr
        self._input, self._output = process.stdin, process.stdout
        os.set_blocking(self._input.fileno(), False)
        self._sending, self._receiving, self._closing = threading.Lock(), threading.Lock(), threading.Lock()
        self._closed = False
        self._woken, self._wake = os.pipe()
        self._errors = ErrorLog(host, self._error_lines)

    def send(self, data: bytes) -> None:
        """Write all of `data`."""
        with self._sending:
            try:
                if self._closed:
                    raise BrokenPipeError
                self._write(memoryview(data))
            except TimeoutError as error:
                raise SessionLost(f"{self._host}: cannot send: {error}") from error
            except OSError as error:
                raise SessionLost(f"{self._host}: cannot send: the command has ended") from error

    def _write(self, left: memoryview) -> None:
        descriptor, room = self._input.fileno(), select.poll()
        room.register(descriptor, select.POLLOUT)
        while left:
            if not room.poll(1000.0 * self.stuck_s):
                raise TimeoutError(f"it takes nothing for {self.stuck_s:g} s")
            with contextlib.suppress(BlockingIOError):
                left = left[os.write(descriptor, left) :]

    def receive(self) -> bytes:
        """Return at least one byte, or nothing once the command has closed its output."""
        with self._receiving:
            if self._closed:
                return b""
            waiting = select.poll()
            waiting.register(self._output, select.POLLIN)
            waiting.register(self._woken, select.POLLIN)
            ready = {descriptor for descriptor, _ in waiting.poll()}
            if self._output.fileno() not in ready:
                return b""
            return os.read(self._output.fileno(), _CHUNK)

    def last_words(self) -> str:
        """Return the last lines of the command's standard error."""
        return self._errors.last_words()

    def close(self) -> None:
        """End the command: its standard input first, the command itself after a grace period."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            os.write(self._wake, b"!")
            self._end_process()
            self._close_pipes()
            self._forget(self)

    def _end_process(self) -> None:
        # A blocked `send` holds the lock; it ends with the process.
        if self._sending.acquire(timeout=CLOSE_GRACE_S):
            with contextlib.suppress(BrokenPipeError):
                self._input.close()
            self._sending.release()
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(CLOSE_GRACE_S)
                return
            signal_group(self._process, number)
        self._process.wait()

    def _close_pipes(self) -> None:
        with self._sending, contextlib.suppress(BrokenPipeError):
            self._input.close()
        with self._receiving:
            self._output.close()
            os.close(self._wake)
            os.close(self._woken)
        # The command's children may hold its standard error open for ever.
        self._errors.wait(CLOSE_GRACE_S)

    def _error_lines(self) -> Iterator[bytes]:
        assert self._process.stderr is not None
        with self._process.stderr as errors:
            yield from errors


def _start(argv: Sequence[str], *, own_session: bool = True) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path.home(),
        start_new_session=own_session,
    )


def _not_started(argv: Sequence[str], error: OSError) -> Completed:
    code = 127 if isinstance(error, FileNotFoundError) else 126
    return Completed(tuple(argv), code, b"", f"{argv[0]}: {error.strerror}\n".encode())


def _abandon(process: subprocess.Popen[bytes]) -> None:
    """Kill a command and let go of its pipes, which a child in another session may hold open."""
    signal_group(process, signal.SIGKILL)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


def _local(path: str) -> Path:
    if path.startswith("/") or path == "~" or path.startswith("~/"):
        return Path(path).expanduser()
    raise ValueError(f"{path!r} is neither absolute nor begins with ~/")
