"""Adding, changing and removing people from the command line, over a real ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from seats import people, roster
from seats.people import BadPersonError, Wish
from seats.service import serve
from seats.settings import Settings
from seats.store import Store
from seats.store.errors import NotFoundError
from seats.store.passwords import verify_password
from telephony.fakepbx import FakePbx
from telephony.lab.ports import free_port

PASSWORD = "quiet-river-90"
LI = Wish("li", "agent", "李静", "hubei", "", "mobile:13871234567", PASSWORD)


@pytest.fixture
def settings(url: str) -> Settings:
    return Settings(database_url=url)


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[Store]:
    store = await Store.open(url)
    yield store
    await store.close()


async def test_a_new_password_ends_every_session(settings: Settings, ledger: Store) -> None:
    await people.add(settings, LI._replace(login="boss", role="supervisor", seat=""))
    await ledger.add_session("key", "boss", 0.0, 1e12)
    said = await people.set_password(settings, "boss", "another-river-91")
    assert said == "boss has a new password and is signed out everywhere"
    assert await ledger.session("key") is None
    found = await ledger.credentials("boss")
    assert found is not None
    assert verify_password(found[1], "another-river-91")
    assert not verify_password(found[1], PASSWORD)


async def test_people_come_and_go_while_the_service_runs(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roster, "EVERY", 0.05)
    async with FakePbx() as pbx:
        node = {"name": "n1", "port": pbx.port, "secret": "secret"}
        running = {"database_url": settings.database_url, "http": {"port": free_port()}, "pbx": [node]}
        async with serve(Settings.model_validate(running)) as service:
            agents = service.engine.state.agents

            async def become(names: set[str]) -> None:
                async with asyncio.timeout(10):
                    while set(agents) != names:  # noqa: ASYNC110 - the roster has no event of its own
                        await asyncio.sleep(0.01)

            await become(set())
            await people.add(settings, LI)
            await become({"li"})
            await people.remove(settings, "li", erase=False)
            await become(set())


async def test_bad_wishes_are_refused(settings: Settings) -> None:
    await people.add(settings, LI)
    with pytest.raises(BadPersonError, match="too short"):
        await people.set_password(settings, "li", "short")
    with pytest.raises(NotFoundError):
        await people.set_password(settings, "nobody", PASSWORD)
    with pytest.raises(NotFoundError):
        await people.remove(settings, "nobody", erase=True)


async def test_who_is_removed_cannot_sign_in_and_is_erased_later(settings: Settings, ledger: Store) -> None:
    await people.add(settings, LI)
    assert await people.remove(settings, "Li", erase=False) == "li is out of service"
    assert await ledger.credentials("li") is None
    agent = await ledger.agent("li")
    assert agent is not None
    assert (agent.name, agent.active) == ("李静", False)
    assert await people.remove(settings, "li", erase=True) == "li is out of service, and the name is erased"
    assert "李静" not in str(await ledger.agent("li"))
    assert "1387" not in str(await ledger.audit(limit=1000))


async def test_a_supervisor_is_removed_too(settings: Settings, ledger: Store) -> None:
    await people.add(settings, LI._replace(login="boss", role="supervisor", seat=""))
    assert await people.remove(settings, "boss", erase=False) == "boss cannot sign in any more"
    assert await ledger.credentials("boss") is None
