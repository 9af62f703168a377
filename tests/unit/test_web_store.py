"""The web over the real store: sign-in with real hashes, the ledger, routing versions, one's own day."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from seats.domain.agents import SeatKind
from seats.domain.messages import CallerGone, SeatGone
from seats.planfile import plan_to_json
from seats.store import LedgerWriter, Store
from seats.store.passwords import hash_password
from seats.store.rows import AgentRow, User
from seats.store.schema import upgrade
from seats.web.app import create_app
from tests.unit.webhouse import NUMBER, House, Person, start


@pytest.fixture
async def store(tmp_path: Path) -> Any:
    url = f"sqlite+aiosqlite:///{tmp_path}/seats.db"
    await upgrade(url)
    store = await Store.open(url)
    await store.put_agent(AgentRow("s1", "赛", "hubei", ("hubei",), "sip", "sip001"), at=1.0, actor="test")
    for login, role, agent in (("adam", "admin", None), ("sip", "agent", "s1")):
        await store.add_user(
            User(login, login, role, agent), hash_password(f"{login}-secret"), at=1.0, actor="t"
        )
    yield store
    await store.close()


@pytest.fixture
async def house(store: Store, aiohttp_client: Any) -> House:
    house = House()
    house.app = create_app(
        engine=house.engine,
        store=store,
        settings=house.settings,
        metrics_text=lambda _: (lambda: b"", "text/plain"),
        ready=lambda: (True, {}),
        sip_secret=str,
        static=Path("/nonexistent"),
    )
    house.populate()
    house.client = await start(house, aiohttp_client)
    return house


async def person(house: House, login: str) -> Person:
    someone = Person(house.client, house)
    assert (await someone.sign_in(login)).status == 200
    return someone


async def test_passwords_and_sessions(house: House, store: Store) -> None:
    someone = Person(house.client, house)
    assert (await someone.sign_in("adam", "wrong")).status == 401
    assert (await someone.sign_in("nobody", "wrong")).status == 401
    assert (await someone.sign_in("ad\x00am", "wrong")).status == 401
    assert (await someone.sign_in("ADAM ", "adam-secret")).status == 200
    await someone.get("/users")
    await store.set_active("adam", False, at=2.0, actor="test")
    await someone.get("/users", 401)


async def test_a_call_from_request_to_ledger(house: House, store: Store) -> None:
    writer = LedgerWriter(store.database)
    writer.start()
    stop = house.engine.subscribe(writer.append)
    house.make_ready("s1")
    house.call("c1.1")
    house.answer("s1")
    offer = str(house.engine.state.agents["s1"].offer)
    await asyncio.sleep(0.02)
    house.engine.post(CallerGone("pbx1:c1.1", "16"))
    house.engine.post(SeatGone(offer))
    house.agent("x9", "hubei", SeatKind.SIP, "sip9")
    await writer.flush()
    adam = await person(house, "adam")
    told = await adam.get("/requests?outcome=connected&province=hubei")
    assert [r["id"] for r in told["requests"]] == ["pbx1:c1.1"] and told["next"] is None
    assert told["requests"][0]["number_masked"] == "138****5678" and told["requests"][0]["offers"] == 1
    assert (await adam.get("/requests?outcome=in_progress"))["requests"] == []
    reply = await adam.call("GET", "/requests/pbx1:c1.1")
    assert NUMBER not in await reply.text()
    kinds = [entry["kind"] for entry in (await reply.json())["timeline"]]
    assert kinds[0] == "request_opened" and "offer_made" in kinds and "call_ended" in kinds
    told = await (await person(house, "sip")).get("/me/today")
    assert (told["offers"], told["connected"], told["missed"]) == (1, 1, 0)
    told = await adam.get("/requests?cursor=nonsense", 422)
    assert told["field"] == "cursor"
    stop()
    await writer.close()


async def test_routing_versions(house: House, store: Store) -> None:
    adam = await person(house, "adam")
    plan = plan_to_json(house.engine.state.plan)
    for version in (1, 2):
        match = {"If-Match": f'"{house.engine.state.plan.version}"'}
        reply = await adam.call("PUT", "/routing", {"plan": plan, "comment": f"no {version}"}, match)
        assert reply.status == 200, await reply.text()
        assert await reply.json() == {"version": version}
    assert [v["comment"] for v in (await adam.get("/routing"))["versions"]] == ["no 2", "no 1"]
    await store.save_plan(house.engine.state.plan, at=3.0, actor="another process", comment="")
    reply = await adam.call("PUT", "/routing", {"plan": plan}, {"If-Match": '"2"'})
    assert reply.status == 409
