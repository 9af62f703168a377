"""Pictures for the README, from a real demo: ``python -m tests.e2e.screenshots`` (four minutes)."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import sys
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from playwright.async_api import Browser, expect

from seats import demo
from telephony.lab.ports import free_port
from tests.e2e.browser import Desk, chromium

FOLDER = Path(__file__).parents[2] / "docs" / "images"
RATE, WARM_UP_S, FOR_S = 2.0, 170.0, 600.0
BOARD, DESK = (1600, 900), (1280, 720)
LIMIT = 300_000


@contextlib.asynccontextmanager
async def shown() -> AsyncIterator[tuple[str, demo.Logins]]:
    """A demo that goes on during the block: where, and the sign-ins."""
    begun: asyncio.Queue[tuple[str, demo.Logins]] = asyncio.Queue()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(_demo(lambda *where: begun.put_nowait(where)))
        yield await begun.get()
        running.cancel()


async def _demo(ready: Callable[[str, demo.Logins], None]) -> None:
    await demo.run(for_s=FOR_S, rate=RATE, port=free_port(), say=_say, ready=ready)


async def page(browser: Browser, url: str, path: str, login: tuple[str, str], size: tuple[int, int]) -> Desk:
    """Somebody signed in, in a window of this size."""
    context = await browser.new_context(viewport={"width": size[0], "height": size[1]}, locale="zh-CN")
    desk = await (await Desk.open(context, url)).go(path)
    return await desk.sign_in(*login)


async def take(desk: Desk, file: Path) -> None:
    """Write the picture, well compressed. Raise SystemExit when it is too large for a repository."""
    await desk.page.mouse.move(0, 0)
    picture = squeeze(await desk.page.screenshot())
    if len(picture) > LIMIT:
        raise SystemExit(f"{file.name} has {len(picture)} bytes; {LIMIT} are allowed")
    await asyncio.to_thread(file.write_bytes, picture)
    _say(f"{file} ({len(picture) // 1000} kB)")


def squeeze(png: bytes) -> bytes:
    """The same PNG with its pixels compressed as far as zlib can."""
    head, rest, pixels = png[:8], png[8:], b""
    chunks: list[tuple[bytes, bytes]] = []
    while rest:
        size, kind = struct.unpack(">I4s", rest[:8])
        body, rest = rest[8 : 8 + size], rest[12 + size :]
        if kind == b"IDAT":
            pixels += body
        else:
            chunks.append((kind, body))
    chunks.insert(-1, (b"IDAT", zlib.compress(zlib.decompress(pixels), 9)))
    return head + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


async def main(folder: Path = FOLDER) -> None:
    """Both pictures."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    async with shown() as (url, logins), chromium() as browser:
        board = await page(browser, url, "/board", (logins.supervisor, logins.password), BOARD)
        await board.sees("feed-state", state="live")
        await asyncio.sleep(WARM_UP_S)
        await take(board, folder / "board.png")
        desk = await page(browser, url, "/desk", (logins.agent, logins.password), DESK)
        await desk.ready()
        await desk["answer"].click(timeout=60_000)
        await desk.hears_and_speaks(packets=300)
        await desk["disposition-claim"].click()
        await expect(desk["audio-stats"]).to_have_attribute("data-quality", "good")
        await take(desk, folder / "desk.png")


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    asyncio.run(main())
