"""The guard before every route and the WebSocket: what it does not know to be the user's is refused."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from master.web.passes import Passes, Role, cookie_name

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_BYTES = 1 << 20
"""Of a request."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
OPEN = frozenset({"/health", "/api/health"})
"""Who asks these tells no token: they say only that somebody is here."""
_READING = frozenset({"GET", "HEAD"})
_METHODS = _READING | {"POST", "DELETE"}
_JSON = "application/json"
_SAFE_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Refused(Exception):
    """A request that goes no further."""

    def __init__(self, status: HTTPStatus, problem: str) -> None:
        self.status, self.problem = status, problem
        super().__init__(problem)


_TOO_LARGE = Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a request has at most {MOST_BYTES} bytes")


@dataclass(frozen=True)
class _Request:
    """What a request says of itself."""

    is_socket: bool
    method: str
    path: str
    query: bytes
    headers: Mapping[str, str]
    secure: bool

    @classmethod
    def of(cls, scope: Scope) -> _Request:
        """Read a request; a header that is given twice where once is right makes it none of ours."""
        headers: dict[str, str] = {}
        for raw_name, raw in scope["headers"]:
            name, value = raw_name.decode("latin-1").lower(), raw.decode("latin-1")
            if name in headers and name != "cookie":
                raise Refused(HTTPStatus.BAD_REQUEST, f"the header {name} stands twice")
            headers[name] = f"{headers[name]}; {value}" if name in headers else value
        is_socket = scope["type"] == "websocket"
        method = "GET" if is_socket else str(scope["method"])
        query, secure = bytes(scope.get("query_string", b"")), scope.get("scheme") in ("https", "wss")
        return cls(is_socket, method, str(scope["path"]), query, headers, secure)

    @property
    def host(self) -> str:
        """Return how the browser knows us, with the port."""
        return self.headers.get("host", "").lower()

    @property
    def changes(self) -> bool:
        """True for what must show that our own page sent it."""
        return self.is_socket or self.method not in _READING


@dataclass(frozen=True)
class Guard:
    """An ASGI application around another one.

    The application finds the visitor's role in `scope["role"]`.
    """

    app: App
    passes: Passes
    hosts: frozenset[str] = field(default=LOOPBACK)
    """Names, without a port, by which a browser may know us."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let through what may pass, and answer the rest."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        try:
            request = _Request.of(scope)
            self._check_origin(request)
            if _is_entry(request):
                await self._let_in(request, send)
                return
            if not _is_open(request):
                scope["role"] = self._role(request)
                _check_right(request, scope["role"])
            if scope["type"] == "http" and request.changes:
                receive = _again(await _body(receive), receive)
        except Refused as refused:
            await _refuse(scope, send, refused)
            return
        await self.app(scope, receive, _with_headers(send))

    def _check_origin(self, request: _Request) -> None:
        """Refuse what does not come from our own page, or by a name that is not ours."""
        if request.method not in _METHODS:
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, f"the method {request.method!r} is not known here")
        if _name_of(request.host) not in self.hosts:
            raise Refused(HTTPStatus.MISDIRECTED_REQUEST, "this page is not known by that name")
        origin = request.headers.get("origin")
        if origin is None and request.changes:
            raise Refused(HTTPStatus.FORBIDDEN, "such a request must tell its Origin")
        own = f"{'https' if request.secure else 'http'}://{request.host}"
        if origin is not None and origin.lower() != own:
            raise Refused(HTTPStatus.FORBIDDEN, "the request comes from another page")
        site = request.headers.get("sec-fetch-site", "same-origin")
        if site not in ({"same-origin"} if request.changes else {"same-origin", "none"}):
            raise Refused(HTTPStatus.FORBIDDEN, "it comes from another page: open the address itself")

    async def _let_in(self, request: _Request, send: Send) -> None:
        """Swap the token of the address for a cookie, and lead to where the address holds none."""
        token = parse_qs(request.query.decode("latin-1")).get("token", [""])[0]
        role = self.passes.role_of_token(token)
        if role is None:
            raise Refused(HTTPStatus.FORBIDDEN, "the token is wrong: `twophase web` prints the address")
        value = self.passes.cookie(role, request.host)
        cookie = f"{cookie_name(request.host)}={value}; Path=/; HttpOnly; SameSite=Strict"
        cookie += "; Secure" if request.secure else ""
        headers = [(b"location", b"/"), (b"set-cookie", cookie.encode())]
        await _answer(send, HTTPStatus.SEE_OTHER, b"", headers)

    def _role(self, request: _Request) -> Role:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        role = self.passes.role_of_token(token.strip()) if kind.lower() == "bearer" else None
        role = role or self.passes.role_of_cookie(_cookie(request), request.host)
        if role is None:
            raise Refused(HTTPStatus.UNAUTHORIZED, "no token: open the address that `twophase web` prints")
        return role


def _is_entry(request: _Request) -> bool:
    is_page = request.path == "/" and request.method == "GET" and not request.is_socket
    return is_page and b"token=" in request.query


def _is_open(request: _Request) -> bool:
    return request.path in OPEN and not request.changes


def _check_right(request: _Request, role: Role) -> None:
    """Refuse changes by those who only look, and such as a form could send."""
    if request.is_socket or request.method in _READING:
        return
    if role is not Role.USER:
        raise Refused(HTTPStatus.FORBIDDEN, "this link only shows: whoever started the page can act")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"a request that changes something is {_JSON}")
    length = request.headers.get("content-length", "0")
    if not (length.isascii() and length.isdecimal()) or len(length) > 10 or int(length) > MOST_BYTES:
        raise _TOO_LARGE


def _name_of(host: str) -> str:
    """Return a host without its port; "" where it is none."""
    name, colon, port = host.rpartition(":")
    if not colon or "]" in port:
        return host
    return name if port.isascii() and port.isdecimal() else ""


def _cookie(request: _Request) -> str:
    try:
        found = SimpleCookie(request.headers.get("cookie", "")).get(cookie_name(request.host))
    except CookieError:
        return ""
    return found.value if found else ""


async def _body(receive: Receive) -> bytes:
    """Return a body, which may be longer than it said.  Raises Refused."""
    parts, size, is_whole = list[bytes](), 0, False
    while not is_whole:
        message = await receive()
        parts.append(message.get("body", b""))
        size, is_whole = size + len(parts[-1]), not message.get("more_body", False)
        if size > MOST_BYTES:
            raise _TOO_LARGE
    return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """Return what gives a body that has been read to who reads it next."""
    left = [body]

    async def receiving() -> Message:
        return {"type": "http.request", "body": left.pop()} if left else await receive()

    return receiving


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            known = {name for name, _ in _SAFE_HEADERS}
            kept = [(name, value) for name, value in message.get("headers", ()) if name.lower() not in known]
            message = {**message, "headers": [*kept, *_SAFE_HEADERS]}
        await send(message)

    return sending


async def _refuse(scope: Scope, send: Send, refused: Refused) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": refused.problem[:120]})
        return
    body = json.dumps({"error": refused.problem}).encode()
    await _answer(send, refused.status, body, [(b"content-type", _JSON.encode()), (b"connection", b"close")])


async def _answer(send: Send, status: HTTPStatus, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    own = [*headers, (b"content-length", str(len(body)).encode()), *_SAFE_HEADERS]
    await send({"type": "http.response.start", "status": int(status), "headers": own})
    await send({"type": "http.response.body", "body": body})
