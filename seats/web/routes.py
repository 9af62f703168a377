"""One table row per API route: what registers it, guards it and describes it (``openapi``)."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Iterable
from enum import IntEnum
from typing import Any, NamedTuple, TypeVar

import msgspec
from aiohttp import web

from seats.web import keys
from seats.web.errors import BadInputError, ForbiddenError, MalformedError, NotSignedInError
from seats.web.sessions import SignedIn

PREFIX = "/api/v1"
MAX_BODY = 256 * 1024
UNSAFE = frozenset({"POST", "PUT", "DELETE", "PATCH"})

T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
SIGNED_IN: web.RequestKey[SignedIn] = web.RequestKey("signed_in", SignedIn)


class Role(IntEnum):
    """Who may use a route: each role may what the one before it may."""

    ANYONE = 0
    AGENT = 1
    SUPERVISOR = 2
    ADMIN = 3


class Route(NamedTuple):
    """A route of the API. ``body``, ``query`` and ``answer`` are shapes; ``errors`` beyond the usual ones."""

    method: str
    path: str
    handler: Handler
    summary: str
    role: Role = Role.AGENT
    body: Any = None
    query: Any = None
    answer: Any = None
    status: int = 200
    errors: tuple[int, ...] = ()
    websocket: bool = False


def register(app: web.Application, routes: Iterable[Route]) -> None:
    """Add the routes under the API's prefix, each behind its guard."""
    for route in routes:
        app.router.add_route(route.method, PREFIX + route.path, guarded(route))


def guarded(route: Route) -> Handler:
    """The handler behind sign-in, role and CSRF checks."""
    if route.role is Role.ANYONE:
        return route.handler

    async def handler(request: web.Request) -> web.StreamResponse:
        signed_in = await request.app[keys.SESSIONS].of(request)
        check_role(signed_in, route.role)
        if route.method in UNSAFE:
            check_csrf(request, signed_in)
        request[SIGNED_IN] = signed_in
        return await route.handler(request)

    return handler


def who(request: web.Request) -> SignedIn:
    """Who is signed in."""
    if SIGNED_IN not in request:
        raise NotSignedInError("sign in first")
    return request[SIGNED_IN]


def role_of(signed_in: SignedIn) -> Role:
    """The role as a rank; an unknown role may nothing."""
    return Role.__members__.get(signed_in.user.role.upper(), Role.ANYONE)


def check_role(signed_in: SignedIn, least: Role) -> None:
    """Raise :class:`ForbiddenError` below the least role."""
    if role_of(signed_in) < least:
        raise ForbiddenError(f"needs the role {least.name.lower()}")


def check_csrf(request: web.Request, signed_in: SignedIn) -> None:
    """Raise :class:`ForbiddenError` unless the header carries the session's token."""
    given = request.headers.get("X-CSRF-Token", "")
    if not hmac.compare_digest(given.encode(), signed_in.csrf.encode()):
        raise ForbiddenError("missing or wrong CSRF token", field="X-CSRF-Token")


async def body_of(request: web.Request, shape: type[T]) -> T:
    """The JSON body in its shape. Raise :class:`MalformedError` or :class:`BadInputError`."""
    raw = await request.read()
    try:
        return msgspec.json.decode(raw or b"{}", type=shape)
    except msgspec.ValidationError as error:
        raise _bad_input(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"the body is not JSON: {error}") from None


def query_of(request: web.Request, shape: type[T]) -> T:
    """The query parameters in their shape. Raise :class:`BadInputError`."""
    given = dict(request.query)
    if len(given) != len(request.query):
        raise BadInputError("a parameter is given twice", field="query")
    try:
        return msgspec.convert(given, shape, strict=False)
    except msgspec.ValidationError as error:
        raise _bad_input(error) from None


def answer(value: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """A JSON answer."""
    return web.Response(
        body=msgspec.json.encode(value), status=status, content_type="application/json", headers=headers
    )


def _bad_input(error: msgspec.ValidationError) -> BadInputError:
    what, _, where = str(error).partition(" - at `$")
    return BadInputError(what, field=where.rstrip("`").lstrip("."))
