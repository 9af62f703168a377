"""What cannot work is refused before anything is touched: what is wrong, where, and what is allowed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from seats.check import require_startable
from seats.service import open_store
from seats.settings import load
from seats.store.rows import AgentRow
from telephony.fakepbx import FakePbx
from telephony.lab.ports import free_port
from tests.contract.badhouse import SECONDS, CommandLine, Place

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROUTING = Path(__file__).parents[2] / "config" / "routing.yaml"


@contextlib.contextmanager
def tampered(place: Place) -> Iterator[sqlite3.Connection]:
    """The database in somebody else's hands; nothing of that stays but what was done."""
    with contextlib.closing(sqlite3.connect(place.database)) as database, database:
        yield database


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def commands() -> AsyncIterator[CommandLine]:
    async with CommandLine() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def pbx() -> AsyncIterator[FakePbx]:
    async with FakePbx() as fake:
        yield fake


@pytest.fixture
def place(tmp_path: Path, pbx: FakePbx, commands: CommandLine) -> Place:
    found = Place(tmp_path, pbx, commands)
    found.write()
    return found


async def make_database(place: Place, *seats: tuple[str, str]) -> None:
    store = await open_store(load(place.file, {}))
    try:
        for agent, address in seats:
            row = AgentRow(agent, agent, "hubei", ("hubei",), "sip", address)
            await store.put_agent(row, at=0.0, actor="test")
    finally:
        await store.close()


async def test_a_good_place_is_good_and_is_not_touched(place: Place) -> None:
    before = place.files()
    said = await place.said("check")
    assert said.status == 0, said.text
    assert "✗" not in said.text
    assert place.files() == before, "check makes no database"


async def test_a_wrong_secret(place: Place, pbx: FakePbx) -> None:
    pbx.ami.secret = "another"
    where = f"pbx pbx1 (127.0.0.1:{pbx.port})"
    await place.refused(where, "Authentication failed", "allowed: a user and secret of manager.conf")


async def test_a_missing_dialplan_pack(place: Place, pbx: FakePbx) -> None:
    pbx.pack = False
    await place.refused("context seats-hold: missing", "add #include extensions_seats.conf")


async def test_an_asterisk_that_is_too_old(place: Place, pbx: FakePbx) -> None:
    pbx.version = "18.26.4"
    await place.refused("version: Asterisk 18.26.4; allowed: 20 or newer")


async def test_a_database_of_a_newer_schema(place: Place) -> None:
    await make_database(place)
    with tampered(place) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999_of_the_future'")
    await place.refused(str(place.database), "newer schema", "install the later version")


async def test_a_taken_port(place: Place) -> None:
    with socket.create_server(("127.0.0.1", place.port)):
        await place.refused(f"127.0.0.1:{place.port}", "Address already in use", "allowed:", "http.port")


async def test_an_unknown_setting(place: Place) -> None:
    place.write(http={"port": place.port, "hots": "127.0.0.1"})
    await place.refused("seats.yaml:", "http.hots", "did you mean host?", "allowed: host, port")


async def test_a_bad_value(place: Place) -> None:
    place.write(http={"port": 70000})
    await place.refused("seats.yaml:", "http.port", "70000", "allowed: a TCP port, 1 to 65535")


async def test_a_settings_file_that_is_not_there(place: Place) -> None:
    place.file.unlink()
    await place.refused(str(place.file), "allowed")


def rewritten(place: Place, change: Callable[[str], str]) -> None:
    file = place.folder / "routing.yaml"
    file.write_text(change(ROUTING.read_text(encoding="utf-8")), encoding="utf-8")
    place.write(routing_file=str(file))


async def test_a_ring_that_names_an_unknown_pool(place: Place) -> None:
    rewritten(place, lambda text: text.replace("rings: [{pool: hubei,", "rings: [{pool: hubai,", 1))
    await place.refused("routing.yaml:", "provinces.hubei.rings[1]", "hubai", "allowed:")


async def test_a_province_that_does_not_exist(place: Place) -> None:
    rewritten(place, lambda text: text.replace("  hubei: {objective", "  hubai: {objective", 1))
    await place.refused("routing.yaml:", "provinces.hubai", "allowed:", "hubei")


async def test_a_number_of_a_province_that_does_not_exist(place: Place) -> None:
    place.write(numbers={"dialled": {"02795500": "wuhan"}})
    await place.refused("seats.yaml:", "numbers.dialled.02795500", "wuhan", "a province code: beijing")


async def test_a_second_agent_for_a_seat_is_refused(place: Place) -> None:
    add = ("--province", "hubei", "--seat", "sip:1001")
    first = await place.said("user", "add", "li", *add, SEATS_PASSWORD="quiet-river")
    assert first.status == 0, first.text
    with tampered(place) as database:
        before = list(database.iterdump())
    second = await place.said("user", "add", "wang", *add, SEATS_PASSWORD="quiet-river")
    assert second.status == 2
    assert "'1001' is another agent's; allowed: an address of its own" in second.text
    with tampered(place) as database:
        assert list(database.iterdump()) == before


