"""What the HTTP side refuses, and the one table from any error to its answer (RFC 9457)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import msgspec
from aiohttp import web

from seats.domain.errors import CallbackError, DomainError, NotAllowedError, PlanError, UnknownAgentError
from seats.errors import ConfigError, SeatsError
from seats.store import errors as store

PROBLEM_JSON = "application/problem+json"


class WebError(Exception):
    """Root of the web's errors: ``detail`` what was wrong, ``field`` where, ``allowed`` what would do."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "internal error"

    def __init__(
        self, detail: str, *, field: str = "", allowed: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.detail, self.field, self.allowed = detail, field, allowed
        self.headers = dict(headers or {})


class MalformedError(WebError):
    """The body is not JSON, or a query parameter is not of its type."""

    status, title = 400, "malformed request"


class NotSignedInError(WebError):
    """No session, or one that has ended."""

    status, title = 401, "not signed in"


class BadCredentialsError(WebError):
    """Unknown login or wrong password: never which of the two."""

    status, title = 401, "wrong login or password"


class ForbiddenError(WebError):
    """Signed in, but the role does not allow this; or a bad CSRF token or origin."""

    status, title = 403, "not allowed"


class NotFoundError(WebError):
    """Nothing has this id."""

    status, title = 404, "not found"


class ConflictError(WebError):
    """The present state does not allow what was asked."""

    status, title = 409, "not allowed now"


class VersionConflictError(WebError):
    """``If-Match`` names another version than the live one."""

    status, title = 412, "changed by someone else"


class UnsupportedTypeError(WebError):
    """A body that is not declared as JSON."""

    status, title = 415, "unsupported media type"


class BadInputError(WebError):
    """Well-formed JSON whose content is not allowed."""

    status, title = 422, "unusable content"


class VersionMissingError(WebError):
    """``If-Match`` is required."""

    status, title = 428, "version required"


class TooManyTriesError(WebError):
    """Throttled; ``Retry-After`` says for how long."""

    status, title = 429, "too many tries"

    def __init__(self, wait_s: float) -> None:
        super().__init__("too many failed tries; wait", headers={"Retry-After": str(math.ceil(wait_s))})


class UpstreamError(WebError):
    """The PBX did not answer."""

    status, title = 502, "PBX out of reach"


class UnavailableError(WebError):
    """Part of the service is not there."""

    status, title = 503, "not available"


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error as JSON (RFC 9457). ``field`` and ``allowed`` are ours."""

    type: str
    title: str
    status: int
    detail: str = ""
    field: str = ""
    allowed: str = ""


STATUS: tuple[tuple[type[Exception], int, str], ...] = (
    (UnknownAgentError, 404, NotFoundError.title),
    (NotAllowedError, 409, ConflictError.title),
    (PlanError, 422, BadInputError.title),
    (ConfigError, 422, BadInputError.title),
    (DomainError, 409, ConflictError.title),
    (store.NotFoundError, 404, NotFoundError.title),
    (store.ConflictError, 409, ConflictError.title),
    (store.BadCursorError, 422, BadInputError.title),
    (store.StoreError, 503, UnavailableError.title),
    (SeatsError, 503, UnavailableError.title),
)
"""Errors of the other rooms → (status, title); the first that fits counts."""


def problem_of(error: Exception) -> Problem | None:
    """The problem an error is told as; ``None`` for one that must not be told (a fault of ours)."""
    if isinstance(error, WebError):
        return _problem(error.status, error.title, error.detail, error.field, error.allowed)
    if isinstance(error, web.HTTPException):
        return _problem(error.status, error.reason.lower(), "")
    for kind, status, title in STATUS:
        if isinstance(error, kind):
            return _told(error, status, title)
    return None


def answer(problem: Problem, headers: Mapping[str, str] | None = None) -> web.Response:
    """The HTTP answer that carries a problem."""
    return web.Response(
        body=msgspec.json.encode(problem), status=problem.status, content_type=PROBLEM_JSON, headers=headers
    )


def _told(error: Exception, status: int, title: str) -> Problem:
    if isinstance(error, PlanError):
        return _problem(status, title, error.what, error.where, error.allowed)
    if isinstance(error, NotAllowedError | CallbackError):
        return _problem(status, title, error.what, "", error.allowed)
    if isinstance(error, store.StoreError) and status < 500:
        return _problem(status, title, error.what, error.where, error.allowed)
    if isinstance(error, ConfigError) and error.problems:
        first = error.problems[0]
        return _problem(status, title, first.what, first.key, first.allowed)
    return _problem(status, title, str(error) if status < 500 else "")


def _problem(status: int, title: str, detail: str, field: str = "", allowed: str = "") -> Problem:
    return Problem(f"urn:seats:problem:{title.replace(' ', '-')}", title, status, detail, field, allowed)


INTERNAL = _problem(500, WebError.title, "the service failed; see its log")
"""What is told of a fault of ours."""
