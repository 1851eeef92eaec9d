"""The routes of the API, each with and without `/api` before it."""

from __future__ import annotations

import json
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, FastAPI, Path, Query, Request, WebSocket
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel

from master.web.api.asking import Asked, ToLoad, Wanted
from master.web.api.errors import ApiRoute
from master.web.api.listeners import Listeners
from master.web.api.service import Answer, Api

PREFIXES = ("", "/api")
Id = Annotated[str, Path(max_length=200)]
Told = TypeVar("Told", bound=BaseModel)


def add_api(app: FastAPI, api: Api, listeners: Listeners) -> None:
    """Add the routes to an application."""
    for prefix in PREFIXES:
        router = APIRouter(prefix=prefix, route_class=ApiRoute)
        _add_server(router, api)
        _add_trainings(router, api)
        _add_results(router, api)
        _add_socket(router, listeners)
        # As routes of the application itself: who attacks them all finds them there.
        app.router.routes.extend(router.routes)


def _add_server(router: APIRouter, api: Api) -> None:
    @router.get("/health")
    async def health() -> Answer:
        return dict(api.health())

    @router.get("/cache/stats")
    async def cache_stats() -> Answer:
        return await api.cache_stats()

    @router.post("/cache/clear")
    async def clear_caches() -> Answer:
        return await api.cache_stats(clear=True)


def _add_trainings(router: APIRouter, api: Api) -> None:
    @router.post("/sae/train", openapi_extra=_body_of(Asked))
    async def train(request: Request) -> Answer:
        return await api.train(await _asked(request, Asked), fast=False)

    @router.post("/sae/train-fast", openapi_extra=_body_of(Asked))
    async def train_fast(request: Request) -> Answer:
        return await api.train(await _asked(request, Asked), fast=True)

    @router.get("/sae/training/status/{job_id}")
    async def status(job_id: Id) -> Answer:
        return await api.status(job_id)

    @router.get("/sae/training/jobs")
    async def jobs() -> Answer:
        return await api.all_jobs()

    @router.delete("/sae/training/{job_id}")
    async def cancel(job_id: Id) -> Answer:
        return await api.cancel(job_id)


def _add_results(router: APIRouter, api: Api) -> None:
    @router.post("/sae/load-trained", openapi_extra=_body_of(ToLoad))
    async def load(request: Request) -> Answer:
        return await api.load((await _asked(request, ToLoad)).job_id)

    @router.get("/sae/status")
    async def sae_status() -> Answer:
        return await api.sae_status()

    @router.get("/features")
    async def features(wanted: Annotated[Wanted, Query()]) -> Answer:
        return await api.features(wanted)

    @router.get("/feature/{feature_id}/details")
    async def feature(feature_id: Id) -> Answer:
        return await api.feature(feature_id)


def _add_socket(router: APIRouter, listeners: Listeners) -> None:
    @router.websocket("/ws")
    async def listen(socket: WebSocket) -> None:
        await listeners.serve(socket)


async def _asked(request: Request, kind: type[Told]) -> Told:
    """Return what a request says: its body, JSON, and its query, which may not say the same thing twice."""
    body, query = await request.body(), request.query_params
    try:
        said: Any = json.loads(body, parse_constant=_no_number) if body else {}
    except (ValueError, RecursionError) as error:
        raise _wrong("json_invalid", ("body",), f"it is no JSON: {error}") from error
    if not isinstance(said, dict):
        raise _wrong("model_type", ("body",), "it is no object")
    for name, value in query.multi_items():
        if name in said:
            raise _wrong("value_error", ("query", name), "it stands twice")
        said[name] = value
    return kind.model_validate(said)


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _wrong(kind: str, place: tuple[str, ...], problem: str) -> RequestValidationError:
    return RequestValidationError([{"type": kind, "loc": place, "msg": problem}])


def _body_of(kind: type[BaseModel]) -> dict[str, Any]:
    schema = kind.model_json_schema()
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
