"""Serves the page: bound by ourselves, to this machine alone unless a name and TLS files are given."""

from __future__ import annotations

import errno
import getpass
import logging
import socket
import ssl
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn

from master.errors import UsageError
from master.web.adding import Adding
from master.web.app import build
from master.web.guard import LOOPBACK, Guard
from master.web.page import Page
from master.web.passes import Passes, Role
from master.web.run_watch import RunWatch

HERE = "127.0.0.1"
_MOST_CONNECTIONS = 256
_MOST_OF_A_MESSAGE = 1 << 16
_LAST_WORDS_S = 2


@dataclass(frozen=True)
class Place:
    """Where the page is to be had."""

    port: int
    name: str = ""
    """By which other machines know this one; empty: only this machine is served."""
    certificate: Path | None = None
    key: Path | None = None

    def url(self, passes: Passes, role: Role) -> str:
        """Return the address to open."""
        scheme, host = ("https", self.name) if self.name else ("http", "localhost")
        return f"{scheme}://{host}:{self.port}/?token={passes.user if role is Role.USER else passes.viewer}"

    @property
    def tunnel(self) -> str:
        """Return what to give on the machine where the browser is."""
        return f"ssh -L {self.port}:localhost:{self.port} {getpass.getuser()}@{socket.gethostname()}"


def listening(name: str, port: int) -> socket.socket:
    """Listen on a port of this machine, 0: on a free one.  Raises UsageError where it cannot be had."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((name or HERE, port))
        # Whoever opens the address as soon as it is printed waits, and is not refused.
        listener.listen(_MOST_CONNECTIONS)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            problem = f"--port {port} is in use on this machine"
            raise UsageError(f"{problem}: give another, or 0 for any that is free") from error
        where = f"--web-host {name}" if name else f"--port {port}"
        raise UsageError(f"{where} cannot be listened on: {error.strerror or error}") from error
    return listener


def check_tls(place: Place) -> None:
    """Refuse TLS files that cannot be used.  Raises UsageError."""
    if place.certificate is None or place.key is None:
        return
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(place.certificate, place.key)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"--tls-cert, --tls-key: they cannot be used: {error}") from error


class Server:
    """The page on a socket."""

    def __init__(
        self,
        watch: RunWatch,
        passes: Passes,
        place: Place,
        scripts: Sequence[Path] = (),
        roots: Sequence[Path] = (),
    ) -> None:
        """Visitors may add jobs of `scripts` below these folders; activations lie below `roots`."""
        hosts = LOOPBACK | ({place.name.lower()} if place.name else set())
        guard = partial(Guard, passes=passes, hosts=frozenset(hosts))
        app: Any = build(Page(watch), guard, Adding(watch.layout, scripts), roots)
        # A proxy's words about the scheme and the visitor are not believed; the token is in no log.
        config = uvicorn.Config(
            app,
            access_log=False,
            log_config=None,
            log_level=logging.ERROR,
            server_header=False,
            proxy_headers=False,
            ws="websockets-sansio",
            ws_max_size=_MOST_OF_A_MESSAGE,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_graceful_shutdown=_LAST_WORDS_S,
            ssl_certfile=place.certificate,
            ssl_keyfile=place.key,
        )
        self._server = uvicorn.Server(config)

    def run(self, listener: socket.socket) -> None:
        """Serve until a signal ends it, or `stop`."""
        self._server.run(sockets=[listener])

    def stop(self) -> None:
        """Serve nobody any more; from any thread."""
        self._server.should_exit = True

    def stop_with_input(self) -> None:
        """Stop once standard input ends: whoever started the page is gone."""
        threading.Thread(target=self._hear, name="input", daemon=True).start()

    def _hear(self) -> None:
        while sys.stdin.buffer.read(4096):
            continue
        self.stop()
