"""The web application: rooms wired to routes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from seats.engine.engine import Engine
from seats.settings import Settings
from seats.store import Store
from seats.web import (
    api_agents,
    api_callbacks,
    api_config,
    api_feed,
    api_provinces,
    api_requests,
    api_routing,
    api_session,
    api_staffing,
    health,
    keys,
    middlewares,
    openapi,
    pages,
    phone,
)
from seats.web.feed import Hub
from seats.web.phone import Phones
from seats.web.routes import MAX_BODY, Role, Route, answer, register
from seats.web.sessions import ARGON2, Passwords, Sessions

API: tuple[Route, ...] = (
    *api_session.ROUTES,
    *api_agents.ROUTES,
    *api_requests.ROUTES,
    *api_callbacks.ROUTES,
    *api_provinces.ROUTES,
    *api_staffing.ROUTES,
    *api_routing.ROUTES,
    *api_config.ROUTES,
    *api_feed.ROUTES,
    *phone.ROUTES,
)


def create_app(
    *,
    engine: Engine,
    store: Store,
    settings: Settings,
    metrics_text: Callable[[str], tuple[Callable[[], bytes], str]],
    ready: Callable[[], tuple[bool, dict[str, Any]]],
    sip_secret: Callable[[str], str],
    passwords: Passwords = ARGON2,
    static: Path = pages.STATIC,
) -> web.Application:
    """The application; ``sip_secret`` gives the SIP password of a seat address."""
    app = web.Application(middlewares=[middlewares.problems, middlewares.guard], client_max_size=MAX_BODY)
    app[keys.ENGINE] = engine
    app[keys.STORE] = store
    app[keys.SETTINGS] = settings
    app[keys.METRICS] = metrics_text
    app[keys.READY] = ready
    app[keys.SIP_SECRET] = sip_secret
    app[keys.STAFFING] = api_staffing.Kept()
    app[keys.HUB] = Hub(engine)
    app[keys.PHONES] = Phones(engine.post)
    app[keys.SESSIONS] = Sessions(store, passwords, engine.now, hours=settings.http.session_hours)
    app.on_response_prepare.append(middlewares.add_headers)
    app.on_shutdown.append(_close_sockets)
    app.cleanup_ctx.append(_lifetime)
    register(app, (*API, _described()))
    health.add_health(app)
    pages.add_pages(app, static)
    return app


def _described() -> Route:
    """The route of the API's own description, which describes itself too."""

    async def show(_: web.Request) -> web.StreamResponse:
        return answer(described)

    route = Route("GET", "/openapi.json", show, "This description", Role.ANYONE)
    described = openapi.document((*API, route), version("seats"))
    return route


async def _lifetime(app: web.Application) -> AsyncIterator[None]:
    async with aiohttp.ClientSession() as http:
        app[keys.HTTP] = http
        await app[keys.SESSIONS].start()
        app[keys.HUB].start()
        yield
        await app[keys.HUB].stop()
        await app[keys.SESSIONS].stop()


async def _close_sockets(app: web.Application) -> None:
    await app[keys.PHONES].close_all()
    await app[keys.HUB].close_all()
