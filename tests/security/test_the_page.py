"""Who attacks the page is refused before any route hears of it: every route × method × attack.

The routes are those that the application has: a new one is attacked without being named here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, APIWebSocketRoute
from fastapi.testclient import TestClient
from starlette.routing import Mount, Route
from starlette.websockets import WebSocketDisconnect

from master.web.app import build
from master.web.guard import MOST_BYTES, OPEN, Guard
from master.web.page import Page
from master.web.passes import Role, cookie_name
from master.web.run_watch import RunWatch
from tests.unit.master.web import conftest as page

run, watch = page.run, page.watch
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
READING = ("GET", "HEAD")
OWN = {
    "Cookie": f"{cookie_name(page.HOST)}={page.PASSES.cookie(Role.USER, page.HOST)}",
    "Content-Type": "application/json",
    **page.ORIGIN,
}
OTHER_HOST = "localhost:9999"
BEARER = {**OWN, "Cookie": "", "Authorization": "Bearer"}


def without(*names: str) -> dict[str, str]:
    return {name: value for name, value in OWN.items() if name not in names}


ATTACKS: dict[str, dict[str, str]] = {
    "no token": without("Cookie"),
    "a wrong token": {**BEARER, "Authorization": f"Bearer {'x' * 43}"},
    "an empty token": {**BEARER, "Authorization": "Bearer "},
    "a wrong cookie": {**OWN, "Cookie": f"{cookie_name(page.HOST)}={'0' * 64}"},
    "the token as a cookie": {**OWN, "Cookie": f"{cookie_name(page.HOST)}={page.PASSES.user}"},
    "another port's cookie": {
        **OWN,
        "Cookie": f"{cookie_name(OTHER_HOST)}={page.PASSES.cookie(Role.USER, OTHER_HOST)}",
    },
    "another port's cookie under our name": {
        **OWN,
        "Cookie": f"{cookie_name(page.HOST)}={page.PASSES.cookie(Role.USER, OTHER_HOST)}",
    },
    "a foreign Origin": {**OWN, "Origin": "http://evil.example"},
    "another port's Origin": {**OWN, "Origin": f"http://{OTHER_HOST}"},
    "the Origin of nobody": {**OWN, "Origin": "null"},
    "a rebound Host": {**OWN, "Host": "evil.example:8642", "Origin": "http://evil.example:8642"},
    "a Host that begins as ours": {**OWN, "Host": "localhost.evil.example"},
    "a request from another site": {**OWN, "Sec-Fetch-Site": "cross-site"},
    "a request from another port": {**OWN, "Sec-Fetch-Site": "same-site"},
}
WITHOUT_TOKEN = {name for name in ATTACKS if "token" in name or "cookie" in name}
"""What is no attack where nobody needs a token."""
CHANGING: dict[str, dict[str, str]] = {
    "no Origin": without("Origin"),
    "a form": {**OWN, "Content-Type": "application/x-www-form-urlencoded"},
    "a form's text": {**OWN, "Content-Type": "text/plain"},
    "no content type": without("Content-Type"),
    "a link": {**OWN, "Sec-Fetch-Site": "none"},
    "who only looks": {
        **OWN,
        "Cookie": f"{cookie_name(page.HOST)}={page.PASSES.cookie(Role.VIEWER, page.HOST)}",
    },
}


class Spy:
    """Stands behind the guard and sees what comes through."""

    def __init__(self, app: FastAPI) -> None:
        self.app, self.seen = app, list[str]()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            self.seen.append(scope["path"])
        await self.app(scope, receive, send)


@pytest.fixture
def spy(watch: RunWatch) -> Spy:
    app = build(Page(watch), lambda app: Guard(Spy(app), page.PASSES)).app
    assert isinstance(app, Spy)
    return app


@pytest.fixture
def client(spy: Spy) -> Iterator[TestClient]:
    with TestClient(
        Guard(spy, page.PASSES), base_url=f"http://{page.HOST}", follow_redirects=False
    ) as client:
        yield client


def paths(app: FastAPI) -> list[str]:
    """Return a path for each route; one of an unknown kind is a failure."""
    found = []
    for route in app.routes:
        if isinstance(route, Mount):
            found += [f"{route.path}/main.js", f"{route.path}/vendor/uplot.js"]
        elif isinstance(route, (APIRoute, Route)):
            found.append(re.sub("{[a-z_]+}", "cancel", route.path))
        else:
            assert isinstance(route, APIWebSocketRoute), route
    assert len(found) > 8 and not [path for path in found if "{" in path]
    return [*found, "/none"]


def sockets(app: FastAPI) -> list[str]:
    found = [route.path for route in app.routes if isinstance(route, APIWebSocketRoute)]
    assert found
    return found


def is_refused(client: TestClient, spy: Spy, method: str, path: str, **more: Any) -> bool:
    spy.seen.clear()
    told = client.request(method, path, **more)
    return 400 <= told.status_code < 500 and not spy.seen and "set-cookie" not in told.headers


@pytest.mark.parametrize("attack", ATTACKS)
def test_every_attack_is_refused_on_every_route_by_every_method(
    attack: str, client: TestClient, spy: Spy
) -> None:
    passed = [
        (method, path)
        for path in paths(spy.app)
        for method in METHODS
        if not is_refused(client, spy, method, path, headers=ATTACKS[attack])
    ]
    for_all = [(method, path) for path in ("/health", "/api/health") for method in READING]
    assert passed == (for_all if attack in WITHOUT_TOKEN else [])


def test_what_is_open_says_nothing_of_the_run(client: TestClient, spy: Spy) -> None:
    for path in OPEN:
        told = client.get(path, headers={"Host": page.HOST})
        assert told.json() == {"status": "healthy", "model_loaded": False}
        assert is_refused(client, spy, "POST", path, headers=without("Cookie"))


@pytest.mark.parametrize("attack", CHANGING)
def test_what_may_change_something_needs_more(attack: str, client: TestClient, spy: Spy) -> None:
    passed = [
        (method, path)
        for path in paths(spy.app)
        for method in METHODS
        if method not in READING and not is_refused(client, spy, method, path, headers=CHANGING[attack])
    ]
    assert passed == []


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"])
def test_methods_that_no_route_has_are_refused_to_the_user_too(
    method: str, client: TestClient, spy: Spy
) -> None:
    assert [path for path in paths(spy.app) if not is_refused(client, spy, method, path, headers=OWN)] == []


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("is_told", [True, False])
def test_a_body_that_is_too_large_is_refused_whether_it_tells_its_length_or_not(
    method: str, is_told: bool, client: TestClient, spy: Spy
) -> None:
    body = b"x" * (MOST_BYTES + 1)
    for path in paths(spy.app):
        content: Any = body if is_told else iter([body[:1000], body[1000:]])
        assert is_refused(client, spy, method, path, headers=OWN, content=content), path


@pytest.mark.parametrize("attack", [*ATTACKS, "no Origin", "a link"])
def test_every_attack_on_the_websocket_is_refused(attack: str, client: TestClient, spy: Spy) -> None:
    headers = ATTACKS.get(attack) or CHANGING[attack]
    for path in sockets(spy.app):
        with (
            pytest.raises(WebSocketDisconnect),
            client.websocket_connect(f"ws://{page.HOST}{path}", headers=headers),
        ):
            pass
    assert spy.seen == []


def test_the_user_comes_through(client: TestClient, spy: Spy) -> None:
    """The attacks above are refused for what they are: with nothing wrong, the same requests pass."""
    for path in paths(spy.app):
        client.get(path, headers=OWN)
        assert spy.seen.pop() == path
    client.post("/api/orders/cancel", headers=OWN, content=b"{}")
    assert spy.seen == ["/api/orders/cancel"]
    for path in sockets(spy.app):
        with client.websocket_connect(f"ws://{page.HOST}{path}", headers=OWN) as socket:
            socket.send_json({"type": "ping"})
            assert socket.receive_json() == {"type": "pong"}
            socket.send_json({"since": 0, "watch": []})
            assert "seq" in socket.receive_json()


def test_get_changes_nothing(client: TestClient, spy: Spy) -> None:
    for path in paths(spy.app):
        told = client.get(path, headers=OWN)
        assert told.status_code != 500, path
        if path.startswith("/api/orders"):
            assert told.status_code == 405


@pytest.mark.parametrize("wrong", ["", "x", page.PASSES.user[:-1], f"{page.PASSES.user}x"])
def test_a_token_that_is_not_whole_gives_no_cookie(wrong: str, client: TestClient, spy: Spy) -> None:
    assert is_refused(client, spy, "GET", "/", params={"token": wrong})


def test_the_token_in_an_address_that_another_page_opened_is_not_taken(client: TestClient, spy: Spy) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert is_refused(client, spy, "GET", "/", params={"token": page.PASSES.user}, headers=headers)
    rebound = {"Host": "evil.example:8642"}
    assert is_refused(client, spy, "GET", "/", params={"token": page.PASSES.user}, headers=rebound)
