"""A worker reached by SSH: one persistent connection for commands, OpenSSH and rsync for files."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import paramiko
from fabric import Connection

from master.adapters.error_log import ErrorLog
from master.adapters.remote_command import ErrorStream, command_line, kill_line
from master.adapters.rsync import Transfers
from master.adapters.session import Channel, Completed
from master.adapters.ssh_connection import CONNECTING, connect, disconnect, find_way, first_socket
from master.errors import RemoteError, SessionLost
from master.specs import ClusterSpec, ServerSpec

RUNS_AT_ONCE = 6
"""Commands at a time on one connection: sshd allows 10 sessions by default, and channels need some."""
CLOSE_GRACE_S = 2.0
"""How long a command may take to end by itself once its standard input has ended."""
KILL_S = 5.0
"""How long to wait for the command that kills another."""
_REFUSED_WAIT_S = 0.1
_CHUNK = 1 << 16


class SshSession:
    """Connects on first use.  Once the link is lost the session stays lost; make another."""

    def __init__(self, server: ServerSpec, cluster: ClusterSpec, *, connect_timeout_s: float = 15) -> None:
        self._server, self._cluster, self._connect_timeout_s = server, cluster, connect_timeout_s
        self._lock, self._opening = threading.Lock(), threading.Lock()
        self._connection: Connection | None = None
        self._transfers: Transfers | None = None
        self._channels: set[SshChannel] = set()
        self._running: set[_Started] = set()
        self._closed = False
        self._runs = threading.BoundedSemaphore(RUNS_AT_ONCE)
        self._pool = ThreadPoolExecutor(3 * RUNS_AT_ONCE, thread_name_prefix=f"ssh {server.name}")

    @property
    def host(self) -> str:
        """The worker's name in the cluster config."""
        return self._server.name

    @property
    def tcp_socket(self) -> socket.socket | None:
        """The socket under the connection, the first hop's where there are several; None if there is none."""
        return first_socket(self._connect()[0])

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 60.0) -> Completed:
        """Run a command in the home directory and wait for its end.

        Raises RemoteError after `timeout_s`, when the command has been killed.
        """
        with self._runs:
            deadline = time.monotonic() + timeout_s
            started = self._start(argv, deadline)
            self._running.add(started)
            try:
                return self._collect(started, argv, stdin, deadline, timeout_s)
            finally:
                self._running.discard(started)
                started.channel.close()

    def open_channel(self, argv: Sequence[str]) -> Channel:
        """Start a command and return its streams; its standard error goes to the log."""
        started = self._start(argv, time.monotonic() + self._connect_timeout_s)
        channel = SshChannel(self.host, started, self._channels.discard)
        self._channels.add(channel)
        return channel

    def push(self, source: Path, target: str) -> None:
        """Make the directory `target` on the worker equal to the local directory `source`."""
        self._connect()
        made = self.run(["mkdir", "-p", "--", from_home(target)])
        if made.exit_code != 0:
            raise RemoteError(
                self.host, "cannot make the directory", made.argv, made.stderr.decode(errors="replace")
            )
        self._files().push(source, from_home(target))

    def pull(self, source: str, target: Path) -> None:
        """Make the local directory `target` equal to the directory `source` on the worker."""
        self._files().pull(from_home(source), target)

    def close(self) -> None:
        """End the session, its channels, its commands and its transfers."""
        with self._lock:
            self._closed = True
            connection, transfers = self._connection, self._transfers
        for channel in list(self._channels):
            channel.close()
        for started in list(self._running):
            started.signal("KILL")
        if transfers is not None:
            transfers.close()
        if connection is not None:
            disconnect(connection)
        self._pool.shutdown(wait=False)

    def __enter__(self) -> SshSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _connect(self) -> tuple[Connection, Transfers]:
        with self._lock:
            if self._closed:
                raise SessionLost(f"{self.host}: the session is closed")
            if self._connection is None or self._transfers is None:
                route, files = find_way(self._server, self._cluster)
                self._connection = connect(self.host, route, files, timeout_s=self._connect_timeout_s)
                self._transfers = Transfers(
                    self.host, route, files, connect_timeout_s=self._connect_timeout_s, connecting=CONNECTING
                )
            return self._connection, self._transfers

    def _files(self) -> Transfers:
        return self._connect()[1]

    def _start(self, argv: Sequence[str], deadline: float) -> _Started:
        """Start a command; waits while the server allows no further session on this connection."""
        marker = uuid.uuid4().hex
        while True:
            channel = self._open()
            if channel is not None:
                with self._link():
                    channel.exec_command(command_line(argv, marker))
                    return _Started(channel, ErrorStream(marker))
            if time.monotonic() + _REFUSED_WAIT_S > deadline:
                raise RemoteError(
                    self.host, "sshd allows no more sessions on one connection (MaxSessions)", argv
                )
            time.sleep(_REFUSED_WAIT_S)

    def _open(self) -> paramiko.Channel | None:
        """Return a new channel, None if the server refuses one."""
        transport = self._transport()
        # The library keeps the reason of a refusal in one place for all threads.
        with self._opening, self._link():
            try:
                return transport.open_session(timeout=self._connect_timeout_s)
            except paramiko.ChannelException:
                return None

    def _transport(self) -> paramiko.Transport:
        transport: paramiko.Transport | None = self._connect()[0].client.get_transport()
        if transport is None or not transport.is_active():
            raise SessionLost(f"{self.host}: the link is broken")
        return transport

    @contextlib.contextmanager
    def _link(self) -> Iterator[None]:
        """Turn what the library raises for a broken link into SessionLost."""
        try:
            yield
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise SessionLost(f"{self.host}: the link broke: {error or type(error).__name__}") from error

    def _collect(
        self, started: _Started, argv: Sequence[str], stdin: bytes, deadline: float, timeout_s: float
    ) -> Completed:
        channel = started.channel
        out = self._submit(lambda: b"".join(chunks(channel.recv)))
        err = self._submit(lambda: b"".join(started.error_chunks()))
        if stdin:
            self._submit(lambda: _feed(channel, stdin))
        else:
            _end_input(channel)
        left = wait([out, err], timeout=_until(deadline)).not_done
        if left or not channel.status_event.wait(_until(deadline)):
            started.signal("KILL")
            raise RemoteError(self.host, f"no end after {timeout_s:g} s; killed", argv)
        if self._closed or is_lost(channel):
            raise SessionLost(f"{self.host}: the link ended while a command ran")
        code = channel.exit_status if channel.exit_status >= 0 else 255
        return Completed(tuple(argv), code, out.result(), err.result())

    def _submit(self, work: Callable[[], bytes]) -> Future[bytes]:
        try:
            return self._pool.submit(work)
        except RuntimeError:
            raise SessionLost(f"{self.host}: the session is closed") from None


