"""The routing plan: pools, provinces with their rings and objectives, and the timings around them.

Pure data with one check; reading it from files or JSON is ``seats.planfile``'s business.
"""

from __future__ import annotations

from typing import NamedTuple

from seats.domain.errors import PlanError
from seats.domain.regions import PROVINCES, UNKNOWN


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


def check_plan(plan: Plan) -> None:
    """Raise :class:`PlanError` naming what is wrong, where, and what is allowed."""
    known = {p.code for p in PROVINCES} | {UNKNOWN}
    for code, route in plan.routes.items():
        where = f"provinces.{code}"
        if code not in known:
            raise PlanError(
                where, f"province code {code!r} does not exist", f"one of {', '.join(sorted(known))}"
            )
        _check_route(where, route, plan.pools)
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
    _check_timings(plan)


def _check_route(where: str, route: Route, pools: dict[str, Pool]) -> None:
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
        seen.add(ring.pool)
        last = ring.after
    if route.rings[0].after != 0.0:
        raise PlanError(f"{where}.rings[1].after", "the first ring opens late", "0")


def _check_timings(plan: Plan) -> None:
    for name, value, low, high in (
        ("ring_timeout", float(plan.ring_timeout), 3.0, 120.0),
        ("wrap_up", plan.wrap_up, 0.0, 3600.0),
        ("max_wait", plan.max_wait, 5.0, 86400.0),
        ("rescue_grace", plan.rescue_grace, 0.0, 60.0),
        ("short_abandon", plan.short_abandon, 0.0, 60.0),
        ("rest_after_misses", float(plan.rest_after_misses), 1.0, 100.0),
    ):
        if not low <= value <= high:
            raise PlanError(name, f"{value:g} is out of range", f"{low:g} to {high:g}")
