"""The invariants I1–I9 of a simulated world. Each check gives what is wrong, or an empty text."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from seats.domain.agents import Agent, Machine, SeatKind
from seats.domain.requests import OfferResult, Outcome, Request, RequestState
from seats.domain.routing import is_routable, may_take
from seats.domain.state import State
from seats.domain.tally import Tally
from seats.service import CODES
from tests.simulation.lives import ZONE

if TYPE_CHECKING:
    from telephony.fakepbx import Caller, FakePbx
    from tests.simulation.world import World

LATE_NEWS = 12.0
"""Seconds for which a fault holds news up at most."""
LET_GO = (Outcome.TIMEOUT, Outcome.NO_SEAT)

TOLD = frozenset(
    {"Channel", "Uniqueid", "Exten", "Context", "DestUniqueid", "DialStatus", "Cause", "UserEvent", "Offer"}
    | {"Status", "Device", "State", "Request"}
)
"""Headers worth a look in a trace."""


def step(state: State, now: float) -> str:  # noqa: PLR0912 - one reading of the state after every step: fast
    """After every step: I2, I3 and I7 in the core's own picture."""
    busy: set[str] = set()
    for offer in state.offers.values():
        if offer.agent and (offer.result is None or offer.answered_at is not None):
            if offer.agent in busy:
                return f"I2: agent {offer.agent} has two live offers or calls"
            busy.add(offer.agent)
    winners: set[str] = set()
    waiting = []
    for request in state.requests.values():
        if request.state is RequestState.WAITING:
            waiting.append(request)
        elif request.state is RequestState.OFFERED and request.offer not in state.offers:
            return f"{request.id} is offered without an offer"
    for agent in state.agents.values():
        if agent.machine is Machine.TALKING and agent.request:
            if agent.request in winners:
                return f"I3: two agents talk with {agent.request}"
            winners.add(agent.request)
    due = state.next_deadline()
    if waiting and (due is None or due > now):  # what is due in this very instant comes next
        idle = [agent for agent in state.agents.values() if is_routable(agent)]
        for agent in idle:
            for request in waiting:
                if _eligible(state, agent, request, now):
                    return f"I7: {agent.id} is idle and {request.id} waits"
    return ""


def _eligible(state: State, agent: Agent, request: Request, now: float) -> bool:
    rings = state.plan.routes[request.province].rings
    pools = {ring.pool for ring in rings if request.arrived_at + ring.after < now - 0.05}
    return bool(pools & set(agent.pools)) and may_take(state, agent, request)


async def settled(world: World) -> str:
    """I4, I8 and I9: PBXs, core, ledger and figures hold the same, and nothing that was heard is lost."""
    life = world.life
    if life is None:
        return "no service"
    state = life.engine.state
    fault = _same_calls(world, state) or _same_agents(world, state)
    if fault:
        return fault
    await life.writer.flush()
    written = {id(event) for event in world.ledger.history}
    if lost := [event for event in world.ledger.promised if id(event) not in written]:
        return f"heard and not in the ledger: {len(lost)}, the first of them {lost[0]}"
    return await _same_figures(world, life.engine.tally, world.now)


def _same_calls(world: World, state: State) -> str:
    live: dict[str, tuple[FakePbx, Caller]] = {}
    for name, pbx in world.pbxs.items():
        for caller in pbx._live.values():
            live[f"{name}:{caller.request}"] = (pbx, caller)
    if missing := sorted(set(live) - set(state.requests)):
        return f"I8: callers on the PBX whom the core does not hold: {missing}"
    if ghosts := sorted(set(state.requests) - set(live)):
        return f"I8: requests of the core whose callers are gone: {ghosts}"
    for key, (_, caller) in live.items():
        fault = _same_call(state, state.requests[key], caller)
        if fault:
            return f"I8: {key} {fault}"
    return ""


def _same_call(state: State, request: Request, caller: Caller) -> str:
    talks = caller.hears == "agent"
    if talks != (request.state is RequestState.TALKING):
        return f"hears {caller.hears} on the PBX and is {request.state} in the core"
    if talks and caller.seat is not None:
        offer = state.offers.get(request.offer or "")
        agent = state.agents.get(offer.agent) if offer else None
        if agent is None or agent.seat.address != caller.seat.address:
            return f"talks with {caller.seat.address}, the core believes with {agent and agent.id}"
        if agent.machine is not Machine.TALKING:
            return f"talks with {agent.id}, who is {agent.machine}"
    if caller.hears == "ringing" and caller.offer not in (request.offer, "fallback"):
        return f"is rung by offer {caller.offer}, in the core by {request.offer}"
    if caller.hears == "music" and request.state not in (RequestState.WAITING, RequestState.UNSURE):
        return f"holds on the PBX and is {request.state} in the core"
    return ""


def _same_agents(world: World, state: State) -> str:
    """Nobody is kept busy by a call that is not there; nobody has two legs; nobody is out of reach."""
    legs: Counter[str] = Counter()
    for pbx in world.pbxs.values():
        for caller in pbx._live.values():
            if caller.leg is not None and caller.seat is not None:
                legs[caller.seat.address] += 1
    for agent in state.agents.values():
        count = legs[agent.seat.address]
        if count > 1:
            return f"I2: {agent.id} has {count} legs"
        if not count and (agent.machine in (Machine.OFFERED, Machine.TALKING) or agent.offer is not None):
            return f"I8: {agent.id} is {agent.machine} with offer {agent.offer} and has no leg"
        if agent.machine is Machine.UNREACHABLE and agent.suspect_until <= world.now:
            return f"I8: {agent.id} ({agent.seat.kind}) is unreachable although registered everywhere"
        if agent.seat.kind is not SeatKind.MOBILE and agent.nodes != set(world.pbxs):
            return f"I8: {agent.id} is registered at {sorted(agent.nodes)} in the core"
    return ""