async def test_an_agents_skills_are_those_of_the_routing(place: Place) -> None:
    add = ("user", "add", "li", "--province", "hubei", "--seat", "sip:1001")
    for skills, words in (
        (("--skill", "surgery:5"), "--skill: unknown skill 'surgery'; allowed: claims"),
        (("--skill", "claims:11"), "--skill: 'claims:11' has no such level; allowed: claims:0 to claims:10"),
        (("--skill", "claims"), "--skill: 'claims' has no such level"),
        (("--skill", "claims:5", "--skill", "claims:6"), "'claims' is given twice; allowed: each skill once"),
    ):
        said = await place.said(*add, *skills, SEATS_PASSWORD="quiet-river")
        assert said.status == 2 and words in said.text, said.text
    said = await place.said(*add, "--skill", "claims:5", SEATS_PASSWORD="quiet-river")
    assert said.status == 0, said.text
    store = await open_store(load(place.file, {}))
    try:
        assert [a.skills for a in await store.agents()] == [(("claims", 5),)]
    finally:
        await store.close()


async def test_a_floor_larger_than_its_pool(place: Place) -> None:
    """Trouble for a check; whoever removed an agent must not find that the service does not start any more."""
    rewritten(place, lambda text: text.replace("home: hubei}", "home: hubei, floor: 2}", 1))
    await make_database(place, ("li", "1001"))
    said = await place.said("check")
    assert said.status == 2
    assert "✗ staffing: pools.hubei.floor: 2 is more than the pool's 1 agents; allowed: 0 to 1" in said.text
    warnings = await require_startable(load(place.file, {}))
    assert "staffing: pools.hubei.floor: 2 is more than the pool's 1 agents; allowed: 0 to 1" in warnings


async def test_a_customer_of_an_unknown_class(place: Place) -> None:
    customers = place.folder / "customers.csv"
    customers.write_text("number,province,class\n13871234567,hubei,green\n13971234567,hubei,gold\n")
    place.write(numbers={"customers": str(customers)})
    await place.refused("customers.csv:3: class: unknown class 'gold'", "allowed: green, or nothing")


async def test_two_agents_with_one_seat(place: Place, pbx: FakePbx) -> None:
    """The database lets nobody write this, but somebody may have had another tool at hand."""
    await make_database(place, ("li", "1001"), ("wang", "1002"))
    with tampered(place) as database:
        database.execute("DROP INDEX uq_agents_seat_address")
        database.execute("UPDATE agents SET seat_address = '1001'")
    await place.refused("agent wang: has the seat 1001 of agent li", "allowed: a seat of its own")


async def test_an_agent_of_an_unknown_pool(place: Place) -> None:
    await make_database(place, ("li", "1001"))
    with tampered(place) as database:
        database.execute("""UPDATE agents SET pools = '["wuhan"]'""")
    await place.refused("agent li: is in the unknown pool 'wuhan'", "allowed:", "hubei")


async def test_a_spool_that_cannot_be_written_is_trouble_for_a_check(place: Place) -> None:
    """Trouble for a check; calls go on without."""
    file = place.folder / "in-the-way"
    file.write_text("")
    place.write(spool_folder=str(file / "spool"))
    await make_database(place, ("li", "1001"))
    said = await place.said("check")
    assert said.status == 2
    assert f"✗ spool: {file}/spool: {file} cannot be written; allowed: a folder on this" in said.text
    assert any(line.startswith("spool: ") for line in await require_startable(load(place.file, {})))


async def test_a_pbx_that_is_away_is_trouble_for_a_check(place: Place) -> None:
    port = free_port()
    place.write(pbx=[{"host": "127.0.0.1", "port": port, "secret": "secret"}])
    before = place.files()
    said = await place.said("check")
    assert said.status == 2
    assert f"✗ pbx pbx1 (127.0.0.1:{port})" in said.text
    assert "is Asterisk running" in said.text
    assert place.files() == before


async def test_a_seat_that_the_pbx_does_not_know_is_trouble_for_a_check(place: Place, pbx: FakePbx) -> None:
    pbx.add_seat("1001")
    await make_database(place, ("li", "1001"), ("wang", "1002"))
    said = await place.said("check")
    assert said.status == 2
    assert "✗ pbx pbx1" in said.text
    assert "1002 unknown to the PBX; seats provision > " in said.text


async def test_an_older_dialplan_is_trouble_for_a_check(place: Place, pbx: FakePbx) -> None:
    """It loses more when Asterisk is killed; calls are handled as before."""
    pbx.lacks = {"seats-journal"}
    await make_database(place)
    said = await place.said("check")
    assert said.status == 2
    assert "context seats-journal: missing, an older dialplan" in said.text
    assert any("seats-journal" in line for line in await require_startable(load(place.file, {})))


async def test_a_pbx_that_is_away_is_waited_for(place: Place, pbx: FakePbx) -> None:
    port = pbx.port
    await pbx.ami.close()
    service = await place.service()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{place.port}") as http:
            ready = await answer(http, 503, "Connection refused")
            assert ready["links"]["pbx1"]["state"] == "backoff"
            async with http.get("/healthz") as health:
                assert health.status == 200
            said = await place.said("check")
            assert f"127.0.0.1:{place.port} is in use by the service that runs on this database" in said.text
            await pbx.ami.start(port)
            ready = await answer(http, 200)
            assert ready["links"]["pbx1"]["state"] == "up"
    finally:
        service.terminate()
        out, _ = await service.communicate()
    assert service.returncode == 0, out.decode()
    assert "Traceback" not in out.decode()


async def answer(http: aiohttp.ClientSession, status: int, *words: str) -> dict[str, Any]:
    """What ``/readyz`` tells, once it has this status and these words."""
    async with asyncio.timeout(SECONDS):
        while True:
            with contextlib.suppress(aiohttp.ClientConnectionError):
                async with http.get("/readyz") as reply:
                    text = await reply.text()
                    if reply.status == status and all(word in text for word in words):
                        found: dict[str, Any] = json.loads(text)
                        return found
            await asyncio.sleep(0.05)
