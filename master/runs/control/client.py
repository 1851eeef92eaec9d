"""Asks the master that works in a run directory, and gives it orders."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote

from master.errors import NoMaster, TwophaseError, UsageError
from master.runs.control.added_jobs import MOST_BYTES as MOST_BYTES_OF_JOBS
from master.runs.control.added_jobs import ROUTE as JOBS
from master.runs.control.order_parts import in_parts
from master.runs.control.orders import PATIENCE_S as ORDER_PATIENCE_S
from master.runs.control.orders import ROUTE
from master.runs.control.place import connected, is_ours, peer_of
from master.runs.run_lock import last_elsewhere
from master.storage.run_layout import RunLayout

_PATIENCE_S = 10.0
_MOST_BYTES = 64 << 20
_ON_A_RETRY = (
    "the command that started the run tries again what failed, and with --retry-cancelled what was cancelled"
)
_WRONG_WORDS = frozenset({http.client.NOT_FOUND, http.client.BAD_REQUEST, http.client.UNPROCESSABLE_ENTITY})


class Connection(http.client.HTTPConnection):
    """HTTP over a socket that is connected already."""

    def __init__(self, sock: socket.socket, patience_s: float) -> None:
        super().__init__("control", timeout=patience_s)
        sock.settimeout(patience_s)
        self.sock = sock


def ask(layout: RunLayout, route: str, name: str = "") -> dict[str, Any] | None:
    """Return what the running master answers to a route and the name at its end; None where none works there.

    Raises UsageError for what it does not know, TwophaseError where it gives no answer.
    """
    return _asked(layout, "GET", route + quote(name, safe=""), None)


def order(
    layout: RunLayout, verb: str, fields: Mapping[str, Any], why: str = "", *, dry_run: bool = False
) -> dict[str, Any]:
    """Give the running master an order and return its reply.

    Raises NoMaster where none works there, UsageError for wrong words, TwophaseError without an answer.
    """
    body = json.dumps({"order": dict(fields), "why": why, "dry_run": dry_run}).encode()
    told = _asked(layout, "POST", ROUTE + verb, body)
    if told is None:
        raise _no_master(layout, verb)
    return told


def _no_master(layout: RunLayout, verb: str) -> NoMaster:
    problem = f"no master is running on this run ({layout.root.resolve()}): nothing was done"
    advice = "give the command that started the run again, it goes on, then this one"
    if elsewhere := last_elsewhere(layout):
        problem += f"; the last master was {elsewhere}: where it still works, give the order there"
    return NoMaster(f"{problem}; {_ON_A_RETRY if verb == 'retry' else advice}")


def add_jobs(layout: RunLayout, request: Mapping[str, Any]) -> dict[str, Any]:
    """Have the running master add jobs and return its reply, with the name of the addition.

    `request` has `jobs`, as in a jobs file; `script`, `module` or `trainer`, or none for the run's own;
    `project_root`, `flag_style`, `name`, `inputs`, `why`, `dry_run`.  Raises as `order` does.
    """
    told = _asked(layout, "POST", JOBS, _said(request))
    if told is None:
        raise _no_master(layout, "add")
    return told


def _said(request: Mapping[str, Any]) -> bytes:
    """Return a request as JSON.  Raises UsageError where it is none, or longer than a master takes."""
    try:
        body = json.dumps(dict(request)).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"the jobs: {error}: give text, numbers, lists and objects alone") from error
    if len(body) > MOST_BYTES_OF_JOBS:
        problem = f"the jobs are {len(body) >> 20} MB, at most {MOST_BYTES_OF_JOBS >> 20} are taken at once"
        raise UsageError(f"{problem}: add them in parts")
    return body


def order_all(
    layout: RunLayout, verb: str, fields: Mapping[str, Any], why: str = "", *, dry_run: bool = False
) -> dict[str, Any]:
    """Give an order, in parts where it names many jobs, and return all that came of it, as it is published.

    Raises as `order` does where the first part fails; where a later one does, those that are left are
    refused, as what was done is to be told.
    """
    found: dict[str, list[Any]] = {"done": [], "refused": [], "notes": []}
    parts = list(in_parts(fields))
    for number, part in enumerate(parts):
        try:
            told = order(layout, verb, part, why, dry_run=dry_run)
        except TwophaseError as error:
            if not number:
                raise
            found["refused"] += _left(parts[number:], error)
            break
        for key, items in found.items():
            items += told[key]
    return {"verb": verb, "dry_run": dry_run, **found}


def _left(orders: Sequence[Mapping[str, Any]], error: TwophaseError) -> list[dict[str, str]]:
    """Return what is named by orders that were not carried out, as far as is known."""
    says = f"is not known to be done: {error}"
    return [{"name": name, "says": says} for fields in orders for name in _named(fields)]


def _named(fields: Mapping[str, Any]) -> Sequence[str]:
    """Return the jobs or workers that an order names."""
    names: Sequence[str] = fields.get("jobs") or fields.get("workers") or ["the rest"]
    return names


def reached(layout: RunLayout) -> socket.socket | None:
    """Return a connection to the running master; None where none works there.

    Raises TwophaseError where it is another user's, OSError where it cannot be reached.
    """
    sock = connected(layout)
    if sock is not None and not is_ours(peer := peer_of(sock)):
        sock.close()
        raise TwophaseError(f"the run in {layout.root} is {peer.user}'s: ask as that user")
    return sock


@contextmanager
def answering(layout: RunLayout) -> Iterator[None]:
    """Raise TwophaseError where a master breaks off, or says what is no answer."""
    try:
        yield
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise TwophaseError(f"the master in {layout.root} gives no answer ({error}): try again") from error


def _asked(layout: RunLayout, method: str, path: str, body: bytes | None) -> dict[str, Any] | None:
    with answering(layout):
        sock = reached(layout)
        return None if sock is None else _answer(sock, method, path, body)


def _answer(sock: socket.socket, method: str, path: str, body: bytes | None) -> dict[str, Any]:
    connection = Connection(sock, _PATIENCE_S if body is None else ORDER_PATIENCE_S + _PATIENCE_S)
    try:
        with suppress(BrokenPipeError, ConnectionResetError):  # who refuses need not hear all
            connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        response = connection.getresponse()
        told: Any = json.loads(response.read(_MOST_BYTES))
    finally:
        connection.close()
    if not isinstance(told, dict):
        raise ValueError("it is no object")
    if response.status != http.client.OK:
        raise refusal(response.status, told)
    return told


def refusal(status: int, told: Mapping[str, Any]) -> TwophaseError:
    """Return the error that an answer tells of."""
    kind = UsageError if status in _WRONG_WORDS else TwophaseError
    return kind(str(told.get("error")))
