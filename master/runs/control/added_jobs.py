"""`POST /api/jobs`: an order to add jobs, which are in the body with the program that is to run them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from master import steady_clock
from master.core.nearest import hint, shown
from master.core.running.orders.of_jobs import AddJobs, AskedProgram
from master.core.running.orders.order import By, Ordered
from master.runs.control.answers import Answer
from master.runs.control.orders import Refused, check_reason, strict_json
from worker_agent.protocol.codec import MessageError, parse

ROUTE = "/api/jobs"
MOST_BYTES = 64 << 20
"""Of a request: a hundred thousand jobs."""
_WRONG = HTTPStatus.UNPROCESSABLE_ENTITY


@dataclass(frozen=True)
class _Request:
    """The body of a request, but for its `jobs`."""

    program: AskedProgram
    name: str = ""
    inputs: dict[str, str] = field(default_factory=dict)
    why: str = ""
    dry_run: bool = False


_FIELDS = ("jobs", *AskedProgram.__dataclass_fields__, *_Request.__dataclass_fields__.keys() - {"program"})


def ordered_jobs(body: bytes, by: By) -> Ordered:
    """Return the order that a request stands for: what is in `jobs` is as in a jobs file.

    Raises Refused for what is none.
    """
    try:
        said = strict_json(body)
    except (ValueError, RecursionError) as error:
        raise Refused(_WRONG, f"the body is no JSON: {error}") from error
    if not isinstance(said, dict) or not isinstance(said.get("jobs"), (list, dict)):
        raise Refused(_WRONG, "`jobs`: give what a jobs file holds, a list or an object")
    try:
        request = parse(_Request, _sorted(said))
    except MessageError as error:
        raise Refused(_WRONG, str(error).removeprefix(f"{_Request.__name__}.")) from error
    check_reason(request.why)
    text, inputs = json.dumps(said["jobs"]), request.inputs
    order = AddJobs(text=text, inputs=inputs, program=request.program, name=request.name)
    return Ordered(steady_clock.now(), by, order, request.why, request.dry_run)


def _sorted(said: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a request with those of its program apart."""
    words = {name for name in AskedProgram.__dataclass_fields__ if name in said}
    rest = {name: value for name, value in said.items() if name != "jobs" and name not in words}
    if "program" in rest:
        raise Refused(_WRONG, "`program`: give `script`, `module` or `trainer`")
    for name in rest.keys() - _Request.__dataclass_fields__.keys():
        raise Refused(_WRONG, f"no field {shown(name)}: {hint(name, _FIELDS)}")
    return {**rest, "program": {name: said[name] for name in words}}


def answered(event: Ordered, answer: Answer) -> Answer:
    """Return what is answered: what came of the order, and the name of the addition."""
    status, told = answer
    assert isinstance(event.order, AddJobs)
    return (status, {"addition": event.order.name, **told}) if status is HTTPStatus.OK else answer
