"""Rows as people see them, built from the live state. Pure; a phone number leaves here masked or not at all.

Times are Unix seconds (UTC).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

import msgspec

from seats.domain.agents import Agent, Chosen, Machine
from seats.domain.outlook import Outlook, Wait, outlook
from seats.domain.regions import BY_CODE, UNKNOWN
from seats.domain.requests import Offer, Request, RequestState
from seats.domain.state import State
from seats.domain.tally import NATION, Figures, Tally, misses_left, rate
from seats.masking import mask

WAITING_SHOWN = 50
"""Rows of the waiting list shown for each province; the count beside them is always whole."""

IN_ANOTHER_CALL = "another_call"
"""Why a seat cannot answer that talks with somebody whom we did not connect."""

CODES: tuple[str, ...] = (*BY_CODE, UNKNOWN)
"""Every province code on the boards."""


class SeatView(msgspec.Struct, frozen=True):
    """Where an agent answers. ``address`` of a mobile seat is masked."""

    kind: str
    address: str


class ReservedView(msgspec.Struct, frozen=True):
    """State taken when the present work ends."""

    chosen: str
    reason: str


class OfferView(msgspec.Struct, frozen=True):
    """The offer an agent is being rung for."""

    id: str
    request: str
    province: str
    number_masked: str
    made_at: float
    deadline: float
    callback: bool
    """The customer does not wait on the line, or was called by us: a callback (回拨)."""


class CallView(msgspec.Struct, frozen=True):
    """The call an agent is in."""

    request: str
    province: str
    number_masked: str
    answered_at: float
    callback: bool
    customer_there: bool
    """Of a callback: the customer has answered."""


class RecallView(msgspec.Struct, frozen=True):
    """Asked back from a break, for a province in need."""

    province: str
    at: float


class AgentRow(msgspec.Struct, frozen=True):
    """One agent. ``display``: the one word for the board; ``lease_until`` as of the row's last change."""

    id: str
    name: str
    province: str
    pools: tuple[str, ...]
    skills: dict[str, int]
    """Skill → level, 0 to 10."""
    seat: SeatView
    chosen: str
    machine: str
    display: str
    reason: str
    since: float
    misses: int
    lease_until: float
    lease_fault: str
    reserved: ReservedView | None
    wrap_up_until: float | None
    offer: OfferView | None
    call: CallView | None
    recall: RecallView | None
    """Until the agent chooses a state."""


class RateView(msgspec.Struct, frozen=True):
    """``k`` connected of ``n``, with its Wilson interval (95 %); null without requests."""

    n: int
    k: int
    rate: float | None
    low: float | None
    high: float | None


class RateWindows(msgspec.Struct, frozen=True):
    """One definition over the business day and over the last 60 minutes."""

    today: RateView
    hour: RateView


class Rates(msgspec.Struct, frozen=True):
    """Both definitions, always side by side."""

    strict: RateWindows
    reported: RateWindows


class SteeringView(msgspec.Struct, frozen=True):
    """What is done for a province's objective: ``level`` 0 (the plan) to 5 (breaks ended).

    ``credit`` is the losses it can still take. Out of reach, it lacks ``missing`` agents, for the ``cause``
    ``agents`` (too few) or ``skills`` (enough, but not in its rings).
    """

    level: int
    credit: float
    feasible: bool
    missing: int
    cause: str


class WaitView(msgspec.Struct, frozen=True):
    """Seconds that a caller who comes now must expect; ``error``: the mean error of such forecasts lately."""

    seconds: float
    error: float | None


class ProvinceRow(msgspec.Struct, frozen=True):
    """Live figures of one province; code ``""`` is the nation, which has no objective of its own."""

    code: str
    zh: str
    en: str
    region: str
    objective: float | None
    waiting: int
    longest_wait_since: float | None
    talking: int
    ready: int
    agents_signed_in: int
    today: Figures
    hour: Figures
    rate: Rates
    misses_left: int | None
    steering: SteeringView | None
    expected_wait: WaitView | None


class WaitingRow(msgspec.Struct, frozen=True):
    """A caller waiting or being offered. ``position`` counts from 1 within the province."""

    request: str
    province: str
    number_masked: str
    arrived_at: float
    rings_open: int
    state: str
    position: int


class LinkRow(msgspec.Struct, frozen=True):
    """How a PBX node is reached."""

    state: str
    reason: str


class Presence(msgspec.Struct):
    """Who is there in a province right now."""

    waiting: int = 0
    longest_wait_since: float | None = None
    talking: int = 0
    ready: int = 0
    agents_signed_in: int = 0


def display(agent: Agent) -> str:
    """The one word for an agent: unreachable > resting > talking > wrap_up > offered > the chosen state.

    Someone who signed out and works on nothing is ``signed_out``: an absent seat is no fault then.
    """
    idle = agent.machine in (Machine.UNREACHABLE, Machine.RESTING, Machine.IDLE)
    if agent.machine is Machine.IDLE or (idle and agent.chosen is Chosen.SIGNED_OUT):
        return agent.chosen.value
    return agent.machine.value


