"""What is wrong: `error` as everywhere on this server, `detail` as clients of the API read it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from master.errors import NoMaster, TwophaseError, UsageError

_STATUS: Mapping[type[Exception], HTTPStatus] = {
    UsageError: HTTPStatus.BAD_REQUEST,
    NoMaster: HTTPStatus.CONFLICT,
}
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Wrong(Exception):
    """A request that cannot be answered."""

    def __init__(self, status: HTTPStatus, problem: str) -> None:
        self.status, self.problem = status, problem
        super().__init__(problem)


def no_training(job_id: str) -> Wrong:
    """Return what to raise for a training that nobody knows."""
    return Wrong(HTTPStatus.NOT_FOUND, f"no training {job_id[:200]!r}")


class ApiRoute(APIRoute):
    """A route of the API."""

    def get_route_handler(self) -> Handler:
        """Return what answers, also where something is wrong."""
        plain = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await plain(request)
            except (Wrong, ValidationError, RequestValidationError, HTTPException, TwophaseError) as error:
                return _said(error)

        return answer


def _said(error: Exception) -> JSONResponse:
    if isinstance(error, (ValidationError, RequestValidationError)):
        wrong = [{key: each[key] for key in ("type", "loc", "msg")} for each in error.errors()]
        where = ".".join(map(str, wrong[0]["loc"]))
        text = f"{where}: {wrong[0]['msg']}" if where else str(wrong[0]["msg"])
        return JSONResponse({"error": text, "detail": wrong}, HTTPStatus.UNPROCESSABLE_ENTITY)
    status, text = _plain(error)
    return JSONResponse({"error": text, "detail": text}, status)


def _plain(error: Exception) -> tuple[int, str]:
    if isinstance(error, Wrong):
        return error.status, error.problem
    if isinstance(error, HTTPException):
        return error.status_code, str(error.detail)
    return _STATUS.get(type(error), HTTPStatus.SERVICE_UNAVAILABLE), str(error)
