"""What the application carries, by typed key."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aiohttp import ClientSession, web

if TYPE_CHECKING:
    from seats.engine.engine import Engine
    from seats.settings import Settings
    from seats.store import Store
    from seats.web.api_staffing import Kept
    from seats.web.feed import Hub
    from seats.web.phone import Phones
    from seats.web.sessions import Sessions

ENGINE: web.AppKey[Engine] = web.AppKey("engine")
STORE: web.AppKey[Store] = web.AppKey("store")
SETTINGS: web.AppKey[Settings] = web.AppKey("settings")
SESSIONS: web.AppKey[Sessions] = web.AppKey("sessions")
STAFFING: web.AppKey[Kept] = web.AppKey("staffing")
HUB: web.AppKey[Hub] = web.AppKey("hub")
PHONES: web.AppKey[Phones] = web.AppKey("phones")
HTTP: web.AppKey[ClientSession] = web.AppKey("http")
METRICS: web.AppKey[Callable[[str], tuple[Callable[[], bytes], str]]] = web.AppKey("metrics")
READY: web.AppKey[Callable[[], tuple[bool, dict[str, Any]]]] = web.AppKey("ready")
SIP_SECRET: web.AppKey[Callable[[str], str]] = web.AppKey("sip_secret")
