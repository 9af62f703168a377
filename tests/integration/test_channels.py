"""One call keeps one identity while Asterisk exchanges its channels: with sound, on a real one."""

from __future__ import annotations

from pathlib import Path

import pytest

from seats.domain.agents import Machine
from seats.domain.events import CallEnded, Repaired, RequestOpened
from tests.integration.office import Office, office

pytestmark = pytest.mark.pbx


async def optimised(h: Office) -> None:
    """The Local channels by which the caller came are gone, by themselves."""
    while any(name.startswith("Local/") for name in await h.channels()):
        pass
    assert len(await h.channels()) == 2, await h.channels()


@pytest.mark.parametrize("by", ["caller", "agent"])
async def test_a_caller_whose_local_channels_are_optimised_away(tmp_path: Path, by: str) -> None:
    async with office(tmp_path) as h, h.caller(did="7001") as phone:
        await h.talking("sip001")
        await optimised(h)
        (request,) = h.service.engine.state.requests.values()
        assert request.channel.startswith("PJSIP/lab_trunk-")
        await h.reconciled()
        await phone.heard()
        assert h.agent("sip001").machine is Machine.TALKING
        if by == "caller":
            await phone.hang_up()
        else:
            h.desks["sip001"].hang_up(h.desks["sip001"].legs[0])
            await phone.ended.wait()
        await h.quiet()
        assert await h.rows() == [("connected", "sip001", by)]
        assert h.of(CallEnded)[0].talk > 3
        assert h.of(Repaired) == []


async def test_a_restart_after_the_local_channels_are_gone(tmp_path: Path) -> None:
    async with office(tmp_path) as h, h.caller(did="7001") as phone:
        await h.talking("sip001")
        await optimised(h)
        await h.service.writer.flush()
        await h.stop()
        await h.start()
        assert h.agent("sip001").machine is Machine.TALKING
        await h.reconciled()
        assert h.agent("sip001").machine is Machine.TALKING
        await phone.hang_up()
        await h.quiet()
        assert await h.rows() == [("connected", "sip001", "caller")]
        assert len(h.of(RequestOpened)) == 1
        assert h.of(CallEnded)[0].talk > 3
