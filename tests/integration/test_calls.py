"""The life of calls on a real Asterisk: who rings, when, and what the ledger says afterwards."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from seats.domain.agents import Chosen, Machine
from seats.domain.events import CallBroken, CallEnded, OfferEnded, OfferMade, RequestDecided
from seats.domain.requests import OfferResult
from telephony import commands
from telephony.lab import BUSY, IGNORES, Behaviour
from tests.integration.house import BEIJING, HUBEI, HUNAN, Home, House, call, house

pytestmark = pytest.mark.pbx


async def test_the_home_agent_rings_first(tmp_path: Path) -> None:
    homes = {"sip001": Home("beijing", ("nation",)), "sip002": Home("hubei")}
    async with house(tmp_path, homes) as h:
        counts = await h.place(call(HUBEI))
        assert h.rung() == ["sip002"]
        assert counts.answered == 1
        assert await h.outcomes() == {"connected": 1}
        assert [e.province for e in h.of(RequestDecided)] == ["hubei"]


async def test_the_second_ring_opens_at_its_time(tmp_path: Path) -> None:
    homes = {"sip001": Home("hunan", ("central",)), "sip002": Home("hubei")}
    async with house(tmp_path, homes) as h:
        await h.place(call(HUBEI, talk=12.0), call(HUBEI))
        first, second = h.of(OfferMade)
        decided = next(e for e in h.of(RequestDecided) if e.request == second.request)
        assert (first.ring, first.pool, first.agent) == (0, "hubei", "sip002")
        assert (second.ring, second.pool, second.agent) == (1, "central", "sip001")
        assert second.at - decided.arrived_at >= 5.0


async def test_all_busy_then_freed(tmp_path: Path) -> None:
    async with house(tmp_path, {"sip001": Home("hunan")}) as h:
        counts = await h.place(*[call(HUNAN, talk=1.0) for _ in range(3)])
        assert counts.answered == 3
        assert h.rung() == ["sip001"] * 3
        ends, made = h.of(CallEnded), h.of(OfferMade)
        assert all(made[n + 1].at >= ends[n].at for n in range(2))


async def test_no_answer_goes_to_the_next_agent_and_not_back(tmp_path: Path) -> None:
    homes = {"sip001": Home("hunan", behaviour=IGNORES), "sip002": Home("hunan", ready=False)}
    async with house(tmp_path, homes) as h, h.placing(call(HUNAN)) as callers:
        await h.until(lambda: h.of(OfferEnded))
        assert h.of(OfferEnded)[0].result is OfferResult.RONA
        assert h.agent("sip001").machine is Machine.IDLE
        h.choose("sip002", Chosen.READY)
        counts = await callers.wait()
        await h.quiet()
        assert counts.answered == 1
        assert h.rung() == ["sip001", "sip002"]
        assert h.agent("sip001").misses == 1


async def test_a_rejected_offer_goes_to_the_next_agent(tmp_path: Path) -> None:
    homes = {"sip001": Home("hunan", behaviour=BUSY), "sip002": Home("hunan", ("central",))}
    async with house(tmp_path, homes) as h:
        counts = await h.place(call(HUNAN))
        assert counts.answered == 1
        assert [e.result for e in h.of(OfferEnded)] == [OfferResult.REJECTED, OfferResult.CONNECTED]


async def test_the_caller_hangs_up_waiting(tmp_path: Path) -> None:
    async with house(tmp_path, {"sip001": Home("hunan", ready=False)}) as h:
        counts = await h.place(call(HUNAN, patience=6.0), call(HUNAN, patience=1.0))
        assert (counts.answered, counts.abandoned) == (0, 2)
        assert await h.outcomes() == {"abandoned": 1, "excluded_short": 1}


async def test_the_caller_hangs_up_ringing(tmp_path: Path) -> None:
    homes = {"sip001": Home("hunan", behaviour=IGNORES)}
    async with house(tmp_path, homes) as h:
        counts = await h.place(call(HUNAN, patience=1.0))
        assert counts.abandoned == 1
        assert [e.result for e in h.of(OfferEnded)] == [OfferResult.CALLER_GONE]
        await h.until(lambda: h.agent("sip001").machine is Machine.IDLE)
        assert h.agent("sip001").misses == 0


async def test_the_caller_or_the_agent_hangs_up_talking(tmp_path: Path) -> None:
    homes = {
        "sip001": Home("hunan"),
        "sip002": Home("beijing", behaviour=Behaviour(answers_after=(0, 0), talks_for=(0.5, 0.5))),
    }
    async with house(tmp_path, homes) as h:
        await h.place(call(HUNAN, talk=0.5))
        await h.place(call(BEIJING, talk=0.0))
        assert [(e.agent, e.ended_by) for e in h.of(CallEnded)] == [("sip001", "caller"), ("sip002", "agent")]
        assert all(e.talk > 0.3 for e in h.of(CallEnded))


async def test_a_not_ready_agent_is_never_rung(tmp_path: Path) -> None:
    async with house(tmp_path, {"sip001": Home("hunan", ready=False)}) as h:
        h.choose("sip001", Chosen.NOT_READY, "break")
        await h.place(call(HUNAN, patience=3.0))
        assert h.rung() == []


async def test_an_unregistered_phone_is_not_rung(tmp_path: Path) -> None:
    async with house(tmp_path, {"sip001": Home("hunan")}) as h:
        await h.phones.leave("sip001")
        await h.until(lambda: h.agent("sip001").machine is Machine.UNREACHABLE)
        await h.place(call(HUNAN, patience=2.0))
        assert h.of(OfferMade) == []


async def test_the_longest_wait_ends_without_an_answer(tmp_path: Path) -> None:
    async with house(tmp_path, {"sip001": Home("hunan", ready=False)}, max_wait=5.0) as h:
        counts = await h.place(call(HUNAN))
        assert counts.answered == 0
        assert await h.outcomes() == {"no_seat": 1}


async def test_two_hundred_calls_reconcile_with_sipp(tmp_path: Path) -> None:
    rng = random.Random(7)
    behaviour = Behaviour(answers_after=(0.1, 1.0))
    homes = {f"sip{n:03d}": Home("hubei", ("hubei", "nation"), behaviour) for n in range(20)}
    calls = [
        call(
            rng.choice([HUBEI, HUNAN, BEIJING]),
            talk=rng.uniform(0.2, 2.0),
            patience=rng.choice([0.0, 0.5, 2.0]),
        )
        for _ in range(200)
    ]
    async with house(tmp_path, homes) as h:
        counts = await h.place(*calls, rate=15.0)
        outcomes = await h.outcomes()
        assert counts.placed == 200
        assert sum(outcomes.values()) == 200
        assert outcomes["connected"] == counts.answered
        assert outcomes.get("abandoned", 0) + outcomes.get("excluded_short", 0) == counts.abandoned
        assert not h.service.engine.state.offers


async def test_a_caller_whose_agents_leg_dies_is_rescued(tmp_path: Path) -> None:
    homes = {"sip001": Home("hunan"), "sip002": Home("hunan", ready=False)}
    async with house(tmp_path, homes, rescue_grace=1.0) as h, h.placing(call(HUNAN, talk=12.0)) as callers:
        await h.until(lambda: h.agent("sip001").machine is Machine.TALKING)
        h.choose("sip002", Chosen.READY)
        h.choose("sip001", Chosen.NOT_READY, "tech")
        await h.phones.leave("sip001")
        await _kill_leg(h, "sip001")
        await h.until(lambda: h.agent("sip002").machine is Machine.TALKING)
        counts = await callers.wait()
        await h.quiet()
        assert counts.answered == 1
        assert [e.fault for e in h.of(CallBroken)] != []
        assert await h.outcomes() == {"connected": 1}, "connected once, rescued or not"
        ended = h.of(CallEnded)
        assert [(e.agent, e.ended_by) for e in ended] == [("sip002", "caller")]
        assert ended[0].talk > 8.0, "the talk of both agents"


async def _kill_leg(h: House, address: str) -> None:
    """The PBX gives up on the agent's leg, as it does when no sound has come for too long."""
    shown = await h.lab.asterisk_cli("core show channels concise")
    leg = next(line.split("!")[0] for line in shown.splitlines() if line.startswith(f"PJSIP/{address}-"))
    await h.service.nodes[0].link.call(commands.hangup(leg, 44))