@dataclass(frozen=True, eq=False)
class _Started:
    """A command on the worker."""

    channel: paramiko.Channel
    errors: ErrorStream

    def error_chunks(self) -> Iterator[bytes]:
        """Yield the command's standard error."""
        yield from map(self.errors.feed, chunks(self.channel.recv_stderr))
        yield self.errors.end()

    def signal(self, name: str) -> None:
        """Signal the command's process group, if it is known and the link still works."""
        group = self.errors.group
        if group is None:
            return
        with (
            contextlib.suppress(paramiko.SSHException, OSError, EOFError),
            self.channel.get_transport().open_session(timeout=KILL_S) as killer,
        ):
            killer.exec_command(kill_line(group, name))
            killer.status_event.wait(KILL_S)


class SshChannel:
    """The streams of one command on a worker."""

    def __init__(
        self,
        host: str,
        started: _Started,
        forget: Callable[[SshChannel], None],
    ) -> None:
        self._host, self._started, self._forget = host, started, forget
        self._raw = started.channel
        self._closing = threading.Lock()
        self._closed = False
        self._errors = ErrorLog(host, started.error_chunks)

    def send(self, data: bytes) -> None:
        """Write all of `data`."""
        try:
            self._raw.sendall(data)
        except OSError as error:
            raise SessionLost(f"{self._host}: cannot send: {error}") from error

    def receive(self) -> bytes:
        """Return at least one byte, or nothing once the command has closed its output."""
        data = self._raw.recv(_CHUNK)
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


def chunks(receive: Callable[[int], bytes]) -> Iterator[bytes]:
    """Yield what `receive` returns until the stream has ended."""
    return iter(lambda: receive(_CHUNK), b"")


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
