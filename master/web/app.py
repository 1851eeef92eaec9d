"""The routes of the page.  All are behind the guard; what reads the picture of the run is on one thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from master.errors import NoMaster, TwophaseError, UsageError
from master.web.adding import Adding
from master.web.api.jobs import JobsOfRun
from master.web.api.listeners import Listeners
from master.web.api.routes import add_api
from master.web.api.service import Api
from master.web.drawn.answers import Drawn
from master.web.drawn.metrics import CONTENT_TYPE
from master.web.drawn.timeline import MOST_STEPS
from master.web.guard import Guard
from master.web.listing import MOST_ROWS
from master.web.live import MOST_WATCHED, Live
from master.web.page import Page, wished

MOST_THREADS = 264
"""More than there are connections."""
STATIC = Path(__file__).with_name("static")
Answer = dict[str, Any]
Number = Annotated[int, Query(ge=0, lt=2**63)]
_LATEST = 1e11
"""Unix time that nobody lives to see."""
JobId = Annotated[str, Query(max_length=1000)]
Words = Annotated[str, Query(max_length=500)]
Watched = Annotated[tuple[str, ...], Query(max_length=MOST_WATCHED)]
_STATUS = {UsageError: HTTPStatus.BAD_REQUEST, NoMaster: HTTPStatus.CONFLICT}


class Wanted(BaseModel, extra="forbid"):
    """Which jobs a visitor wants to see, and which of these."""

    q: str = Field("", max_length=500)
    state: str = Field("", max_length=200)
    base: str = Field("", max_length=100)
    sort: Literal["state", "since", "job", "worker", "tries"] = "state"
    reverse: bool = False
    offset: int = Field(0, ge=0, le=10**7)
    limit: int = Field(100, ge=1, le=MOST_ROWS)


class Window(BaseModel, extra="forbid"):
    """Which part of the time line a visitor wants to see."""

    since: float | None = Field(None, ge=0, le=_LATEST)
    until: float | None = Field(None, ge=0, le=_LATEST)
    steps: int = Field(400, ge=10, le=MOST_STEPS)
    offset: int = Field(0, ge=0, le=10**6)


def build(
    page: Page,
    guard: Callable[[Any], Guard],
    adding: Adding | None = None,
    roots: Sequence[Path] = (),
) -> Guard:
    """Return the application; `guard` puts the guard before it, and `adding` adds jobs for visitors.

    `roots`: folders below which trainings find their activations.
    """
    live, watch = Live(page), page.watch
    api = Api(watch, JobsOfRun(watch.layout), roots)
    listeners = Listeners(api, live)

    @asynccontextmanager
    async def living(_: FastAPI) -> AsyncIterator[None]:
        # A thread for each who may wait: those who wait for a master, or a long file, hold up nobody else.
        threads = ThreadPoolExecutor(MOST_THREADS, "page")
        asyncio.get_running_loop().set_default_executor(threads)
        following = [asyncio.create_task(each.follow()) for each in (live, listeners)]
        yield
        for each in following:
            each.cancel()

    # No documentation pages: theirs come from another host.
    app = FastAPI(title="Twophase", docs_url=None, redoc_url=None, openapi_url=None, lifespan=living)
    _add_errors(app)
    _add_reading(app, page)
    _add_drawn(app, Drawn(page.watch))
    _add_acting(app, page, adding or Adding(page.watch.layout))

    add_api(app, api, listeners)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return guard(app)


def _add_reading(app: FastAPI, page: Page) -> None:
    @app.get("/")
    async def start() -> FileResponse:
        return FileResponse(STATIC / "index.html", media_type="text/html")

    @app.get("/api/overview")
    async def overview(request: Request) -> Answer:
        return {**await page.overview(), "role": request.scope["role"].value}

    @app.get("/api/jobs")
    async def jobs(wanted: Annotated[Wanted, Query()]) -> Answer:
        wish = wished(wanted.q, wanted.state, wanted.base, wanted.sort, wanted.reverse)
        return await page.jobs(wish, wanted.offset, wanted.limit)

    @app.get("/api/job")
    async def job(id: JobId) -> Answer:
        return await page.job(id)

    @app.get("/api/log")
    async def log(id: JobId, attempt: Annotated[int | None, Query(ge=1)] = None) -> Answer:
        return await page.log(id, attempt)

    @app.get("/api/base-models")
    async def base_models() -> Answer:
        return await page.base_models()

    @app.get("/api/results")
    async def results(by: Words = "", over: Words = "seed,fold") -> Answer:
        return await page.results(by, tuple(filter(None, over.split(","))))

    @app.get("/api/changes")
    async def changes(since: Annotated[int, Query(ge=0)], watch: Watched = ()) -> Answer:
        return page.changes(since, watch)


def _add_drawn(app: FastAPI, drawn: Drawn) -> None:
    @app.get("/api/curves")
    async def curves(id: JobId) -> Answer:
        return await drawn.curves(id)

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(await drawn.metrics(), media_type=CONTENT_TYPE)

    @app.get("/api/timeline")
    async def timeline(wanted: Annotated[Window, Query()]) -> Answer:
        return drawn.timeline(wanted.since, wanted.until, wanted.steps, wanted.offset)

    @app.get("/api/journal")
    async def journal(
        before: Number | None = None, limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50
    ) -> Answer:
        return await drawn.journal(before, limit)


def _add_acting(app: FastAPI, page: Page, adding: Adding) -> None:
    @app.post("/api/orders/{verb}")
    async def order(verb: str, request: Request) -> Answer:
        return await page.order(verb, await _json(request))

    @app.post("/api/jobs")
    async def add(request: Request) -> Answer:
        try:
            return await adding.add(await _json(request))
        except UsageError as error:
            raise HTTPException(int(HTTPStatus.UNPROCESSABLE_ENTITY), str(error)) from error


async def _json(request: Request) -> Any:
    try:
        return await request.json()
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the body is no JSON: {error}") from error


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(TwophaseError)
    async def ours(_: Request, error: TwophaseError) -> JSONResponse:
        return _said(_STATUS.get(type(error), HTTPStatus.SERVICE_UNAVAILABLE), str(error))

    @app.exception_handler(LookupError)
    async def unknown(_: Request, error: LookupError) -> JSONResponse:
        return _said(HTTPStatus.NOT_FOUND, str(error.args[0] if error.args else error))

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return _said(HTTPStatus.UNPROCESSABLE_ENTITY, f"{where}: {first['msg']}")

    @app.exception_handler(HTTPException)
    async def plain(_: Request, error: HTTPException) -> JSONResponse:
        return _said(HTTPStatus(error.status_code), str(error.detail))


def _said(status: HTTPStatus, problem: str) -> JSONResponse:
    return JSONResponse({"error": problem}, int(status))
