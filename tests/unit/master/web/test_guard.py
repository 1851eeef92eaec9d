"""What the guard lets through, and with which words it refuses.  All routes together: tests/security."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from master.web.guard import MOST_BYTES
from master.web.passes import Role, cookie_name
from tests.unit.master.web.conftest import HOST, ORIGIN, PASSES

ORDER = "/api/orders/cancel"


def test_the_token_is_swapped_for_a_cookie_and_leaves_the_address(stranger: TestClient) -> None:
    told = stranger.get("/", params={"token": PASSES.user})
    assert (told.status_code, told.headers["location"]) == (303, "/")
    cookie = told.headers["set-cookie"]
    assert cookie.startswith(f"{cookie_name(HOST)}=") and PASSES.user not in cookie
    assert cookie.endswith("; Path=/; HttpOnly; SameSite=Strict")
    assert stranger.get("/").status_code == 200


def test_a_wrong_token_opens_nothing(stranger: TestClient) -> None:
    told = stranger.get("/", params={"token": "x"})
    assert told.status_code == 403 and "set-cookie" not in told.headers
    assert stranger.get("/api/overview").json() == {
        "error": "no token: open the address that `twophase web` prints"
    }


def test_a_program_gives_the_token_as_a_header(stranger: TestClient) -> None:
    bearer = {"Authorization": f"Bearer {PASSES.viewer}"}
    assert stranger.get("/api/overview", headers=bearer).json()["role"] == Role.VIEWER.value


def test_every_answer_has_the_headers_that_keep_a_browser_at_home(visitor: TestClient) -> None:
    for path in ("/", "/static/main.js", "/api/overview", "/none", "/?token=x"):
        headers = visitor.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self'; object-src 'none'")
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")
        assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1:1", "[::1]:8642", "[::1]", "LOCALHOST:8642", "localhost:08642"]
)
def test_this_machine_is_known_by_these_names(host: str, stranger: TestClient) -> None:
    bearer = {"Authorization": f"Bearer {PASSES.user}", "Host": host}
    assert stranger.get("/api/overview", headers=bearer).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example:8642",
        "127.0.0.2",
        "",
        "localhost:x",
        "localhost:8642:1",
        "[::1",
    ],
)
def test_and_by_no_others(host: str, stranger: TestClient) -> None:
    bearer = {"Authorization": f"Bearer {PASSES.user}", "Host": host}
    assert stranger.get("/api/overview", headers=bearer).status_code == 421


def test_a_change_is_json_from_our_own_page(visitor: TestClient) -> None:
    body = {"order": {"jobs": []}}
    assert visitor.post(ORDER, json=body).status_code == 403, "no Origin"
    told = visitor.post(ORDER, content=b"a=b", headers={**ORIGIN, "Content-Type": "text/plain"})
    assert told.status_code == 415
    crossing = {**ORIGIN, "Sec-Fetch-Site": "same-site"}
    assert visitor.post(ORDER, json=body, headers=crossing).status_code == 403
    assert visitor.post(ORDER, json=body, headers=ORIGIN).status_code == 409, "no master works"


def test_who_only_looks_changes_nothing(viewer: TestClient) -> None:
    assert viewer.get("/api/overview").json()["role"] == "viewer"
    told = viewer.post(ORDER, json={"order": {"jobs": []}}, headers=ORIGIN)
    assert told.status_code == 403 and "this link only shows" in told.json()["error"]


def test_a_body_without_a_length_is_read_no_further_than_it_may_be(visitor: TestClient) -> None:
    read = 0

    def endless() -> object:
        nonlocal read
        for _ in range(64):
            read += 1
            yield b"x" * (MOST_BYTES // 8)

    headers = {**ORIGIN, "Content-Type": "application/json"}
    told = visitor.post(ORDER, content=endless(), headers=headers)  # type: ignore[arg-type]
    assert told.status_code == 413


def test_a_header_that_is_given_twice_is_refused(visitor: TestClient) -> None:
    doubled = [("Origin", ORIGIN["Origin"]), ("Origin", "http://evil.example")]
    assert visitor.get("/api/overview", headers=doubled).status_code == 400  # type: ignore[arg-type]


def test_the_address_opens_no_socket(stranger: TestClient) -> None:
    address = f"ws://{HOST}/?token={PASSES.user}"
    with pytest.raises(WebSocketDisconnect) as refused, stranger.websocket_connect(address, headers=ORIGIN):
        pass
    assert refused.value.code == 1008
