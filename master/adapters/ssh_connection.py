"""Opens an authenticated connection to a worker, through its jump hosts, and says what to do when it cannot.

Nothing is asked and nothing is trusted by default: host keys must be known and only keys log in.
"""

from __future__ import annotations

import logging
import math
import os
import pwd
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paramiko
from fabric import Config, Connection
from paramiko.ssh_exception import IncompatiblePeer

from master.adapters.host_keys import HostKey, Verdict, explain, judge, keys_for, scan_command
from master.adapters.ssh_login import KeysOnly
from master.adapters.ssh_settings import (
    FAST_CIPHER,
    SYSTEM_KNOWN_HOSTS,
    Destination,
    Hop,
    Route,
    SshFiles,
    destination_of,
    find_route,
    parse_hop,
    resolve_argv,
    ssh_files,
)
from master.errors import SessionLost, WorkerUnusable
from master.specs import ClusterSpec, ServerSpec

CONNECTING = threading.BoundedSemaphore(8)
"""Connections being opened at once, over all sessions: sshd refuses bursts."""
SILENCE_S = 20
"""After so long without a sign of life a link counts as lost."""
KEEPALIVE_S = 5
_RESOLVE_TIMEOUT_S = 15
_FEW_KEYS = 2
_REAP_S = 2.0

# Lost links and refused keys reach the user as our errors, not as a second story on stderr.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


def find_way(server: ServerSpec, cluster: ClusterSpec) -> tuple[Route, SshFiles]:
    """Return the hosts to pass on the way to a worker and the files to use.  Raises WorkerUnusable."""
    try:
        files = ssh_files(cluster, Path(pwd.getpwuid(os.getuid()).pw_dir))
        route = find_route(destination_of(server), lambda destination: _resolve(destination, files))
        if server.ssh_key and not Path(route[-1].keys[0]).is_file():
            raise ValueError(f"ssh_key: {route[-1].keys[0]} does not exist")
        return route, files
    except ValueError as error:
        raise WorkerUnusable(server.name, str(error)) from None
    except FileNotFoundError:
        raise WorkerUnusable(
            server.name, "no `ssh` on the head node: apt-get install openssh-client"
        ) from None
    except subprocess.TimeoutExpired:
        raise WorkerUnusable(
            server.name, f"`ssh -G` took over {_RESOLVE_TIMEOUT_S} s (Match exec?)"
        ) from None


def _resolve(destination: Destination, files: SshFiles) -> Hop:
    argv = resolve_argv(destination, files)
    asked = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_RESOLVE_TIMEOUT_S,
        check=False,
    )
    if asked.returncode != 0:
        raise ValueError(f"ssh refuses its configuration: {asked.stderr.strip()}")
    return parse_hop(destination, asked.stdout, os.path.expanduser)


def connect(name: str, route: Route, files: SshFiles, *, timeout_s: float) -> Connection:
    """Open a connection to the last host of `route`; `name` is what errors call the worker.

    Raises WorkerUnusable when the user must act first, SessionLost when another try may help.
    """
    connection = None
    for before, hop in zip((None, *route), route, strict=False):
        connection = _hop_connection(name, hop, before, connection, files, timeout_s)
    assert connection is not None
    try:
        with CONNECTING:
            _open(name, connection)
    except BaseException:
        disconnect(connection)
        raise
    return connection


def disconnect(connection: Connection) -> None:
    """Close a connection and those that it runs through, however far they came."""
    for hop in _chain(connection):
        transport = hop.client.get_transport()
        hop.client.close()
        proxy: Any = transport.sock if transport else None
        if transport is not None and isinstance(proxy, paramiko.ProxyCommand):
            transport.join(_REAP_S)
            _reap(proxy.process)


def _reap(process: subprocess.Popen[bytes]) -> None:
    """End a ProxyCommand for good: the library terminates it and forgets it."""
    try:
        process.wait(_REAP_S)
    except subprocess.TimeoutExpired:
        process.kill()
    with process:
        pass


def first_socket(connection: Connection) -> socket.socket | None:
    """Return the TCP socket that everything runs through; None with ProxyCommand."""
    *_, first = _chain(connection)
    transport = first.client.get_transport()
    found = transport.sock if transport else None
    return found if isinstance(found, socket.socket) else None


def _chain(connection: Connection) -> Iterator[Connection]:
    """Yield the connection, then the ones that it runs through."""
    hop: Any = connection
    while isinstance(hop, Connection):
        yield hop
        hop = hop.gateway


