"""What every request passes: errors as problem JSON, where it may come from, and the security headers."""

from __future__ import annotations

from urllib.parse import urlsplit

import structlog
from aiohttp import web

from seats.web import errors, keys
from seats.web.routes import UNSAFE, Handler

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "connect-src 'self' ws: wss:",
        "worker-src 'self'",
        "media-src 'self' blob: mediastream:",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
}
_PORTS = {"http": 80, "https": 443}

log = structlog.get_logger(__name__)


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Security headers on every answer, sockets and files too."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.path.startswith("/api/"):
        response.headers.setdefault("Cache-Control", "no-store")


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Tell every error as problem JSON; what is not meant to be told is logged and told as 500."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return errors.answer(errors.problem_of(error) or errors.INTERNAL, _kept(error))
    except errors.WebError as error:
        return errors.answer(errors.problem_of(error) or errors.INTERNAL, error.headers)
    except Exception as error:
        problem = errors.problem_of(error)
        if problem is None or problem.status >= 500:
            log.exception("request_failed", method=request.method, path=request.path)
        return errors.answer(problem or errors.INTERNAL)


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse foreign origins on unsafe methods and sockets, and bodies that are not JSON."""
    unsafe = request.method in UNSAFE
    if unsafe or "upgrade" in request.headers.get("Connection", "").lower():
        check_origin(request)
    if unsafe and request.can_read_body and request.content_type != "application/json":
        raise errors.UnsupportedTypeError(
            f"{request.content_type} is not read here", field="Content-Type", allowed="application/json"
        )
    return await handler(request)


def check_origin(request: web.Request) -> None:
    """Raise :class:`ForbiddenError` for another site's page. Programs send no Origin, browsers always."""
    origin = request.headers.get("Origin")
    if origin is None:
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise errors.ForbiddenError("a page of another site", field="Sec-Fetch-Site")
        return
    if origin not in request.app[keys.SETTINGS].http.trusted_origins and not _same_host(origin, request.host):
        raise errors.ForbiddenError("a page of another site", field="Origin", allowed="this site's own pages")


def _same_host(origin: str, host: str) -> bool:
    try:
        page = urlsplit(origin)
        here = urlsplit(f"{page.scheme}://{host}")
        default = _PORTS[page.scheme]
        ours, theirs = (here.hostname, here.port or default), (page.hostname, page.port or default)
    except (ValueError, KeyError):
        return False
    return bool(theirs[0]) and ours == theirs


def _kept(error: web.HTTPException) -> dict[str, str]:
    return {name: error.headers[name] for name in ("Allow", "Retry-After") if name in error.headers}
