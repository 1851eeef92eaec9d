"""The connection under a session: made on first use, and the commands that are started on it."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import paramiko
from fabric import Connection

from master.adapters.remote_command import ErrorStream, command_line, kill_line
from master.adapters.rsync import Transfers
from master.adapters.ssh_connection import CONNECTING, connect, disconnect, find_way
from master.errors import RemoteError, SessionLost
from master.specs import ClusterSpec, ServerSpec

KILL_S = 5.0
"""How long to wait for the command that kills another."""
CHUNK = 1 << 16
_REFUSED_WAIT_S = 0.1


class SshLink:
    """Once it is lost it stays lost.  For any thread."""

    def __init__(self, server: ServerSpec, cluster: ClusterSpec, connect_timeout_s: float) -> None:
        self.host, self.connect_timeout_s = server.name, connect_timeout_s
        self._server, self._cluster = server, cluster
        self._lock, self._opening = threading.Lock(), threading.Lock()
        self._connection: Connection | None = None
        self._transfers: Transfers | None = None
        self.is_closing = False
        """Whether the session was told to end."""

    def connect(self) -> tuple[Connection, Transfers]:
        """Return the connection, and what copies files over it.  Raises RemoteError and SessionLost."""
        with self._lock:
            if self.is_closing:
                raise SessionLost(f"{self.host}: the session is closed")
            if self._connection is None or self._transfers is None:
                route, files = find_way(self._server, self._cluster)
                self._connection = connect(self.host, route, files, timeout_s=self.connect_timeout_s)
                self._transfers = Transfers(
                    self.host, route, files, connect_timeout_s=self.connect_timeout_s, connecting=CONNECTING
                )
            return self._connection, self._transfers

    def files(self) -> Transfers:
        """Return what copies files to and from the worker."""
        return self.connect()[1]

    def start(self, argv: Sequence[str], deadline: float) -> Started:
        """Start a command; waits while the server allows no further session on this connection."""
        marker = uuid.uuid4().hex
        while True:
            channel = self._open()
            if channel is not None:
                with self._guarded():
                    channel.exec_command(command_line(argv, marker))
                    return Started(channel, ErrorStream(marker))
            if time.monotonic() + _REFUSED_WAIT_S > deadline:
                raise RemoteError(
                    self.host, "sshd allows no more sessions on one connection (MaxSessions)", argv
                )
            time.sleep(_REFUSED_WAIT_S)

    def _open(self) -> paramiko.Channel | None:
        """Return a new channel, None if the server refuses one."""
        transport = self._transport()
        # The library keeps the reason of a refusal in one place for all threads.
        with self._opening, self._guarded():
            try:
                return transport.open_session(timeout=self.connect_timeout_s)
            except paramiko.ChannelException:
                return None

    def _transport(self) -> paramiko.Transport:
        transport: paramiko.Transport | None = self.connect()[0].client.get_transport()
        if transport is None or not transport.is_active():
            raise SessionLost(f"{self.host}: the link is broken")
        return transport

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """Turn what the library raises for a broken link into SessionLost."""
        try:
            yield
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise SessionLost(f"{self.host}: the link broke: {error or type(error).__name__}") from error

    def begin_close(self) -> None:
        """Connect no more."""
        with self._lock:
            self.is_closing = True

    def close(self) -> None:
        """End the transfers and the connection."""
        self.begin_close()
        if self._transfers is not None:
            self._transfers.close()
        if self._connection is not None:
            disconnect(self._connection)


@dataclass(frozen=True, eq=False)
class Started:
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


def chunks(receive: Callable[[int], bytes]) -> Iterator[bytes]:
    """Yield what `receive` returns until the stream has ended."""
    return iter(lambda: receive(CHUNK), b"")
