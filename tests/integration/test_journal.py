"""What AstDB forgets when the PBX is killed, the dialplan's journal has: on a real Asterisk."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from telephony.journal import AT_ONCE
from telephony.lab import Call, Callers, LabPbx
from tests.integration.phone import Phone
from tests.integration.rawami import RawAmi
from tests.integration.test_link_lab import linked

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="session")]


async def records(lab: LabPbx) -> dict[str, str]:
    shown = await lab.asterisk_cli("database show seats")
    return dict(re.findall(r"^/seats/(\S+)\s*: (\S+)", shown, re.MULTILINE))


def journal(lab: LabPbx) -> dict[str, list[str]]:
    """The requests of each file, a line each."""
    files = sorted((lab.home / "db").glob("astdb-seats-*"))
    pages = {path.name[-1]: path.read_text().splitlines() for path in files}
    assert {page[0] for page in pages.values() if page} <= {"[seats]"}
    return {number: [each.removeprefix("r=") for each in page[1:]] for number, page in pages.items()}


def page(lab: LabPbx, number: str) -> Path:
    """One of the files."""
    return lab.home / "db" / f"astdb-seats-{number}"


async def call(lab: LabPbx, user: str) -> str:
    """One request, and its end; its id."""
    async with Phone(lab.sip_port, user=user, did="95500") as phone:
        await phone.until(183)
        await phone.hang_up()
    async with asyncio.timeout(20):
        while True:
            for request, record in (await records(lab)).items():
                fields = record.split("|")
                if fields[3] == user and len(fields) > 7:
                    return request


def line(request: str, at: float) -> str:
    return f"{request}|v1|{at:.3f}|95500|13800138000|PJSIP/trunk-0|"


def whole(lab: LabPbx) -> dict[str, str]:
    """Every request of the journal, and its record."""
    lines = [each for page in journal(lab).values() for each in page if each.endswith("|")]
    return {request: record[:-1] for request, _, record in (each.partition("|") for each in lines)}


async def killed(lab: LabPbx, many: int, prefix: str = "138") -> tuple[dict[str, str], set[str]]:
    """So many requests, then a kill and a start; what the journal has, and which of it AstDB lacks (some)."""
    for once in range(10):  # it may have been on the disk, by chance
        calls = [Call(f"{prefix}{once}{n:07d}", "95500", 0.0, 20.0, 1.0) for n in range(many * 2)]
        async with Callers(lab.sip_port, calls, rate=many * 2.0):
            async with asyncio.timeout(20):
                while sum(f"|{prefix}{once}" in record for record in whole(lab).values()) < many:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            await lab.kill()
        told = whole(lab)
        await asyncio.sleep(1.0 - time.time() % 1.0)  # two starts in one second would give the same ids
        await lab.start()
        if lacking := told.keys() - (await records(lab)).keys():
            return told, lacking
    raise AssertionError("AstDB had everything: this shows nothing")


async def test_a_pbx_that_is_killed_forgets_no_request() -> None:
    """Twice in a row, and nobody listens."""
    async with LabPbx([("sip", "sip1")]) as lab:
        for once in range(2):
            told, lacking = await killed(lab, 20, f"13{once}")
            last = await call(lab, f"1390000000{once}")
            found = await records(lab)
            assert found.keys() >= {*told, last}
            assert {request: found[request] for request in lacking} == {r: told[r] for r in lacking}


async def test_a_service_need_not_wait_for_the_next_caller() -> None:
    """A link that comes up to a PBX which nobody has called since its start has every request in its picture."""
    async with LabPbx([("sip", "sip1")]) as lab:
        told, lacking = await killed(lab, AT_ONCE + 20)
        async with linked(lab) as watch:
            assert watch.snapshots[0].requests == told | await records(lab)
            assert {r: watch.snapshots[0].requests[r] for r in lacking} == {r: told[r] for r in lacking}
            last = await call(lab, "13900000001")
            watch.link.journal.clear()
            assert (await watch.link.refresh()).requests == await records(lab)
        assert (await records(lab)).keys() >= {*told, last}, "the next caller has them taken over in any case"


async def test_what_is_taken_over_from_before_the_end() -> None:
    """The last five seconds of each file, whole lines, and nothing that is in AstDB already."""
    async with LabPbx([("sip", "sip1")]) as lab:
        now = time.time()
        kept = await call(lab, "13900000001")
        await asyncio.sleep(1.5)  # AstDB has it on the disk
        ended = (await records(lab))[kept]
        await lab.kill()
        pages = {
            "0": [
                line("1.1", now - 99),
                line("1.2", now - 94.5),
                line("1.3", now - 94.9),
                line("1.4", now - 90),
            ],
            "1": [line("2.1", now - 3), line(kept, now - 2), line("2.2", now - 1), line("2.3", now)[:-1]],
        }
        for number, lines in pages.items():
            text = "\n".join(["[seats]", *(f"r={each}" for each in lines)])
            page(lab, number).write_text(text + ("" if number == "1" else "\n"))
        await lab.start()
        last = await call(lab, "13900000002")
        found = await records(lab)
        assert found.keys() == {kept, "1.2", "1.3", "1.4", "2.1", "2.2", last}
        assert found["1.2"] == line("1.2", now - 94.5).partition("|")[2][:-1]
        assert found[kept] == ended, "it has ended since"


async def test_what_was_taken_over_is_kept_until_astdb_is_on_the_disk() -> None:
    """A PBX that is killed once more, right after its first caller, has it still."""
    async with LabPbx([("sip", "sip1")]) as lab:
        lines = [line(f"1.{n}", time.time() - 60 + n / 100) for n in range(30)]
        for number, half in (("0", lines[:15]), ("1", lines[15:])):
            page(lab, number).write_text("\n".join(["[seats]", *(f"r={each}" for each in half), ""]))
        for once in range(3):
            await call(lab, f"1390000000{once}")
            await lab.kill()
            await asyncio.sleep(1.0 - time.time() % 1.0)  # two starts in one second would give the same ids
            await lab.start()
        async with linked(lab) as watch:
            assert watch.snapshots[0].requests.keys() >= {f"1.{n}" for n in range(30)}
        await call(lab, "13900000009")
        assert (await records(lab)).keys() >= {f"1.{n}" for n in range(30)}


async def test_the_journal_does_not_grow() -> None:
    """The older file begins anew at the end of a call, ten seconds after the other did, or after a start."""
    async with LabPbx([("sip", "sip1")]) as lab, RawAmi(lab) as ami:
        old = line("1.1", 1.0)
        for number in "01":
            page(lab, number).write_text(f"[seats]\nr={old}\n")
        before = int(time.time())
        first = await call(lab, "13900000001")
        assert int(await ami.getvar("SEATS_TURNED")) in range(before, int(time.time()) + 1)
        assert [len(lines) for lines in journal(lab).values()] == [2, 1, 1], (
            "nothing begins anew at the start"
        )
        second = await call(lab, "13900000002")
        assert beside(lab, second) == ["1.1", first, second]
        for page_now, number in (("1", 3), ("0", 4)):
            await ami.setvar("SEATS_TURNED", before - 10)
            await call(lab, f"1390000000{number}")
            await eventually(lambda: ami.getvar("SEATS_PAGE"), page_now)
            assert (journal(lab)[page_now], journal(lab)["2"]) == ([], []), "begun anew"
            assert int(await ami.getvar("SEATS_TURNED")) >= before
        assert len(journal(lab)["1"]) == 1, "what came since it was begun"


@pytest.mark.parametrize("age", [0, 2])
async def test_the_line_is_there_before_the_news_unless_a_service_surely_hears(age: int) -> None:
    """While its heartbeat is fresh the line is written a little later, for no ring to wait for a file."""
    async with LabPbx([("sip", "sip1")]) as lab, RawAmi(lab) as ami:
        await call(lab, "13900000001")  # the first since the start
        await ami.setvar("SEATS_HEARTBEAT", int(time.time()) - age)
        async with Phone(lab.sip_port, user="13900000002", did="95500") as phone:
            made = await ami.user_event("SeatsRequest", Cli="13900000002")
            there = made["Request"] in whole(lab)
            assert there or age == 0
            await eventually(lambda: shown(lab, made["Request"]), f"13900000002|{made['Channel']}")
            await phone.hang_up()


async def shown(lab: LabPbx, request: str) -> str:
    """Number and channel in the journal."""
    return whole(lab).get(request, "v1|||").split("|", 3)[3]


async def eventually(look: Callable[[], Awaitable[str]], wanted: str) -> None:
    async with asyncio.timeout(20):
        while await look() != wanted:  # noqa: ASYNC110 - neither files nor globals have events
            await asyncio.sleep(0.02)


def beside(lab: LabPbx, request: str) -> list[str]:
    """The requests of the file that has this one."""
    pages = [[each.split("|")[0] for each in page] for page in journal(lab).values()]
    [found] = [page for page in pages if request in page]
    return found
