"""The routing plan: pools, provinces with their rings and objectives, and the timings around them.

Pure data with one check; reading it from files or JSON is ``seats.planfile``'s business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from seats.domain.callback_settings import CallbackSettings, check_callbacks
from seats.domain.errors import PlanError
from seats.domain.hours import Calendar, check_calendar
from seats.domain.overflow import Overflows, check_overflows
from seats.domain.regions import PROVINCES, UNKNOWN
from seats.domain.requests import Need

SHORTEST_SILENCE = 5.0
"""Seconds of music at least between two announcements."""


class Pool(NamedTuple):
    """A named set of agents. ``floor`` idle agents are kept back for the province ``home``."""

    id: str
    name_zh: str
    name_en: str
    home: str = ""
    floor: int = 0


class RingStep(NamedTuple):
    """A step of a route: ``pool`` opens after ``after`` seconds of waiting."""

    pool: str
    after: float


class Route(NamedTuple):
    """How one province's callers find an agent. ``objective`` is the connection rate to hold (0–1)."""

    province: str
    rings: tuple[RingStep, ...]
    objective: float
    window: float = 86400.0
    """Seconds over which the objective is held: older losses and successes are forgotten."""
    hours: str = ""
    """Name of the calendar by which it is open; empty: always."""
    overflow: Overflows = Overflows()


class Skill(NamedTuple):
    """Something an agent can do, with a level of 0 to 10."""

    id: str
    name_zh: str
    name_en: str


class Service(NamedTuple):
    """What callers of one dialled number need."""

    did: str
    needs: tuple[Need, ...]


class Plan(NamedTuple):
    """One version of the routing. Durations are seconds."""

    version: int
    pools: dict[str, Pool]
    routes: dict[str, Route]
    ring_timeout: int = 20
    wrap_up: float = 30.0
    max_wait: float = 600.0
    rest_after_misses: int = 3
    rescue_grace: float = 5.0
    """How long a caller whose agent's seat died waits for that same agent before others may answer."""
    short_abandon: float = 5.0
    """Callers who leave sooner are ``excluded_short``: lost in the strict rate, out of the reported one."""
    wait_bound: float = 120.0
    """Whoever has waited so long goes before everybody who has not, whatever class or province."""
    redial_keeps: float = 120.0
    """A caller who left without a human and calls again within this time gets the old place in line."""
    last_agent_within: float = 0.0
    """A caller connected within this time is kept for the same agent at first; 0: never."""
    last_agent_wait: float = 10.0
    """How long such a caller is kept for that agent, if the agent is at work at all."""
    max_occupancy: float = 1.0
    """Most of an agent's ready time that may be work (1: no limit); beyond it, calls pause for a moment."""
    steering: int = 1
    """1: the provinces' error budgets steer the routing; 0: the plan as written, whatever is lost."""
    announce_every: float = 0.0
    """Seconds between two times that a waiting caller is told the place in line and the wait; 0: never."""
    skills: Mapping[str, Skill] = MappingProxyType({})
    services: Mapping[str, Service] = MappingProxyType({})
    """Dialled number → what its callers need."""
    classes: Mapping[str, int] = MappingProxyType({})
    """Priority class → its rank, 1 to 9, the greater served first."""
    interruptible: tuple[str, ...] = ()
    """Reason codes of breaks from which agents may be asked back for a province in need."""
    hours: Mapping[str, Calendar] = MappingProxyType({})
    """Named calendars."""
    overflow: Overflows = Overflows()
    """What every province does that says nothing of its own."""
    callbacks: CallbackSettings = CallbackSettings()


def check_plan(plan: Plan) -> None:
    """Raise :class:`PlanError` naming what is wrong, where, and what is allowed."""
    known = {p.code for p in PROVINCES} | {UNKNOWN}
    for code, route in plan.routes.items():
        where = f"provinces.{code}"
        if code not in known:
            raise PlanError(
                where, f"province code {code!r} does not exist", f"one of {', '.join(sorted(known))}"
            )
        _check_route(where, route, plan.pools, plan.max_wait)
        if route.hours and route.hours not in plan.hours:
            allowed = ", ".join(sorted(plan.hours)) or "none: there is no calendar under hours"
            raise PlanError(f"{where}.hours", f"unknown calendar {route.hours!r}", allowed)
        check_overflows(f"{where}.overflow", route.overflow)
    missing = sorted(known - set(plan.routes))
    if missing:
        raise PlanError(
            "provinces", f"no route for {', '.join(missing)}", "a route for every province and unknown"
        )
    for pool in plan.pools.values():
        where = f"pools.{pool.id}"
        if pool.floor < 0:
            raise PlanError(f"{where}.floor", f"{pool.floor} is negative", "0 or more idle agents")
        if pool.home and pool.home not in known:
            raise PlanError(
                f"{where}.home", f"province code {pool.home!r} does not exist", "a province code or empty"
            )
    for name, calendar in plan.hours.items():
        check_calendar(f"hours.{name}", calendar)
    check_overflows("overflow", plan.overflow)
    check_callbacks("callbacks", plan.callbacks)
    _check_timings(plan)
    _check_services(plan)
    for name, rank in plan.classes.items():
        if not 1 <= rank <= 9:
            raise PlanError(f"classes.{name}", f"{rank} is out of range", "1 to 9, the greater served first")


