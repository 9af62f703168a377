"""One house for all: a real Asterisk, the service, a browser seat, telephones. Profiles are fresh."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from seats.domain.agents import Chosen, SeatKind
from seats.service import open_store
from seats.settings import Settings
from seats.store.passwords import hash_password
from seats.store.rows import AgentRow, User
from seats.web.pages import STATIC
from telephony.lab import ANSWERS_AT_ONCE, Behaviour, LabPbx, SimAgents
from tests.e2e.browser import PASSWORD, Desk, chromium, program
from tests.integration.house import Home, House, people, plan_for_tests, settings_for

WEB, OTHER = "web001", "sip001"
"""The browser's seat, of Hubei; and a telephone that works for everybody and answers at once."""
HOMES = {
    OTHER: Home("hubei", ("hubei", "nation"), ANSWERS_AT_ONCE, ready=False),
    "sip002": Home("hunan", ("hunan",), Behaviour(answers_after=(0.5, 0.5)), ready=False),
}
NEEDS = {"sipp": "sip-tester", "chromium": "chromium"}

Open = Callable[..., Awaitable[Desk]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = _missing()
    for item in items:
        if missing and item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason=missing))


def _missing() -> str:
    if not (STATIC / "desk.html").exists():
        return "the pages are not built: python hatch_build.py"
    if program() is None:
        return "chromium is not installed: apt-get install chromium"
    return "" if shutil.which("sipp") else "sipp is not installed: apt-get install sip-tester"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """The running house; tests leave it as they found it."""
    seats = [(SeatKind.SIP.value, address) for address in HOMES]
    async with LabPbx([(SeatKind.BROWSER.value, WEB), *seats], qualify_s=1.0, places_calls=True) as lab:
        settings = settings_for(lab, tmp_path_factory.mktemp("e2e"))
        await people(settings, HOMES, plan_for_tests()._replace(wrap_up=30.0, ring_timeout=15))
        await _desks(settings)
        house = House(lab, settings, HOMES)
        async with house.serving(), contextlib.AsyncExitStack() as stack:
            behaviours = {address: home.behaviour for address, home in HOMES.items()}
            phones = SimAgents(lab.sip_port, behaviours, {a: lab.seat_secret(a) for a in HOMES})
            house.phones = await stack.enter_async_context(phones)
            await house.until(lambda: all(house.agent(a).nodes for a in HOMES))
            yield house


async def _desks(settings: Settings) -> None:
    store, hashed = await open_store(settings), hash_password(PASSWORD)
    try:
        await store.put_agent(
            AgentRow(WEB, "王小明", "hubei", ("hubei", "nation"), SeatKind.BROWSER.value, WEB),
            at=0.0,
            actor="test",
        )
        for login, role, agent in (
            ("wang", "agent", WEB),
            ("supervisor", "supervisor", None),
            ("admin", "admin", None),
        ):
            await store.add_user(User(login, login, role, agent), hashed, at=0.0, actor="test")
    finally:
        await store.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as found:
        yield found


@pytest_asyncio.fixture(loop_scope="session")
async def house(city: House) -> AsyncIterator[House]:
    """The house, with nobody signed in before and after."""
    yield city
    for address in (WEB, *HOMES):
        city.choose(address, Chosen.SIGNED_OUT)
    await city.quiet()


@pytest_asyncio.fixture(loop_scope="session")
async def visit(house: House, browser: Browser) -> AsyncIterator[Open]:
    """Opens a page in a profile of its own, or ``beside`` another. In the end none has complained."""
    desks: list[Desk] = []
    url = f"http://127.0.0.1:{house.settings.http.port}"

    async def visit(path: str, login: str = "", *, beside: Desk | None = None, **profile: object) -> Desk:
        if beside is None:
            size = {"width": 1366, "height": 768}
            context = await browser.new_context(viewport=size, **profile)  # type: ignore[arg-type]
        else:
            context = beside.page.context
        desks.append(await Desk.open(context, url))
        await desks[-1].go(path)
        return await desks[-1].sign_in(login) if login else desks[-1]

    yield visit
    for desk in desks:
        with contextlib.suppress(Exception):
            await desk.page.context.close()
    assert [c for desk in desks for c in desk.complaints] == []
