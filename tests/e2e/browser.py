"""Chromium, and the pages as people use them."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Self

from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    async_playwright,
    expect,
)

FLAGS = (
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
PASSWORD = "quiet-river-90"
SLOW_MS = 20_000
"""How long a page may take for what it does at once: the machine may be busy."""


def program() -> str | None:
    """Path of the system's Chromium."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser without a window; its microphone beeps once a second."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program(), args=list(FLAGS))
        try:
            yield browser
        finally:
            await browser.close()


class Desk:
    """A page in somebody's hands. ``complaints`` is what the browser found wrong with it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self._url = page, url
        self.complaints: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    @classmethod
    async def open(cls, context: BrowserContext, url: str) -> Self:
        """A new tab."""
        return cls(await context.new_page(), url)

    def __getitem__(self, testid: str) -> Locator:
        return self.page.get_by_test_id(testid)

    async def go(self, path: str) -> Self:
        """Open a page of the service."""
        await self.page.goto(self._url + path)
        return self

    async def sign_in(self, login: str, password: str = PASSWORD) -> Self:
        """Fill in the form and press the button."""
        await self["login-name"].fill(login)
        await self["login-password"].fill(password)
        await self["login-submit"].click()
        return self

    async def sees(self, testid: str, *, within_ms: float = SLOW_MS, **data: Any) -> Locator:
        """The thing is on the page, with these ``data-`` attributes."""
        found = self[testid]
        await expect(found).to_be_visible(timeout=within_ms)
        for name, value in data.items():
            await expect(found).to_have_attribute(f"data-{name}", str(value), timeout=within_ms)
        return found

    async def registered(self) -> Self:
        """Signed in, live, and the telephone is connected."""
        await self.sees("feed-state", state="live")
        await self.sees("phone-state", state="registered")
        return self

    async def ready(self) -> Self:
        """The agent can be rung: so says the server too."""
        await self.registered()
        await self["ready"].click()
        await self.sees("state", state="ready")
        return self

    async def answers(self) -> Self:
        """The call is taken."""
        await self["answer"].click(timeout=SLOW_MS)
        await self.sees("call")
        return self

    async def hears_and_speaks(self, *, packets: int) -> None:
        """From now on this many packets more come and go, and what comes is not silence (getStats)."""
        box = await self.sees("audio-stats")
        before = await box.evaluate("box => ({...box.dataset})")
        await self.page.wait_for_function(
            """([before, packets]) => {
                const now = document.querySelector('[data-testid="audio-stats"]').dataset;
                const more = (name) => Number(now[name]) - Number(before[name]);
                const both = Math.min(more("packetsReceived"), more("packetsSent"));
                return both >= packets && more("audioEnergy") > 0;
            }""",
            arg=[before, packets],
            timeout=SLOW_MS,
        )

    async def api(self, path: str) -> Any:
        """GET of the JSON API with this page's session."""
        reply = await self.page.request.get(f"{self._url}/api/v1{path}")
        assert reply.ok, (path, reply.status, await reply.text())
        return await reply.json()

    def _hear(self, message: ConsoleMessage) -> None:
        place = str(message.location.get("url", ""))
        unasked = "401" in message.text and place.endswith("/api/v1/session")  # nobody is signed in yet
        if message.type in {"error", "warning"} and not unasked:
            self.complaints.append(f"{message.text} ({place})")


class Computer(NamedTuple):
    """A browser of its own, whose power can be cut; ``group`` is the process group that it leads."""

    browser: Browser
    group: int

    async def desk(self, url: str) -> Desk:
        """A page in the browser."""
        return await Desk.open(await self.browser.new_context(), url)

    def cut(self) -> None:
        """SIGKILL to all of its processes: no goodbye of any kind."""
        os.killpg(self.group, signal.SIGKILL)


@asynccontextmanager
async def computer() -> AsyncIterator[Computer]:
    """A browser that shares nothing with the others."""
    async with chromium() as browser:
        async with asyncio.timeout(SLOW_MS / 1000):
            session = await browser.new_browser_cdp_session()
            told = await session.send("SystemInfo.getProcessInfo")
        leader = next(process["id"] for process in told["processInfo"] if process["type"] == "browser")
        assert os.getpgid(leader) == leader, "it must lead a group of its own: nothing else is ever cut"
        yield Computer(browser, leader)