def check_people(plan: Plan, people: Iterable[tuple[tuple[str, ...], Iterable[str]]]) -> None:
    """Check a plan against the agents there are, each (pools, skills). Raises :class:`PlanError`.

    A floor larger than its pool would keep everybody back for ever, and a skill that nobody has would never
    be found. An empty house is not checked: the people come later.
    """
    sizes: dict[str, int] = {}
    known: set[str] = set()
    for pools, skills in people:
        known.update(skills)
        for name in pools:
            sizes[name] = sizes.get(name, 0) + 1
    if not sizes:
        return
    for pool in plan.pools.values():
        size = sizes.get(pool.id, 0)
        if pool.floor > size:
            raise PlanError(
                f"pools.{pool.id}.floor",
                f"{pool.floor} is more than the pool's {size} agents",
                f"0 to {size}",
            )
    for service in plan.services.values():
        for n, need in enumerate(service.needs, 1):
            if need.until is None and need.skill not in known:
                raise PlanError(
                    f"services.{service.did}.needs[{n}].skill",
                    f"no agent has the skill {need.skill!r}",
                    f"one that somebody has ({', '.join(sorted(known)) or 'none yet'}), or relaxed by until",
                )


def _check_services(plan: Plan) -> None:
    for service in plan.services.values():
        for n, need in enumerate(service.needs, 1):
            at = f"services.{service.did}.needs[{n}]"
            if need.skill not in plan.skills:
                allowed = ", ".join(sorted(plan.skills)) or "declare it under skills first"
                raise PlanError(f"{at}.skill", f"unknown skill {need.skill!r}", allowed)
            if not 0 <= need.level <= 10:
                raise PlanError(f"{at}.level", f"{need.level} is out of range", "0 to 10")
            if need.until is not None and not 0.0 <= need.until <= plan.max_wait:
                raise PlanError(f"{at}.until", f"{need.until:g} is out of range", f"0 to {plan.max_wait:g}")


def _check_route(where: str, route: Route, pools: dict[str, Pool], max_wait: float) -> None:
    if not 0.0 < route.objective < 1.0:
        raise PlanError(
            f"{where}.objective", f"{route.objective} is out of range", "a number between 0 and 1"
        )
    if not route.rings:
        raise PlanError(f"{where}.rings", "no ring at all", "at least one ring")
    seen: set[str] = set()
    last = 0.0
    for n, ring in enumerate(route.rings, 1):
        at = f"{where}.rings[{n}]"
        if ring.pool not in pools:
            raise PlanError(f"{at}.pool", f"unknown pool {ring.pool!r}", f"one of {', '.join(sorted(pools))}")
        if ring.pool in seen:
            raise PlanError(f"{at}.pool", f"pool {ring.pool!r} stands in this route twice", "each pool once")
        if ring.after < last:
            raise PlanError(
                f"{at}.after", f"{ring.after} s opens before the ring above it", f"{last} s or more"
            )
        if ring.after >= max_wait:
            raise PlanError(
                f"{at}.after",
                f"{ring.after:g} s is not before the longest wait",
                f"less than max_wait, {max_wait:g} s: the ring would never open",
            )
        seen.add(ring.pool)
        last = ring.after
    if not 300.0 <= route.window <= 604800.0:
        raise PlanError(f"{where}.window", f"{route.window:g} is out of range", "300 to 604800 seconds")
    if route.rings[0].after != 0.0:
        raise PlanError(f"{where}.rings[1].after", "the first ring opens late", "0")


def _check_timings(plan: Plan) -> None:
    for name, value, low, high in (
        ("ring_timeout", float(plan.ring_timeout), 3.0, 120.0),
        ("wrap_up", plan.wrap_up, 0.0, 3600.0),
        ("max_wait", plan.max_wait, 5.0, 86400.0),
        ("rescue_grace", plan.rescue_grace, 0.0, 60.0),
        ("short_abandon", plan.short_abandon, 0.0, 60.0),
        ("wait_bound", plan.wait_bound, 5.0, 86400.0),
        ("redial_keeps", plan.redial_keeps, 0.0, 3600.0),
        ("last_agent_within", plan.last_agent_within, 0.0, 604800.0),
        ("last_agent_wait", plan.last_agent_wait, 0.0, 600.0),
        ("announce_every", plan.announce_every, 0.0, 600.0),
        ("max_occupancy", plan.max_occupancy, 0.3, 1.0),
        ("steering", float(plan.steering), 0.0, 1.0),
        ("rest_after_misses", float(plan.rest_after_misses), 1.0, 100.0),
    ):
        if not low <= value <= high:
            raise PlanError(name, f"{value:g} is out of range", f"{low:g} to {high:g}")
    if 0.0 < plan.announce_every < SHORTEST_SILENCE:
        allowed = f"0: never, or {SHORTEST_SILENCE:g} to 600 seconds"
        raise PlanError("announce_every", f"{plan.announce_every:g} is out of range", allowed)
