"""An agent transfers a caller with consultation, as telephones do it: REFER with Replaces, on a real Asterisk."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seats.domain.agents import Chosen, Machine
from seats.domain.events import CallEnded, OfferMade, Repaired, RequestClosed, RequestDecided, RequestOpened
from telephony.lab import LabPbx
from telephony.lab.conf import default_pack
from tests.e2e.voice import Speaker
from tests.integration.deskphone import DeskPhone
from tests.integration.house import HUNAN, Home, House, people, plan_for_tests, settings_for

pytestmark = pytest.mark.pbx

HOMES = {"sip001": Home("hunan"), "sip002": Home("hunan", ready=False)}
COMPANY = """
[lab-company]
exten => _sipXXX,1,Dial(PJSIP/${EXTEN},20)
 same => n,Hangup()
"""


class Office(House):
    """A house whose PBX lets its seats call one another and transfer."""

    desks: dict[str, DeskPhone]

    def caller(self) -> Speaker:
        return Speaker(self.lab.sip_port, user=HUNAN, did="95500")

    async def talking(self, address: str) -> None:
        await self.until(lambda: self.agent(address).machine is Machine.TALKING)

    async def rows(self) -> list[tuple[str | None, str | None, str | None]]:
        await self.service.writer.flush()
        found, _ = await self.service.store.requests()
        return [(r.outcome, r.agent, r.ended_by) for r in reversed(found)]


def pack_of_a_company(folder: Path) -> Path:
    pack = folder / "pack"
    shutil.copytree(default_pack(), pack)
    with (pack / "extensions_seats.conf").open("a") as file:
        file.write(COMPANY)
    seats = pack / "pjsip_seats.conf"
    text = seats.read_text().replace("allow_transfer = no", "allow_transfer = yes")
    seats.write_text(text.replace("context = seats-none", "context = lab-company"))
    return pack


@contextlib.asynccontextmanager
async def office(folder: Path) -> AsyncIterator[Office]:
    """``sip001`` is ready, ``sip002`` is an agent who is not, ``sip003`` a colleague who is no agent."""
    seats = ["sip001", "sip002", "sip003"]
    async with LabPbx([("sip", a) for a in seats], pack=pack_of_a_company(folder)) as lab:
        settings = settings_for(lab, folder)
        await people(settings, HOMES, plan_for_tests())
        it = Office(lab, settings, HOMES)
        async with it.serving(), contextlib.AsyncExitStack() as stack:
            it.desks = {a: await stack.enter_async_context(DeskPhone(lab, a)) for a in seats}
            await it.until(lambda: all(it.agent(a).nodes for a in HOMES))
            it.choose("sip001", Chosen.READY)
            yield it


async def test_a_caller_handed_over_after_a_consultation_stays_one_request(tmp_path: Path) -> None:
    async with office(tmp_path) as h, h.caller() as phone:
        await h.talking("sip001")
        agent, colleague = h.desks["sip001"], h.desks["sip003"]
        await phone.until(200)
        h.choose("sip001", Chosen.NOT_READY, "break")
        consulted = await agent.call("sip003")
        await agent.transfer(agent.legs[0], consulted)
        await h.until(lambda: h.agent("sip001").machine is Machine.IDLE)
        await asyncio.sleep(5.5)  # a reconciliation: the colleague's talk is none of ours
        await phone.heard()
        assert not colleague.legs[0].ended.is_set()
        await phone.hang_up()
        await h.until(lambda: h.of(RequestClosed))
        assert [(e.agent, e.ended_by) for e in h.of(CallEnded)] == [("sip001", "agent")]
        assert await h.rows() == [("connected", "sip001", "agent")]
        assert (len(h.of(RequestOpened)), len(h.of(RequestDecided)), len(h.of(OfferMade))) == (1, 1, 1)
        assert h.of(Repaired) == []
        assert not h.service.engine.state.offers


async def test_a_seat_that_talks_with_a_colleague_is_offered_nothing(tmp_path: Path) -> None:
    async with office(tmp_path) as h:
        agent, asked = h.desks["sip001"], h.desks["sip002"]
        h.choose("sip001", Chosen.NOT_READY, "break")
        h.choose("sip002", Chosen.READY)
        leg = await agent.call("sip002")
        await h.until(lambda: h.agent("sip002").machine is Machine.UNREACHABLE)
        async with h.caller() as phone:
            await phone.until(183)
            await asyncio.sleep(5.5)  # a reconciliation sees the same
            assert (h.of(OfferMade), len(asked.legs)) == ([], 1)
            agent.hang_up(leg)
            await h.talking("sip002")
            await phone.hang_up()
        await h.quiet()
        assert await h.rows() == [("connected", "sip002", "caller")]
        assert h.of(Repaired) == []


async def test_a_caller_handed_to_another_agents_seat_is_no_offer_of_theirs(tmp_path: Path) -> None:
    async with office(tmp_path) as h, h.caller() as phone:
        await h.talking("sip001")
        h.choose("sip001", Chosen.NOT_READY, "break")
        h.choose("sip002", Chosen.READY)
        agent = h.desks["sip001"]
        await agent.transfer(agent.legs[0], await agent.call("sip002"))
        await h.until(lambda: h.agent("sip001").machine is Machine.IDLE)
        await asyncio.sleep(5.5)  # a reconciliation
        assert h.agent("sip002").machine is Machine.UNREACHABLE
        assert [(o.agent, o.request) for o in h.of(OfferMade)] == [("sip001", h.of(RequestOpened)[0].request)]
        await phone.hang_up()
        await h.until(lambda: h.agent("sip002").machine is Machine.IDLE)
        assert await h.rows() == [("connected", "sip001", "agent")]
        assert h.of(Repaired) == []


async def test_after_a_restart_a_caller_handed_over_is_still_nobodys_call(tmp_path: Path) -> None:
    async with office(tmp_path) as h, h.caller() as phone:
        await h.talking("sip001")
        h.choose("sip001", Chosen.NOT_READY, "break")
        agent = h.desks["sip001"]
        await agent.transfer(agent.legs[0], await agent.call("sip002"))
        await h.until(lambda: h.agent("sip001").machine is Machine.IDLE)
        await h.service.writer.flush()
        await h.stop()
        await h.start()
        assert [h.agent(a).request for a in HOMES] == [None, None]
        h.choose("sip002", Chosen.READY)
        await asyncio.sleep(5.5)
        assert h.agent("sip002").machine is Machine.UNREACHABLE
        await phone.hang_up()
        await h.until(lambda: h.agent("sip002").machine is Machine.IDLE)
        await h.quiet()
        assert await h.rows() == [("connected", "sip001", "agent")]