def agent_row(state: State, agent: Agent) -> AgentRow:
    """The row of one agent."""
    kind, address = agent.seat
    return AgentRow(
        id=agent.id,
        name=agent.name,
        province=agent.province,
        pools=agent.pools,
        skills=dict(agent.skills),
        seat=SeatView(kind.value, mask(address) if kind.value == "mobile" else address),
        chosen=agent.chosen.value,
        machine=agent.machine.value,
        display=display(agent),
        reason=agent.reason,
        since=_ms(agent.since),
        misses=agent.misses,
        lease_until=_ms(agent.lease_until),
        lease_fault=agent.lease_fault or (IN_ANOTHER_CALL if agent.engaged else ""),
        reserved=ReservedView(agent.reserved[0].value, agent.reserved[1]) if agent.reserved else None,
        wrap_up_until=None if agent.wrap_up_until is None else _ms(agent.wrap_up_until),
        offer=_offer_view(state, agent),
        call=_call_view(state, agent),
        recall=RecallView(agent.recalled_for, _ms(agent.recalled_at)) if agent.recalled_for else None,
    )


def _offer_view(state: State, agent: Agent) -> OfferView | None:
    offer = state.offers.get(agent.offer) if agent.offer and agent.machine is Machine.OFFERED else None
    request = state.requests.get(offer.request) if offer else None
    return _offer_of(offer, request) if offer and request else None


def _offer_of(offer: Offer, request: Request) -> OfferView:
    return OfferView(
        offer.id,
        request.id,
        request.province,
        mask(request.number),
        _ms(offer.made_at),
        _ms(offer.deadline),
        bool(request.callback),
    )


def _call_view(state: State, agent: Agent) -> CallView | None:
    request = state.requests.get(agent.request) if agent.request else None
    if request is None or agent.machine is not Machine.TALKING or request.answered_at is None:
        return None
    callback = state.callbacks.by_id.get(request.callback)
    return CallView(
        request.id,
        request.province,
        mask(request.number),
        _ms(request.answered_at),
        bool(request.callback),
        callback is None or callback.reached_at is not None,
    )


def is_queued(request: Request) -> bool:
    """Whether the caller stands in the waiting list: waits, is offered, or is rescued from a broken call.

    Callbacks are listed by themselves.
    """
    return not request.callback and request.state in (
        RequestState.WAITING,
        RequestState.OFFERED,
        RequestState.RESCUING,
    )


def waiting_rows(queued: Iterable[Request]) -> list[WaitingRow]:
    """The first rows of one province's waiting list, in the order in which they will be served."""
    first = heapq.nsmallest(WAITING_SHOWN, queued, key=lambda r: (r.priority, r.rank_at, r.seq))
    return [
        WaitingRow(r.id, r.province, mask(r.number), _ms(r.arrived_at), r.rings_open, _waits_as(r), position)
        for position, r in enumerate(first, 1)
    ]


def _waits_as(request: Request) -> str:
    return "offered" if request.state is RequestState.OFFERED else "waiting"


def province_row(state: State, tally: Tally, code: str, presence: Presence, now: float) -> ProvinceRow:
    """The row of a province, or of the nation (code ``""``). Encode it before the next event is counted."""
    today, hour = tally.day(code), tally.hour(code, now)
    province = BY_CODE.get(code)
    route = state.plan.routes.get(code)
    ahead = outlook(state, code, now) if route else None
    since = presence.longest_wait_since
    names = ("全国", "Nation") if code == NATION else ("未知", "Unknown")
    return ProvinceRow(
        code=code,
        zh=province.zh if province else names[0],
        en=province.en if province else names[1],
        region=province.region if province else "",
        objective=route.objective if route else None,
        waiting=presence.waiting,
        longest_wait_since=None if since is None else _ms(since),
        talking=presence.talking,
        ready=presence.ready,
        agents_signed_in=presence.agents_signed_in,
        today=today,
        hour=hour,
        rate=Rates(
            strict=RateWindows(_rate_view(today.strict), _rate_view(hour.strict)),
            reported=RateWindows(_rate_view(today.reported), _rate_view(hour.reported)),
        ),
        misses_left=misses_left(today, route.objective) if route else None,
        steering=_steering_view(ahead) if ahead else None,
        expected_wait=_wait_view(ahead.wait) if ahead else None,
    )


def _steering_view(ahead: Outlook) -> SteeringView:
    return SteeringView(ahead.level, round(ahead.credit, 1), ahead.feasible, ahead.missing, ahead.cause)


def _wait_view(wait: Wait) -> WaitView:
    return WaitView(round(wait.seconds, 1), round(wait.error, 1) if wait.judged else None)


def _rate_view(share: tuple[int, int]) -> RateView:
    k, n, value, low, high = rate(share)
    if value is None or low is None or high is None:
        return RateView(n, k, None, None, None)
    return RateView(n, k, round(value, 6), round(low, 6), round(high, 6))


def _ms(at: float) -> float:
    """To the millisecond: more digits only cost bytes on every board."""
    return round(at, 3)


def presence_of(state: State) -> dict[str, Presence]:
    """Presence of every province and the nation, counted afresh from the whole state."""
    found = {code: Presence() for code in (*CODES, NATION)}
    for agent in state.agents.values():
        word = display(agent)
        for presence in (found.setdefault(agent.province, Presence()), found[NATION]):
            presence.ready += word == "ready"
            presence.agents_signed_in += agent.chosen is not Chosen.SIGNED_OUT
    for request in state.requests.values():
        for presence in (found.setdefault(request.province, Presence()), found[NATION]):
            presence.talking += request.state is RequestState.TALKING
            if is_queued(request):
                presence.waiting += 1
                since = presence.longest_wait_since
                presence.longest_wait_since = min(since or request.arrived_at, request.arrived_at)
    return found
