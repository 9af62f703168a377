"""The pages and their assets, as built from ``ui/`` into ``static/``."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from seats.web.errors import NotFoundError

STATIC = Path(__file__).parent / "static"
PAGES = ("desk", "board", "admin")
NOT_BUILT = "The pages are not built. Run: make setup\n页面尚未构建，请运行：make setup\n"
A_YEAR = "public, max-age=31536000, immutable"


def add_pages(app: web.Application, static: Path = STATIC) -> None:
    """Serve ``/desk``, ``/board``, ``/admin`` and ``/static/…``; ``/`` leads to the desk."""

    async def home(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/desk")

    async def page(request: web.Request) -> web.StreamResponse:
        return _file(static / f"{request.path.strip('/')}.html")

    async def asset(request: web.Request) -> web.StreamResponse:
        return _asset(static, request.match_info["path"])

    app.router.add_get("/", home)
    for name in PAGES:
        app.router.add_get(f"/{name}", page)
    app.router.add_get("/static/{path:[A-Za-z0-9_./-]{1,120}}", asset)


def _file(path: Path) -> web.StreamResponse:
    if not path.is_file():
        return web.Response(status=503, text=NOT_BUILT)
    return web.FileResponse(path, headers={"Cache-Control": "no-cache"})


def _asset(static: Path, name: str) -> web.StreamResponse:
    path = (static / name).resolve()
    if not path.is_relative_to(static.resolve()) or not path.is_file():
        raise NotFoundError("no such file")
    hashed = name.startswith("assets/")
    return web.FileResponse(path, headers={"Cache-Control": A_YEAR if hashed else "no-cache"})
