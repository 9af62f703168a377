"""Callbacks over HTTP and on the desk: what is shown, who may take and cancel, no number in clear."""

from __future__ import annotations

from typing import Any

import pytest

from seats.domain.agents import Machine, SeatKind
from seats.domain.callback_settings import CallbackSettings, Dial
from seats.domain.messages import CallbackAnswered, CallbackBegan, CallbackRecalled, OfferAnswered
from seats.store.callbacks import AttemptRow, CallbackRow
from tests.unit.webhouse import NUMBER, House, Person, start


@pytest.fixture
async def house(aiohttp_client: Any) -> House:
    house = House()
    house.populate()
    settings = CallbackSettings(dial=Dial.MANUAL)
    house.engine.state.plan = house.engine.state.plan._replace(callbacks=settings)
    house.client = await start(house, aiohttp_client)
    return house


async def person(house: House, login: str) -> Person:
    someone = Person(house.client, house)
    assert (await someone.sign_in(login)).status == 200
    return someone


def open_one(house: House, callback: str = "b1") -> None:
    """A callback that the core and the ledger know."""
    now = house.engine.now()
    row = ("hubei", "95500", "pbx1", "pbx1:1", "recovered")
    house.engine.post(
        CallbackRecalled(
            callback, NUMBER, *row, asked_at=now, due_at=now, attempts=1, agent="a1", calling=False
        )
    )
    house.store.called_back.append(
        CallbackRow(callback, NUMBER, *row, 2, now, "waiting", now, 1, "a1", "no_answer", now)
    )


async def test_the_list_and_its_sums(house: House) -> None:
    open_one(house)
    done = house.store.called_back[0]._replace(id="b0", state="done", asked_at=1.0)
    house.store.called_back.append(done)
    told = await (await person(house, "sue")).get("/callbacks?state=open&province=hubei&limit=10")
    assert house.store.asked == {"state": "open", "province": "hubei", "cursor": "", "limit": 10}
    assert (told["waiting"], told["calling"], told["done_today"], told["lost_today"]) == (1, 0, 1, 0)
    assert (told["dial"], told["oldest_asked_at"]) == ("manual", house.store.called_back[0].asked_at)
    first = told["callbacks"][0]
    assert (first["number_masked"], first["requests"], first["agent_name"]) == ("138****5678", 2, "A1")


async def test_no_number_is_shown_in_clear(house: House) -> None:
    open_one(house)
    sue = await person(house, "sue")
    for path in ("/callbacks", "/callbacks/b1", "/agents"):
        assert NUMBER not in str(await sue.get(path))


async def test_one_callback_with_its_attempts(house: House) -> None:
    open_one(house)
    house.store.attempts = [AttemptRow("pbx1:c1", "a1", True, 1.0, None, 40.0, "no_answer", 0.0, "")]
    sue = await person(house, "sue")
    told = await sue.get("/callbacks/b1")
    assert told["attempts"][0]["result"] == "no_answer"
    await sue.get("/callbacks/nothing", status=404)
    await (await person(house, "anna")).get("/callbacks/b1", status=403)


async def test_agents_see_what_is_open(house: House) -> None:
    await (await person(house, "anna")).get("/callbacks?state=done")
    assert house.store.asked["state"] == "open"


@pytest.mark.parametrize("query", ["state=gone", "province=mars", "limit=0", "color=red"])
async def test_a_bad_query_is_refused(house: House, query: str) -> None:
    told = await (await person(house, "sue")).get(f"/callbacks?{query}", status=422)
    assert told["detail"]


async def test_a_supervisor_cancels_and_an_agent_may_not(house: House) -> None:
    open_one(house)
    await (await person(house, "anna")).post("/callbacks/b1/cancel", status=403)
    sue = await person(house, "sue")
    await sue.post("/callbacks/b1/cancel", status=202)
    assert house.engine.state.callbacks.by_id == {}
    await sue.post("/callbacks/b1/cancel", status=404)


async def test_an_agent_takes_one_and_the_desk_says_that_it_is_a_callback(house: House) -> None:
    open_one(house)
    house.make_ready("s1")
    agent = await person(house, "sip")
    await agent.post("/callbacks/b1/take", status=202)
    (me,) = (await agent.get("/agents"))["agents"]
    assert (me["offer"]["callback"], me["offer"]["number_masked"]) == (True, "138****5678")
    request = house.engine.state.agents["s1"].request or ""
    house.engine.post(CallbackBegan(request, "Local/1;2", "u1", "l1"))
    house.engine.post(OfferAnswered(me["offer"]["id"]))
    (me,) = (await agent.get("/agents"))["agents"]
    assert (me["call"]["callback"], me["call"]["customer_there"]) == (True, False)
    house.engine.post(CallbackAnswered(request))
    (me,) = (await agent.get("/agents"))["agents"]
    assert me["call"]["customer_there"]


async def test_an_ordinary_call_is_no_callback(house: House) -> None:
    house.make_ready("s1")
    house.call("1.1")
    house.answer("s1")
    (me,) = (await (await person(house, "sip")).get("/agents"))["agents"]
    assert (me["call"]["callback"], me["call"]["customer_there"]) == (False, True)


async def test_taking_is_refused_with_the_reason(house: House) -> None:
    open_one(house)
    sip = await person(house, "sip")
    told = await sip.post("/callbacks/b1/take", status=409)
    assert "cannot be rung" in told["detail"]
    assert told["allowed"]
    await sip.post("/callbacks/b1/take", {"agent": "a1"}, status=403)
    await sip.post("/callbacks/b9/take", status=404)
    await (await person(house, "sue")).post("/callbacks/b1/take", {"agent": "nobody"}, status=404)
    house.make_ready("s1")
    house.engine.state.plan = house.engine.state.plan._replace(callbacks=CallbackSettings())
    told = await sip.post("/callbacks/b1/take", status=409)
    assert "dials no callbacks" in told["detail"]


async def test_a_supervisor_gives_one_to_an_agent(house: House) -> None:
    open_one(house)
    house.make_ready("s1")
    await (await person(house, "sue")).post("/callbacks/b1/take", {"agent": "s1"}, status=202)
    assert house.engine.state.agents["s1"].machine is Machine.OFFERED
    assert house.engine.state.agents["s1"].seat.kind is SeatKind.SIP


async def test_a_callback_is_in_no_list_of_waiting_callers(house: House) -> None:
    settings = CallbackSettings(dial=Dial.AGENT_FIRST)
    house.engine.state.plan = house.engine.state.plan._replace(callbacks=settings)
    open_one(house)
    callback = house.engine.state.callbacks.by_id["b1"]
    callback.due_at = house.engine.now()
    from seats.domain import callbacks
    from seats.domain.state import Turn

    callbacks.due(Turn(house.engine.state, house.engine.now()), "b1")
    assert len(house.engine.state.requests) == 1
    feed = await (await person(house, "sue")).feed()
    assert feed.data["waiting"] == {}
    assert feed.data["provinces"]["hubei"]["waiting"] == 0
    await feed.ws.close()
