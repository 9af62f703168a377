"""Pages, assets, health."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.webhouse import House, start


@pytest.fixture
def static(tmp_path: Path) -> Path:
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "desk.html").write_text("<!doctype html><title>座席</title>", encoding="utf-8")
    (folder / "assets" / "desk-abc123.js").write_text("export {}")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "assets" / "link.js").symlink_to(tmp_path / "secret.txt")
    return folder


async def test_pages_and_assets(static: Path, aiohttp_client: Any) -> None:
    client = await start(House(static=static), aiohttp_client)
    reply = await client.get("/", allow_redirects=False)
    assert reply.status == 302 and reply.headers["Location"] == "/desk"
    reply = await client.get("/desk")
    assert reply.status == 200 and reply.content_type == "text/html" and "座席" in await reply.text()
    assert reply.headers["Cache-Control"] == "no-cache"
    reply = await client.get("/static/assets/desk-abc123.js")
    assert reply.status == 200 and "javascript" in reply.content_type
    assert "immutable" in reply.headers["Cache-Control"]


@pytest.mark.parametrize(
    "path",
    [
        "/static/../secret.txt",
        "/static/%2e%2e/secret.txt",
        "/static/..%2fsecret.txt",
        "/static//etc/passwd",
        "/static/assets",
        "/static/assets/none.js",
        "/static/assets/link.js",
        "/static/a%00b",
        "/static/" + "a" * 300,
        "/desk/../secret.txt",
    ],
)
async def test_nothing_else_is_served(static: Path, aiohttp_client: Any, path: str) -> None:
    from yarl import URL

    client = await start(House(static=static), aiohttp_client)
    reply = await client.session.get(URL(str(client.make_url("/")).rstrip("/") + path, encoded=True))
    assert reply.status == 404
    assert "secret" not in await reply.text()


async def test_pages_that_are_not_built_say_so(aiohttp_client: Any) -> None:
    client = await start(House(), aiohttp_client)
    for page in ("/desk", "/board", "/admin"):
        reply = await client.get(page)
        assert reply.status == 503 and "make setup" in await reply.text()


async def test_health(aiohttp_client: Any) -> None:
    house = House()
    client = await start(house, aiohttp_client)
    assert (await client.get("/healthz")).status == 200
    reply = await client.get("/readyz")
    assert reply.status == 200 and (await reply.json())["ready"] is True
    house.ready = (False, {"links": {"pbx1": "backoff"}})
    reply = await client.get("/readyz")
    assert reply.status == 503
    assert await reply.json() == {"ready": False, "links": {"pbx1": "backoff"}}


async def test_metrics_are_passed_on(aiohttp_client: Any) -> None:
    client = await start(House(), aiohttp_client)
    reply = await client.get("/metrics")
    assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert await reply.text() == "seats_leader 1\n"
