"""One call keeps one identity, whatever Asterisk does to its channels: on the real one."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from seats.domain.agents import Chosen, Machine
from seats.domain.events import CallEnded, Repaired, RequestClosed, RequestDecided, RequestOpened
from telephony.lab import Call, LabPbx, SimAgents
from telephony.lab.conf import default_pack
from tests.integration.house import HUNAN, Home, House, people, plan_for_tests, settings_for

pytestmark = pytest.mark.pbx

HOMES = {"sip001": Home("hunan"), "sip002": Home("hunan", ready=False)}
EXTRA = """
[seats-inbound]
exten => 7001,1,Dial(Local/95500@seats-inbound,60)
 same => n,Hangup()

[lab-elsewhere]
exten => colleague,1,Dial(PJSIP/sip003,20)
 same => n,Hangup()
exten => wait,1,Answer()
 same => n,Wait(30)
"""


@contextlib.asynccontextmanager
async def house(folder: Path) -> AsyncIterator[House]:
    pack = folder / "pack"
    shutil.copytree(default_pack(), pack)
    with (pack / "extensions_seats.conf").open("a") as file:
        file.write(EXTRA)
    seats = ["sip001", "sip002", "sip003"]
    async with LabPbx([("sip", a) for a in seats], pack=pack, qualify_s=1.0) as lab:
        settings = settings_for(lab, folder)
        await people(settings, HOMES, plan_for_tests())
        h = House(lab, settings, HOMES)
        behaviours = dict.fromkeys(seats, HOMES["sip001"].behaviour)
        async with h.serving(), SimAgents(lab.sip_port, behaviours, lab.seat_secrets()) as phones:
            h.phones = phones
            await h.until(lambda: all(h.agent(a).nodes for a in HOMES))
            h.choose("sip001", Chosen.READY)
            yield h


async def channels(h: House) -> list[str]:
    shown = await h.lab.asterisk_cli("core show channels concise")
    return [line.split("!")[0] for line in shown.splitlines() if "!" in line]


async def act(h: House, **headers: str) -> Any:
    return await h.service.nodes[0].link.call({**headers})


async def leg_of(h: House, address: str) -> str:
    return next(name for name in await channels(h) if name.startswith(f"PJSIP/{address}-"))


async def talking(h: House) -> None:
    await h.until(lambda: h.agent("sip001").machine is Machine.TALKING)
    await asyncio.sleep(0.3)


async def rows(h: House) -> list[tuple[str | None, str | None]]:
    found, _ = await h.service.store.requests()
    return [(r.outcome, r.agent) for r in reversed(found)]


async def test_after_a_restart_a_caller_who_came_by_a_local_channel_is_still_known(tmp_path: Path) -> None:
    async with house(tmp_path) as h, h.placing(Call(HUNAN, "7001", talk_s=8.0)) as callers:
        await talking(h)
        await h.service.writer.flush()
        await h.stop()
        await h.start()
        assert h.agent("sip001").machine is Machine.TALKING
        assert (await callers.wait()).answered == 1
        await h.quiet()
        assert await rows(h) == [("connected", "sip001")]


async def test_a_blind_transfer_ends_the_agents_part_and_nothing_else(tmp_path: Path) -> None:
    async with house(tmp_path) as h, h.placing(Call(HUNAN, "95500", talk_s=9.0)) as callers:
        await talking(h)
        leg = await leg_of(h, "sip001")
        await act(h, Action="BlindTransfer", Channel=leg, Context="lab-elsewhere", Exten="colleague")
        await h.until(lambda: h.agent("sip001").machine is Machine.IDLE)
        await h.until(lambda: "sip003" in h.rung())
        await asyncio.sleep(5.5)  # a reconciliation: the colleague's talk is none of ours
        assert (await callers.wait()).answered == 1
        await h.until(lambda: h.of(RequestClosed))
        await h.quiet()
        assert [(e.agent, e.ended_by) for e in h.of(CallEnded)] == [("sip001", "agent")]
        assert await rows(h) == [("connected", "sip001")]
        assert h.of(Repaired) == []


async def test_a_transfer_back_to_the_line_is_a_second_request_of_the_same_caller(tmp_path: Path) -> None:
    async with house(tmp_path) as h, h.placing(Call(HUNAN, "95500", talk_s=8.0)) as callers:
        await talking(h)
        h.choose("sip001", Chosen.NOT_READY, "break")
        h.choose("sip002", Chosen.READY)
        leg = await leg_of(h, "sip001")
        await act(h, Action="BlindTransfer", Channel=leg, Context="seats-inbound", Exten="95500")
        await h.until(lambda: h.agent("sip002").machine is Machine.TALKING)
        assert (await callers.wait()).answered == 1
        await h.quiet()
        first, second = h.of(RequestOpened)
        assert (first.channel, second.request) == (second.channel, f"{first.request}.2")
        assert await rows(h) == [("connected", "sip001"), ("connected", "sip002")]
        assert len(h.of(RequestDecided)) == 2
