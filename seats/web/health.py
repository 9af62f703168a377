"""For machines that watch: is the process there, can it serve, and its metrics."""

from __future__ import annotations

import asyncio

from aiohttp import web

from seats.web import keys
from seats.web.routes import answer


async def healthz(_: web.Request) -> web.StreamResponse:
    """GET /healthz: the process runs and its loop turns."""
    return answer({"status": "ok"})


async def readyz(request: web.Request) -> web.StreamResponse:
    """GET /readyz: 200 when the link and the database are up and this process leads, else 503 with why."""
    ready, reasons = request.app[keys.READY]()
    return answer({"ready": ready, **reasons}, status=200 if ready else 503)


async def metrics(request: web.Request) -> web.StreamResponse:
    """GET /metrics, as OpenMetrics for those who ask for it."""
    encode, content_type = request.app[keys.METRICS](request.headers.get("Accept", ""))
    return web.Response(body=await asyncio.to_thread(encode), headers={"Content-Type": content_type})


def add_health(app: web.Application) -> None:
    """Add the three paths."""
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)