async def _same_figures(world: World, tally: Tally, now: float) -> str:
    fresh = Tally(CODES, ZONE)
    fresh.roll(now)
    for row in await world.ledger.cohort(0.0):
        fresh.opened(row.province, row.arrived_at)
        if row.outcome is not None:
            fresh.decided(row.province, row.arrived_at, Outcome(row.outcome), row.waited)
    for code in ("", "hubei", "hunan", "beijing"):
        for name in ("day", "hour", "quarter"):
            mine, told = (
                t.day(code) if name == "day" else getattr(t, name)(code, now) for t in (fresh, tally)
            )
            if mine != told:
                return f"I9: {name} of {code or 'all'} is {told}, from the ledger {mine}"
            ended = mine.requests - mine.in_progress
            if ended != sum(getattr(mine, outcome.value) for outcome in Outcome):
                return f"I4: {name} of {code or 'all'}: {mine}"
    return ""


def end(world: World) -> str:
    """When all have left: every caller has exactly one row with exactly one outcome, and the right one."""
    ledger = world.ledger
    known = dict(world.callers())
    for request in ledger.rows:
        if request not in known:
            return f"I1: the ledger has {request}, whom no PBX ever saw"
    for request, count in ledger.opened.items():
        if count != 1:
            return f"I1: {request} was opened {count} times"
    for request, caller in known.items():
        fault = _right_row(world, request, caller)
        if fault:
            return f"{fault}; ledger: {ledger.rows.get(request)}"
    connected = Counter(
        row["request"] for row in ledger.offer_rows.values() if row["result"] == OfferResult.CONNECTED.value
    )
    for request, count in connected.items():
        if count > len(known[request].winners):
            return (
                f"I3: {request} has {count} connected offers, {len(known[request].winners)} agents answered"
            )
    for offer, row in ledger.offer_rows.items():
        if row["ended_at"] is None:
            return f"offer {offer} never ended"
    return ""


def _may_be_unknown(world: World, request: str, caller: Caller) -> bool:
    """Of callers whom the PBX did not write to its journal, and whom it took along when it was killed (bound 1)."""
    at_once = not caller.noted and caller.ended_by == "crash"
    heard = request in world.ledger.forgotten
    return world.allows("request of a PBX's last 10 ms", at_once and not caller.offers) or world.allows(
        "request heard by a service whose disk took nothing", at_once and heard
    )


def _right_row(world: World, request: str, caller: Caller) -> str:  # noqa: PLR0911 - one return a fault
    row = world.ledger.rows.get(request)
    if row is None:
        return "" if _may_be_unknown(world, request, caller) else f"I1: {request} is not in the ledger"
    if row["outcome"] is None or row["ended_at"] is None or world.ledger.decided[request] != 1:
        return f"I1: {request} has {world.ledger.decided[request]} outcomes and ended at {row['ended_at']}"
    outcome = Outcome(row["outcome"])
    lost = request in world.lost
    if outcome is Outcome.CONNECTED and not caller.winners:
        return f"{request} counts as connected, but nobody answered"
    # the caller had left while nobody listened, and before the news of it came the PBX died (bound 3)
    died = world.died_between(request, caller.ended_at, row["decided_at"])
    # let go of over a link whose death nobody could know of yet: the fallback may serve the caller (bound 2)
    let_go = outcome in LET_GO and world.unnoticed(row["decided_at"])
    if (
        outcome is not Outcome.CONNECTED
        and caller.talked >= 0.5
        and not world.allows("talk of a caller cut off by a PBX", lost)
        and not world.allows("talk that ended unheard before the PBX died", died)
        and not world.allows("talk after a caller was let go over a dead link", let_go)
    ):
        return f"{request} talked {caller.talked:.1f} s and counts as {outcome}"
    if (
        outcome is Outcome.FAILED
        and not lost
        and not world.allows("failed, had left unheard before the PBX died", died)
    ):
        return f"{request} counts as failed, but no PBX died under it"
    agents = {home.id: home.seat_address for home in world.homes}
    if outcome is Outcome.CONNECTED and row["agent"] and agents[row["agent"]] not in caller.winners:
        return f"{request} was answered by {caller.winners}, the ledger says {row['agent']}"
    # the news of the end came late over a link that was just coming up: an up link would have looked anew (bound 11)
    over, told = caller.ended_at or 0.0, row["ended_at"]
    late = told - over if any(over - LATE_NEWS <= at <= told for at in world.struck) else 0.0
    off = abs((row["talk_s"] or 0.0) - caller.talked)
    if (
        outcome is Outcome.CONNECTED
        and off > 3.0
        and not (
            world.allows("length of a talk cut off by a PBX", lost)
            or world.allows("length of a talk after a rescue", caller.rescues)
            or world.allows("length of a talk ended by the system", row["ended_by"] == "system")
            or world.allows(
                "length of a talk whose end was told late", off <= late + 1.5 and late < LATE_NEWS
            )
        )
    ):
        return f"{request} talked {caller.talked:.1f} s, the ledger says {row['talk_s']}"
    return ""