def _hop_connection(
    name: str, hop: Hop, before: Hop | None, gateway: Connection | None, files: SshFiles, timeout_s: float
) -> Connection:
    connection = Connection(
        hop.hostname,
        user=hop.user,
        port=hop.port,
        gateway=gateway or hop.proxy_command,
        # An explicit, empty ssh_config: everything is resolved, and fabric's own files must not interfere.
        config=Config(ssh_config=paramiko.SSHConfig(), lazy=True),
        # Whole seconds there; none would wait for ever.
        connect_timeout=max(1, math.ceil(timeout_s)),
        connect_kwargs={
            "auth_strategy": KeysOnly(hop),
            "transport_factory": _TransportFactory(hop, files),
            "banner_timeout": timeout_s,
            "auth_timeout": timeout_s,
            "channel_timeout": timeout_s,
        },
    )
    connection.client.set_missing_host_key_policy(_StrictHostKeys(name, hop, before, files))
    return connection


def _open(name: str, connection: Connection) -> None:
    """Open a connection hop by hop, so that an error can tell which one failed."""
    for hop in reversed(list(_chain(connection))):
        where = name if hop is connection else f"{name}: jump host {hop.host}"
        try:
            hop.open()
            hop.transport.set_keepalive(KEEPALIVE_S)
        except paramiko.AuthenticationException as error:
            raise _auth_problem(where, hop, error) from error
        except IncompatiblePeer as error:
            raise WorkerUnusable(where, f"no common SSH algorithm: {error}") from error
        except paramiko.ChannelException as error:
            raise SessionLost(
                f"{where}: the jump host cannot reach {hop.host}:{hop.port}: {error.text}"
            ) from error
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise SessionLost(
                f"{where}: cannot connect to {hop.host}:{hop.port}: {_reason(error)}"
            ) from error


_NO_BANNER = (
    "something answers there and hangs up before it speaks SSH: another program on that port, or an sshd "
    "that takes no more connections for now (`MaxStartups`)"
)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, EOFError):
        return "closed while connecting"
    if "banner" in str(error).lower():
        return _NO_BANNER
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _auth_problem(where: str, hop: Connection, error: paramiko.AuthenticationException) -> Exception:
    keys: KeysOnly = hop.connect_kwargs["auth_strategy"]
    hung_up = not hop.client.get_transport().is_active()
    if keys.no_answer or (hung_up and len(keys.tried) <= _FEW_KEYS):
        return SessionLost(f"{where}: the link ended while logging in as {hop.user}: {_reason(error)}")
    many = "\nit hung up after so many keys: name the right one with ssh_key" if hung_up else ""
    return WorkerUnusable(where, keys.story() + many)


def _known_lines(files: SshFiles) -> list[str]:
    found = (Path(path) for path in (files.known_hosts, *SYSTEM_KNOWN_HOSTS))
    return [
        line for path in found if path.is_file() for line in path.read_text(errors="replace").splitlines()
    ]


class _StrictHostKeys(paramiko.MissingHostKeyPolicy):
    """Judges every host key itself: paramiko knows no patterns and one key only for each kind and host."""

    def __init__(self, name: str, hop: Hop, before: Hop | None, files: SshFiles) -> None:
        self._name, self._hop, self._before, self._files = name, hop, before, files

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        hop = self._hop
        shown = HostKey(key.get_name(), key.asbytes())
        known = keys_for(hop.known_as, _known_lines(self._files))
        verdict = judge(shown, known)
        if verdict is not Verdict.KNOWN:
            via = self._before.destination.name if self._before else None
            scan = scan_command(hop.hostname, hop.port, alias=hop.host_key_alias, via=via)
            places = (self._files.known_hosts, SYSTEM_KNOWN_HOSTS[0])
            problem = explain(verdict, hop.known_as, shown, known, places, scan)
            raise WorkerUnusable(self._name, f"{hop.hostname}:{hop.port}: {problem}")


class _TransportFactory:
    """Makes transports that answer at once, notice a silent link, and ask for the host key that is known."""

    def __init__(self, hop: Hop, files: SshFiles) -> None:
        self._hop, self._files = hop, files

    def __call__(self, sock: Any, **options: Any) -> paramiko.Transport:
        if isinstance(sock, socket.socket):
            tune(sock)
        transport = paramiko.Transport(sock, **options)
        security = transport.get_security_options()
        security.ciphers = sorted(security.ciphers, key=lambda name: name != FAST_CIPHER)
        known = {entry.key.kind for entry in keys_for(self._hop.known_as, _known_lines(self._files))}
        security.key_types = sorted(security.key_types, key=lambda name: _key_family(name) not in known)
        return transport


def _key_family(algorithm: str) -> str:
    """Return how known_hosts calls the keys of a signature algorithm."""
    return "ssh-rsa" if algorithm.startswith("rsa-sha2-") else algorithm


def tune(sock: socket.socket) -> None:
    """Make a socket send small messages at once and give up on a silent peer."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE_S * 1000)
