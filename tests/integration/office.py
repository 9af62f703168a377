"""A house whose agents have real telephones (``DeskPhone``), on a PBX that lets its seats call and transfer."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from unittest.mock import patch

from seats.domain.agents import Chosen, Machine
from seats.engine import node
from telephony.lab import LabPbx
from telephony.lab.conf import default_pack
from tests.e2e.voice import Speaker
from tests.integration.deskphone import DeskPhone
from tests.integration.house import HUNAN, Home, House, people, plan_for_tests, settings_for

HOMES = {"sip001": Home("hunan"), "sip002": Home("hunan", ready=False)}
SILENT = 2
"""Seconds without sound after which the PBX gives up on a seat."""
RECONCILE_EVERY = 0.5
COMPANY = """
[seats-inbound]
exten => 7001,1,Dial(Local/95500@seats-inbound,60)
 same => n,Hangup()

[lab-company]
exten => _sipXXX,1,Dial(PJSIP/${EXTEN},20)
 same => n,Hangup()
"""


class Office(House):
    """What tests ask of it."""

    desks: dict[str, DeskPhone]

    def caller(self, *, did: str = "95500", number: str = HUNAN) -> Speaker:
        """Somebody who calls and speaks."""
        return Speaker(self.lab.sip_port, user=number, did=did)

    async def talking(self, address: str) -> None:
        """Until an agent talks."""
        await self.until(lambda: self.agent(address).machine is Machine.TALKING)

    async def reconciled(self) -> None:
        """Until the picture of the PBX was taken twice more, of channels that are not new any more."""
        await asyncio.sleep(2.0 + 3 * RECONCILE_EVERY)

    async def rows(self) -> list[tuple[str | None, str | None, str | None]]:
        """The ledger, oldest first: outcome, agent, who ended the call."""
        await self.service.writer.flush()
        found, _ = await self.service.store.requests()
        return [(r.outcome, r.agent, r.ended_by) for r in reversed(found)]

    async def channels(self) -> list[str]:
        """Names of the PBX's live channels."""
        shown = await self.lab.asterisk_cli("core show channels concise")
        return [line.split("!")[0] for line in shown.splitlines() if "!" in line]


def pack_of_a_company(folder: Path) -> Path:
    """The dialplan pack, with what a company adds: calls between its seats, and calls by way of Local channels."""
    pack = folder / "pack"
    shutil.copytree(default_pack(), pack)
    with (pack / "extensions_seats.conf").open("a") as file:
        file.write(COMPANY)
    seats = pack / "pjsip_seats.conf"
    text = seats.read_text().replace(
        "allow_transfer = no", "allow_transfer = yes\ncall_group = 1\npickup_group = 1"
    )
    seats.write_text(text.replace("context = seats-none", "context = lab-company"))
    return pack


@contextlib.asynccontextmanager
async def office(folder: Path) -> AsyncIterator[Office]:
    """``sip001`` is ready, ``sip002`` is an agent who is not, ``sip003`` a colleague who is no agent."""
    seats = ["sip001", "sip002", "sip003"]
    lab = LabPbx([("sip", a) for a in seats], pack=pack_of_a_company(folder), rtp_timeout_s=SILENT)
    async with lab:
        settings = settings_for(lab, folder)
        await people(settings, HOMES, plan_for_tests(rescue_grace=1.0))
        it = Office(lab, settings, HOMES)
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(patch.object(node, "RECONCILE_EVERY", RECONCILE_EVERY))
            await stack.enter_async_context(it.serving())
            it.desks = {a: await stack.enter_async_context(DeskPhone(lab, a)) for a in seats}
            await it.until(lambda: all(it.agent(a).nodes for a in HOMES))
            it.choose("sip001", Chosen.READY)
            yield it
