"""Follows the log of a job by the master that works in a run directory."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from master.runs.control.answers import LOGS
from master.runs.control.client import Connection, answering, reached, refusal
from master.storage.run_layout import RunLayout

_PATIENCE_S = 30.0
"""A master says something all the time."""
_MOST_BYTES = 1 << 20
"""In a line."""


def followed(
    layout: RunLayout, job_id: str, lines: int | None, *, beats: bool = False
) -> Iterator[dict[str, Any]] | None:
    """Return what the running master tells of a job's log, as long as it does; None where none works there.

    With `beats` also the empty frames by which it says that there is nothing new.
    Raises UsageError for a job that it does not know, TwophaseError where it gives no answer.
    """
    with answering(layout):
        sock = reached(layout)
        return None if sock is None else _opened(sock, job_id, lines, beats)


def _opened(sock: socket.socket, job_id: str, lines: int | None, beats: bool) -> Iterator[dict[str, Any]]:
    connection = Connection(sock, _PATIENCE_S)
    connection.request("GET", LOGS + quote(job_id, safe="") + ("" if lines is None else f"?tail={lines}"))
    response = connection.getresponse()
    if response.status != http.client.OK:
        told = json.loads(response.read(_MOST_BYTES))
        connection.close()
        raise refusal(response.status, told)
    return _lines(connection, response, beats)


def _lines(
    connection: http.client.HTTPConnection, response: http.client.HTTPResponse, beats: bool
) -> Iterator[dict[str, Any]]:
    """Yield what comes, until nobody says anything any more."""
    try:
        while line := response.readline(_MOST_BYTES):
            told = json.loads(line)
            if told or beats:
                yield told
    except (OSError, http.client.HTTPException, ValueError):
        return  # it is gone; who follows goes on by what is at home
    finally:
        connection.close()
