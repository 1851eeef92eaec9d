"""Asks the master that works in a run directory."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any
from urllib.parse import quote

from master.errors import TwophaseError, UsageError
from master.runs.control.place import connected
from master.storage.run_layout import RunLayout

_PATIENCE_S = 10.0
_MOST_BYTES = 64 << 20


class _Connection(http.client.HTTPConnection):
    """HTTP over a socket that is connected already."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__("control", timeout=_PATIENCE_S)
        sock.settimeout(_PATIENCE_S)
        self.sock = sock


def ask(layout: RunLayout, route: str, name: str = "") -> dict[str, Any] | None:
    """Return what the running master answers to a route and the name at its end; None where none works there.

    Raises UsageError for what it does not know, TwophaseError where it gives no answer.
    """
    try:
        sock = connected(layout)
        if sock is None:
            return None
        return _answer(sock, route + quote(name, safe=""))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise TwophaseError(f"the master in {layout.root} gives no answer ({error}): try again") from error


def _answer(sock: socket.socket, path: str) -> dict[str, Any]:
    connection = _Connection(sock)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        told: Any = json.loads(response.read(_MOST_BYTES))
    finally:
        connection.close()
    if not isinstance(told, dict):
        raise ValueError("it is no object")
    if response.status != http.client.OK:
        raise UsageError(str(told.get("error")))
    return told
