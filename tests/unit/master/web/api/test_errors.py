"""What is wrong, as clients are told."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from master.errors import NoMaster, TwophaseError, UsageError
from master.web.api.errors import ApiRoute, Wrong, no_training


class Number(BaseModel):
    n: int


def answer_to(error: Exception | None) -> tuple[int, object]:
    """Return what a client is told where a route raises something."""
    app, router = FastAPI(), APIRouter(route_class=ApiRoute)

    @router.get("/")
    async def fails() -> dict[str, object]:
        if error is None:
            Number.model_validate({"n": "x"})
        else:
            raise error
        return {}

    app.router.routes.extend(router.routes)
    with TestClient(app) as client:
        told = client.get("/")
    return told.status_code, told.json()


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (Wrong(HTTPStatus.BAD_REQUEST, "no"), 400, "no"),
        (no_training("x" * 300), 404, f"no training '{'x' * 200}'"),
        (NoMaster("none"), 409, "none"),
        (UsageError("what"), 400, "what"),
        (TwophaseError("busy"), 503, "busy"),
        (HTTPException(418, "tea"), 418, "tea"),
    ],
)
def test_both_names_say_what_is_wrong(error: Exception, status: int, text: str) -> None:
    assert answer_to(error) == (status, {"error": text, "detail": text})


def test_what_is_not_valid_has_its_place() -> None:
    status, told = answer_to(None)
    assert status == 422 and isinstance(told, dict)
    assert told["error"].startswith("n: Input should be a valid integer")
    assert told["detail"][0]["loc"] == ["n"] and set(told["detail"][0]) == {"type", "loc", "msg"}
