"""GET /staffing: needed, present, missing by province, for supervisors."""

from __future__ import annotations

from typing import Any

import pytest

from seats.domain.demand import HOUR, Hour
from tests.unit.webhouse import House, Person, start


@pytest.fixture
async def house(aiohttp_client: Any) -> House:
    house = House()
    house.populate()
    house.client = await start(house, aiohttp_client)
    return house


async def person(house: House, login: str) -> Person:
    someone = Person(house.client, house)
    assert (await someone.sign_in(login)).status == 200
    return someone


def busy_hours(house: House) -> None:
    present = int(house.engine.now() // HOUR)
    house.store.by_hour = [
        Hour("hubei", present - 24 + n, 200, 20, 2000.0, 180, 180 * 170.0, 180 * 10.0) for n in range(3)
    ]


async def test_a_province_without_enough_agents_is_short(house: House) -> None:
    busy_hours(house)
    told = await (await person(house, "sue")).get("/staffing?hours=2")
    rows = {row["code"]: row for row in told["provinces"]}
    hubei = rows["hubei"]
    assert [hour["arrivals"] for hour in hubei["hours"]] == [200.0, 200.0]
    assert hubei["measured"] is True
    assert hubei["patience"] == 100.0
    needed = hubei["hours"][0]["needed"]
    assert needed > 10
    assert hubei["missing"] == needed - hubei["present"]
    assert rows["beijing"]["missing"] == 0
    assert told["totals"]["hours"][0]["needed"] <= needed
    assert told["totals"]["present"] == sum(row["present"] for row in rows.values())


async def test_the_ledger_is_read_once_a_minute(house: House) -> None:
    sue = await person(house, "sue")
    first = await sue.get("/staffing")
    busy_hours(house)
    assert (await sue.get("/staffing"))["provinces"] == first["provinces"]


@pytest.mark.parametrize("query", ["hours=0", "hours=13", "hours=x", "days=1"])
async def test_a_bad_query_is_refused(house: House, query: str) -> None:
    reply = await (await person(house, "sue")).call("GET", f"/staffing?{query}")
    assert reply.status == 422


async def test_agents_may_not_look(house: House) -> None:
    assert (await (await person(house, "anna")).call("GET", "/staffing")).status == 403
