"""Cases with known answers."""

from __future__ import annotations

from itertools import permutations

from seats.domain.plan import Plan, Pool, RingStep, Route
from seats.domain.regions import BY_CODE, UNKNOWN
from seats.simulation.callers import Habits, Period, Poisson
from seats.simulation.population import apportion, shares
from seats.simulation.scenario import Crew, Scenario, first_of

FOREVER = float("inf")
OTHERS = 0.7
"""Objective of every province but Hubei in the overload case: what any sane policy gives them."""


def overload(
    agents: int = 1000, *, hours: float = 8.0, load: float = 1.2, answer: float = 0.0, misses: float = 0.0
) -> Scenario:
    """34 provinces by their people; every agent serves all; more callers than agents can take.

    Handling 180 s, patience 60 s, both exponential; Hubei is promised 99 %. ``answer`` and ``misses``:
    see :class:`Habits`.
    """
    people = shares()
    pool = Pool("nation", "全国", "Nation")
    routes = {
        code: Route(code, (RingStep("nation", 0.0),), 0.99 if code == "hubei" else OTHERS) for code in people
    }
    plan = _plan({"nation": pool}, routes)
    crews = tuple(
        Crew(home, home, ("nation",), (count,)) for home, count in apportion(agents, people).items() if count
    )
    rates = {code: load * agents / 180.0 * share for code, share in people.items()}
    habits = Habits(dict.fromkeys(people, 60.0), dict.fromkeys(people, 180.0), answer, misses)
    source = Poisson((Period(hours * 3600.0, rates),), habits)
    return Scenario("overload", plan, crews, source, warm_up=900.0, priority=first_of(plan))


def thin(agents: int = 1000, *, hours: float = 8.0, load: float = 1.2) -> Scenario:
    """The overload with agents who serve their home and one other province only (the next in the list)."""
    base = overload(agents, hours=hours, load=load)
    codes = list(BY_CODE)
    following = dict(zip(codes, codes[1:] + codes[:1], strict=True))
    pools = {code: Pool(code, p.zh, p.en, code) for code, p in BY_CODE.items()}
    routes = {code: route._replace(rings=(RingStep(code, 0.0),)) for code, route in base.plan.routes.items()}
    crews = tuple(crew._replace(pools=(crew.home, following[crew.home])) for crew in base.crews)
    plan = base.plan._replace(pools=pools, routes=routes)
    return Scenario("thin", plan, crews, base.source, warm_up=900.0, priority=base.priority)


def msk(strata: int = 0) -> Scenario:
    """SimpleMSK, an example of the contact-centre library of Université de Montréal (Buist, L'Ecuyer).

    Its rates of service and patience go by the period in which the caller came, not by type; its router
    serves the longest waiting of the types a group may serve. ``strata``: see :class:`Poisson`.
    """
    types = ("type0", "type1", "type2")
    hour = 3600.0
    arrivals = ((4.2, 5.3, 3.2), (5.1, 4.3, 4.8), (6.3, 5.2, 4.8))
    periods = tuple(
        Period(
            2 * hour,
            {t: arrivals[n][p] / 60.0 for n, t in enumerate(types)},
            Habits(dict.fromkeys(types, 60.0 / leave), dict.fromkeys(types, 60.0 / serve)),
        )
        for p, (serve, leave) in enumerate(((0.5, 0.3), (0.6, 0.4), (0.4, 0.2)))
    )
    habits = Habits({}, {})
    pools = {g: Pool(g, g, g) for g in ("group0", "group1")}
    at_once = {g: RingStep(g, 0.0) for g in pools}
    routes = {
        "type0": Route("type0", (at_once["group0"],), 0.8),
        "type1": Route("type1", (at_once["group0"], at_once["group1"]), 0.8),
        "type2": Route("type2", (at_once["group1"],), 0.8),
    }
    crews = (
        Crew("group0", "type0", ("group0",), (12, 18, 9)),
        Crew("group1", "type2", ("group1",), (15, 20, 11)),
    )
    source = Poisson(periods, habits, busyness=28.7, strata=strata)
    return Scenario("msk", _plan(pools, routes), crews, source, shifts=(0.0, 2 * hour, 4 * hour))


def erlang_a(
    per_minute: float = 48.0,
    agents: int = 50,
    *,
    handling: float = 60.0,
    patience: float = 120.0,
    hours: float = 24.0,
) -> Scenario:
    """One line, one pool, impatient callers: M/M/n+M. Defaults: the example of Mandelbaum and Zeltyn."""
    plan = _plan({"all": Pool("all", "all", "all")}, {"all": Route("all", (RingStep("all", 0.0),), 0.9)})
    habits = Habits({"all": patience}, {"all": handling})
    source = Poisson((Period(hours * 3600.0, {"all": per_minute / 60.0}),), habits)
    return Scenario("erlang-a", plan, (Crew("all", "all", ("all",), (agents,)),), source, warm_up=3600.0)


def wallace_whitt(skills: int = 2, *, hours: float = 200.0) -> Scenario:
    """Six types, 90 agents with so many skills each, 30 places to wait, 82.5 Erlang (Wallace, Whitt 2005)."""
    types = tuple(f"type{n}" for n in range(6))
    mixes = list(permutations(types, skills)) if skills < 6 else [types]
    count = 90 // len(mixes)
    pools: dict[str, Pool] = {}
    rings: dict[str, list[RingStep]] = {t: [] for t in types}
    for level in range(skills):
        for t in types:
            pools[f"{t}-{level}"] = Pool(f"{t}-{level}", t, t)
            rings[t].append(RingStep(f"{t}-{level}", 0.0))
    crews = tuple(
        Crew("-".join(mix), mix[0], tuple(f"{t}-{level}" for level, t in enumerate(mix)), (count,))
        for mix in mixes
    )
    routes = {t: Route(t, tuple(rings[t]), 0.9) for t in types}
    rate = 82.5 / 600.0 / 6
    habits = Habits(dict.fromkeys(types, FOREVER), dict.fromkeys(types, 600.0))
    source = Poisson((Period(hours * 3600.0, dict.fromkeys(types, rate)),), habits)
    plan = _plan(pools, routes)
    return Scenario(f"wallace-whitt-{skills}", plan, crews, source, warm_up=4 * 3600.0, lines=120)


def _plan(pools: dict[str, Pool], routes: dict[str, Route]) -> Plan:
    fallback = Route(UNKNOWN, (RingStep(next(iter(pools)), 0.0),), next(iter(routes.values())).objective)
    return Plan(1, pools, {**routes, UNKNOWN: fallback}, wrap_up=0.0, max_wait=86400.0, short_abandon=0.0)
