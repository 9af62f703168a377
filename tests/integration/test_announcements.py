"""The service lets waiting callers hear where they stand, on a real Asterisk."""

from __future__ import annotations

from pathlib import Path

import pytest

from seats.domain.agents import Chosen
from seats.domain.events import CallerTold
from seats.domain.expected import Estimate
from tests.integration.house import HUBEI, Home, house
from tests.integration.phone import Phone

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio]


async def test_waiting_callers_hear_their_place_and_the_wait_and_still_get_their_agent(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, {"sip001": Home("hubei", ready=False)}, announce_every=5.0) as h:
        h.service.engine.state.expected.provinces["hubei"] = Estimate(100.0, 5.0, 50.0, judged=20)
        async with Phone(h.lab.sip_port, user=HUBEI, did="95500") as first:
            await first.heard()
            async with Phone(h.lab.sip_port, user=HUBEI, did="95501") as second:
                for word in ["queue-thereare", "queue-callswaiting", "queue-holdtime", "queue-minutes"]:
                    await h.until_said(word)
                await second.heard()
                h.choose("sip001", Chosen.READY)
                await first.until(200)
                assert 200 not in second.statuses
        await h.quiet()
        assert [(e.position, e.minutes) for e in h.of(CallerTold)][:2] == [(1, 2), (2, 2)]
        request = h.of(CallerTold)[1].request
        found = await h.service.store.request(request)
        assert found is not None
        assert {"position": 2, "minutes": 2} in [row.data for row in found[1] if row.kind == "caller_told"]
