"""Orders as requests to a running master: read strictly, given to the dispatcher, answered once they hold.

Whatever is not known is refused: another route, another field, another kind of value.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as NoReply
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

from master import steady_clock
from master.adapters.inbox import Asked, Inbox
from master.core.nearest import hint, shown
from master.core.running.orders.order import MOST_OF_A_REASON, ORDERS, By, Ordered, Reply
from master.errors import TwophaseError
from master.runs.control.answers import Answer
from worker_agent.protocol.codec import MessageError, parse

Prepare = Callable[[Ordered], Ordered]
"""Reads what an order has of the user's files.  Raises TwophaseError for what is wrong in there."""
ROUTE = "/api/orders/"
"""Before the verb."""
MOST_BYTES = 1 << 20
"""Of a request."""
PATIENCE_S = 30.0
"""For the dispatcher to take an order up and to remember it."""


@dataclass(frozen=True)
class Request:
    """The body of a request."""

    order: dict[str, Any]
    """The fields of the verb's order."""
    why: str = ""
    dry_run: bool = False


class Refused(Exception):
    """A request that is not taken up."""

    def __init__(self, status: HTTPStatus, problem: str) -> None:
        self.answer: Answer = status, {"error": problem}
        super().__init__(problem)


def ordered(path: str, body: bytes, by: By) -> Ordered:
    """Return the order that a request stands for.  Raises Refused for what is none."""
    verb = path.removeprefix(ROUTE)
    if not path.startswith(ROUTE) or verb not in ORDERS:
        raise Refused(
            HTTPStatus.NOT_FOUND, f"no route {shown(path)}: {hint(path, [ROUTE + each for each in ORDERS])}"
        )
    try:
        request = parse(Request, strict_json(body))
        order = parse(ORDERS[verb], request.order)
    except (MessageError, ValueError, RecursionError) as error:
        raise Refused(HTTPStatus.BAD_REQUEST, f"{verb}: {error}") from error
    check_reason(request.why)
    return Ordered(steady_clock.now(), by, order, request.why, request.dry_run)


def check_reason(why: str) -> None:
    """Raise Refused for a reason that is too long to be remembered."""
    if len(why) > MOST_OF_A_REASON:
        raise Refused(HTTPStatus.BAD_REQUEST, f"--why: more than {MOST_OF_A_REASON} characters")


def strict_json(body: bytes) -> Any:
    """Return what is said as JSON, in UTF-8, with each name once.  Raises ValueError."""
    said = json.loads(body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_number)
    try:
        json.dumps(said, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        character = error.object[error.start : error.start + 1]
        raise ValueError(f"{character!a} is no character: say it, --why too, in UTF-8") from error
    return said


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def prepared(event: Ordered, prepare: Prepare, wrong: HTTPStatus = HTTPStatus.BAD_REQUEST) -> Ordered:
    """Return an order with what it has of the user's files.

    Raises Refused, with the status `wrong`, for what is wrong in there.
    """
    try:
        return prepare(event)
    except TwophaseError as error:
        raise Refused(wrong, str(error)) from error
    except OSError as error:
        problem = f"{error.filename or 'what the order names'}: {error.strerror or error}; nothing was done"
        raise Refused(wrong, problem) from error


def carried_out(
    event: Ordered, inbox: Inbox, is_over: Callable[[], bool] = lambda: False, patience_s: float = PATIENCE_S
) -> Answer:
    """Give an order to the dispatcher and return its reply.

    `is_over` becomes true before the dispatcher empties its inbox for the last time: nobody answers then.
    """
    reply: Future[Reply] = Future()
    inbox.put(Asked(event, reply))
    if is_over():
        reply.cancel()
    try:
        return HTTPStatus.OK, asdict(reply.result(patience_s))
    except CancelledError:
        return HTTPStatus.SERVICE_UNAVAILABLE, {"error": "the run is over: nothing was done"}
    except NoReply:
        if reply.cancel():
            return HTTPStatus.SERVICE_UNAVAILABLE, {"error": "the run is busy: nothing was done, try again"}
        problem = "the run ended, or stands still, while at it: `twophase ps` tells what was done"
        return HTTPStatus.SERVICE_UNAVAILABLE, {"error": problem}
