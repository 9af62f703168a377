"""sipp as callers: what it counts is what happened, also when messages cross."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from itertools import count

import pytest

from telephony.lab import ANSWERS_AT_ONCE, Behaviour, Call, Callers, LabPbx, SimAgents, place, run_for
from tests.integration.rawami import RawAmi

pytestmark = [pytest.mark.pbx, pytest.mark.aside, pytest.mark.asyncio(loop_scope="session")]


async def quiet(lab: LabPbx, within: float = 20.0) -> None:
    until = time.monotonic() + within
    while "0 active channels" not in await lab.asterisk_cli("core show channels"):
        assert time.monotonic() < until
        await asyncio.sleep(0.1)


class Router:
    """Sends each new request to the next of some seats, after a wait."""

    def __init__(self, ami: RawAmi, seats: list[str], *, after: float = 0.0) -> None:
        self._ami, self._seats, self._after = ami, seats, after
        self._seen = 0

    async def run(self) -> None:
        numbers = count()
        while True:
            fresh, self._seen = self._ami.events[self._seen :], len(self._ami.events)
            for event in fresh:
                if event.get("UserEvent") == "SeatsRequest":
                    seat = self._seats[next(numbers) % len(self._seats)]
                    asyncio.get_running_loop().call_later(self._after, self._ring, event["Channel"], seat)
            await asyncio.sleep(0.01)

    def _ring(self, channel: str, seat: str) -> None:
        self._task = asyncio.ensure_future(
            self._ami.redirect(channel, "seats-connect", f"o-x{seat}-20-s-{seat}")
        )


async def test_impatient_callers_are_abandoned_not_before_they_said(
    lab: LabPbx, ami: RawAmi, heartbeat: None
) -> None:
    calls = [Call(f"1380000{n:04d}", "4100", patience_s=1.0 + n % 3 * 0.5) for n in range(9)]
    async with Callers(lab.sip_port, calls, rate=30) as callers:
        assert await callers.wait() == (9, 0, 9, 0)
        placed = {fate.number: fate.at for fate in callers.fates() if fate.what == "placed"}
        waited = {
            fate.number: fate.at - placed[fate.number] for fate in callers.fates() if fate.what == "abandoned"
        }
    assert sorted(placed) == sorted(call.number for call in calls)
    for call in calls:
        assert call.patience_s - 0.05 <= waited[call.number]
    assert {e["Cli"] for e in ami.events if e.get("UserEvent") == "SeatsRequest"} == set(placed)
    await quiet(lab)


async def test_a_refused_call_is_a_failure(lab: LabPbx) -> None:
    assert await place(lab.sip_port, [Call("13800000000", "~nobody", patience_s=5)]) == (1, 0, 0, 1)


async def test_nobody_there_is_a_failure() -> None:
    counts = await asyncio.wait_for(place(9, [Call("13800000000", "1", patience_s=1)]), 60)
    assert counts == (1, 0, 0, 1)


async def test_answers_that_cross_a_cancel_are_counted_as_answered(
    lab: LabPbx, ami: RawAmi, heartbeat: None
) -> None:
    seats = [f"sip{n:03d}" for n in range(8)]
    calls = [Call(f"1390000{n:04d}", "4101", patience_s=1.0, talk_s=0.2) for n in range(80)]
    answers = Behaviour(answers_after=(0.2, 0.7))
    router = asyncio.create_task(Router(ami, seats, after=0.55).run())
    try:
        async with (
            SimAgents(lab.sip_port, dict.fromkeys(seats, answers), lab.seat_secrets()) as agents,
            Callers(lab.sip_port, calls, rate=5) as callers,
        ):
            counts = await asyncio.wait_for(callers.wait(), 60)
            kinds = Counter(fate.what for fate in callers.fates())
            for seat in seats:
                await agents.leave(seat)
    finally:
        router.cancel()
    assert counts.failed == 0
    assert counts.placed == 80 == counts.answered + counts.abandoned
    assert counts.answered > 0
    assert counts.abandoned > 0
    assert kinds["ended"] == counts.answered
    await quiet(lab)


async def test_calls_are_placed_for_a_time_and_then_finished(
    lab: LabPbx, ami: RawAmi, heartbeat: None
) -> None:
    def endless() -> Iterator[Call]:
        for n in count():
            yield Call(f"1370000{n:04d}", "4102", delay_s=n % 3 * 0.05, talk_s=1.0)

    router = asyncio.create_task(Router(ami, ["sip000"]).run())
    try:
        async with SimAgents(lab.sip_port, {"sip000": ANSWERS_AT_ONCE}, lab.seat_secrets()) as agents:
            counts = await run_for(lab.sip_port, endless(), rate=1.0, for_s=3.0)
            await agents.leave("sip000")
    finally:
        router.cancel()
    assert counts == (3, 3, 0, 0)
    await quiet(lab)


async def test_placing_can_be_stopped(lab: LabPbx, ami: RawAmi, heartbeat: None) -> None:
    endless = (Call(f"1360000{n:04d}", "4103", patience_s=1.5) for n in count())
    async with Callers(lab.sip_port, endless, rate=5) as callers:
        await asyncio.sleep(1.2)
        live = callers.counts()
        assert live.placed > 0
        assert live.failed == 0
        callers.finish()
        counts = await asyncio.wait_for(callers.wait(), 60)
    assert counts.placed == counts.abandoned >= live.placed
    assert counts.failed == 0
