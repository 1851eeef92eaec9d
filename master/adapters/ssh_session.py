"""A worker reached by SSH: one persistent connection for commands, OpenSSH and rsync for files."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path
from types import TracebackType

import paramiko

from master.adapters.error_log import ErrorLog
from master.adapters.session import (
    MOST_ANSWER_BYTES,
    STUCK_S,
    Channel,
    Completed,
    EndlessAnswer,
    bounded,
)
from master.adapters.ssh_connection import first_socket
from master.adapters.ssh_link import CHUNK, SshLink, Started, chunks
from master.errors import RemoteError, SessionLost
from master.specs import ClusterSpec, ServerSpec

RUNS_AT_ONCE = 6
"""Commands at a time on one connection: sshd allows 10 sessions by default, and channels need some."""
CLOSE_GRACE_S = 2.0
"""How long a command may take to end by itself once its standard input has ended."""
_LOOK_S = 0.005


class SshSession:
    """Connects on first use.  Once the link is lost the session stays lost; make another."""

    def __init__(self, server: ServerSpec, cluster: ClusterSpec, *, connect_timeout_s: float = 15) -> None:
        self._link = SshLink(server, cluster, connect_timeout_s)
        self._channels: set[SshChannel] = set()
        self._running: set[Started] = set()
        self._runs = threading.BoundedSemaphore(RUNS_AT_ONCE)
        self._pool = ThreadPoolExecutor(3 * RUNS_AT_ONCE, thread_name_prefix=f"ssh {server.name}")

    @property
    def host(self) -> str:
        """The worker's name in the cluster config."""
        return self._link.host

    @property
    def tcp_socket(self) -> socket.socket | None:
        """The socket under the connection, the first hop's where there are several; None if there is none."""
        return first_socket(self._link.connect()[0])

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 60.0) -> Completed:
        """Run a command in the home directory and wait for its end.

        Raises RemoteError after `timeout_s`, when the command has been killed.
        """
        with self._runs:
            deadline = time.monotonic() + timeout_s
            started = self._link.start(argv, deadline)
            self._running.add(started)
            try:
                return self._collect(started, argv, stdin, deadline, timeout_s)
            finally:
                self._running.discard(started)
                started.channel.close()

    def open_channel(self, argv: Sequence[str]) -> Channel:
        """Start a command and return its streams; its standard error goes to the log."""
        started = self._link.start(argv, time.monotonic() + self._link.connect_timeout_s)
        channel = SshChannel(self.host, started, self._channels.discard)
        self._channels.add(channel)
        return channel

    def push(self, source: Path, target: str) -> None:
        """Make the directory `target` on the worker equal to the local directory `source`."""
        self._link.connect()
        made = self.run(["mkdir", "-p", "--", from_home(target)])
        if made.exit_code != 0:
            raise RemoteError(
                self.host, "cannot make the directory", made.argv, made.stderr.decode(errors="replace")
            )
        self._link.files().push(source, from_home(target))

    def pull(self, source: str, target: Path, names: Collection[str], most: int) -> None:
        """Bring these files of the directory `source` on the worker into the local directory `target`."""
        if names:
            self._link.files().pull(from_home(source), target, names, most)

    def close(self) -> None:
        """End the session, its channels, its commands and its transfers."""
        self._link.begin_close()
        for channel in list(self._channels):
            channel.close()
        for started in list(self._running):
            started.signal("KILL")
        self._link.close()
        self._pool.shutdown(wait=False)

    def __enter__(self) -> SshSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _collect(
        self, started: Started, argv: Sequence[str], stdin: bytes, deadline: float, timeout_s: float
    ) -> Completed:
        channel = started.channel
        out = self._submit(lambda: bounded(chunks(channel.recv)))
        err = self._submit(lambda: bounded(started.error_chunks()))
        if stdin:
            self._submit(lambda: _feed(channel, stdin))
        else:
            _end_input(channel)
        ended = wait([out, err], timeout=_until(deadline), return_when=FIRST_EXCEPTION).done
        if any(isinstance(stream.exception(), EndlessAnswer) for stream in ended):
            started.signal("KILL")
            raise RemoteError(self.host, f"it says more than {MOST_ANSWER_BYTES:,} bytes; killed", argv)
        left = wait([out, err], timeout=_until(deadline)).not_done
        if left or not channel.status_event.wait(_until(deadline)):
            started.signal("KILL")
            raise RemoteError(self.host, f"no end after {timeout_s:g} s; killed", argv)
        if self._link.is_closing or is_lost(channel):
            raise SessionLost(f"{self.host}: the link ended while a command ran")
        code = channel.exit_status if channel.exit_status >= 0 else 255
        return Completed(tuple(argv), code, out.result(), err.result())

    def _submit(self, work: Callable[[], bytes]) -> Future[bytes]:
        try:
            return self._pool.submit(work)
        except RuntimeError:
            raise SessionLost(f"{self.host}: the session is closed") from None


class SshChannel:
    """The streams of one command on a worker."""

    stuck_s = STUCK_S

    def __init__(
        self,
        host: str,
        started: Started,
        forget: Callable[[SshChannel], None],
    ) -> None:
        self._host, self._started, self._forget = host, started, forget
        self._raw = started.channel
        self._closing = threading.Lock()
        self._closed = False
        self._errors = ErrorLog(host, started.error_chunks)

    def send(self, data: bytes) -> None:
        """Write all of `data`."""
        left, moved_at = memoryview(data), time.monotonic()
        try:
            while left:
                if self._raw.send_ready() or self._raw.closed:
                    left, moved_at = left[self._raw.send(bytes(left[:CHUNK])) :], time.monotonic()
                elif time.monotonic() - moved_at > self.stuck_s:
                    raise TimeoutError(f"it takes nothing for {self.stuck_s:g} s")
                else:
                    time.sleep(_LOOK_S)
        except OSError as error:
            raise SessionLost(f"{self._host}: cannot send: {error}") from error

    def receive(self) -> bytes:
        """Return at least one byte, or nothing once the command has closed its output."""
        data = self._raw.recv(CHUNK)
        if not data and not self._closed and is_lost(self._raw):
            raise SessionLost(f"{self._host}: the link broke")
        return data

    def last_words(self) -> str:
        """Return the last lines of the command's standard error."""
        return self._errors.last_words()

    def close(self) -> None:
        """End the command: its standard input first, the command itself after a grace period."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            _end_input(self._raw)
            if not self._raw.status_event.wait(CLOSE_GRACE_S):
                self._started.signal("TERM")
            self._raw.close()
            self._forget(self)


def from_home(path: str) -> str:
    """Return a worker's path as commands there take it, which start in the home directory."""
    if path.startswith("/"):
        return path
    if path == "~" or path.startswith("~/"):
        return "./" + path[2:].lstrip("/")
    raise ValueError(f"{path!r} is neither absolute nor begins with ~/")


def is_lost(channel: paramiko.Channel) -> bool:
    """Tell whether a channel ended because the link did: sshd always says so when a command ends."""
    return not channel.eof_received or (channel.exit_status < 0 and not channel.get_transport().is_active())


def _feed(channel: paramiko.Channel, stdin: bytes) -> bytes:
    with contextlib.suppress(OSError):
        channel.sendall(stdin)
    _end_input(channel)
    return b""


def _end_input(channel: paramiko.Channel) -> None:
    with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
        channel.shutdown_write()


def _until(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())
