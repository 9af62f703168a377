"""Rules of who goes first and who answers, each with an example a supervisor could read.

More of them, on rings, floors, exclusion and rescue, stand in ``test_rules``.
"""

from __future__ import annotations

from seats.domain.agents import Chosen
from seats.domain.events import BreakRecalled, ObjectiveJudged
from seats.domain.feasible import spent
from seats.domain.messages import CallerHeld, SeatGone, SeatReachable, StateAsked
from seats.domain.plan import RingStep, Service
from seats.domain.requests import Need
from seats.domain.staffing import Load, agents_needed
from tests.unit.ruledesk import Desk

CLAIMS = "95501"
"""The number of the claims department."""

GREEN = {"classes": {"green": 5, "silver": 2}}


def claims(until: float | None) -> dict[str, object]:
    """Callers of the claims department need the skill, at level 3, for so long."""
    return {"services": {CLAIMS: Service(CLAIMS, (Need("claims", 3, until),))}}


# --- skills ---------------------------------------------------------------------------------------


def test_a_required_skill_is_waited_for() -> None:
    desk = Desk(**claims(None))
    desk.hire("nobody", "hunan")
    desk.hire("beginner", "hunan", claims=2)
    desk.call("c1", "hunan", did=CLAIMS)
    desk.wait(60)
    assert desk.rung() == [], "a lower level is not enough, however long it takes"
    desk.hire("expert", "hunan", claims=3)
    assert desk.rung() == [("c1", "expert")]


def test_a_preferred_skill_decides_among_the_idle_and_keeps_nobody_waiting() -> None:
    desk = Desk(**claims(0.0))
    desk.hire("longest_idle", "hunan")
    desk.wait(60)
    desk.hire("expert", "hunan", claims=5)
    desk.call("c1", "hunan", did=CLAIMS)
    desk.call("c2", "hunan", did=CLAIMS)
    assert desk.rung() == [("c1", "expert"), ("c2", "longest_idle")]


def test_a_skill_is_given_up_after_the_time_the_routing_gives_it() -> None:
    desk = Desk(**claims(30.0))
    desk.hire("anybody", "hunan")
    desk.call("c1", "hunan", did=CLAIMS)
    desk.wait(29.9)
    assert desk.rung() == []
    desk.wait(0.2)
    assert desk.rung() == [("c1", "anybody")]


def test_a_skill_is_given_up_on_the_instant_whatever_the_fractions() -> None:
    """Sums of times with fractions round: the deadline and what is asked at it must round alike."""
    for step in range(20):
        desk = Desk(**claims(3.3))
        desk.now += step * 0.0123
        desk.hire("anybody", "hunan")
        desk.call("c1", "hunan", did=CLAIMS)
        desk.wait(3.5)
        assert desk.rung() == [("c1", "anybody")], step


def test_a_ring_opens_on_the_instant_whatever_the_fractions() -> None:
    for step in range(20):
        desk = Desk()
        rings = (RingStep("hubei", 0.0), RingStep("nation", 3.3))
        desk.state.plan.routes["hubei"] = desk.state.plan.routes["hubei"]._replace(rings=rings)
        desk.now += step * 0.0123
        desk.hire("busy", "hubei")
        desk.call("c1", "hubei")
        desk.hire("anybody", "nation")
        desk.call("c2", "hubei")
        desk.wait(3.5)
        assert desk.rung() == [("c1", "busy"), ("c2", "anybody")], step


def test_a_caller_of_another_number_needs_no_skill() -> None:
    desk = Desk(**claims(None))
    desk.hire("anybody", "hunan")
    desk.call("c1", "hunan")
    assert desk.rung() == [("c1", "anybody")]


# --- who goes first -------------------------------------------------------------------------------


def test_the_green_channel_goes_first_and_higher_classes_before_lower() -> None:
    desk = Desk(**GREEN)
    for name, klass in (("ordinary", ""), ("silver", "silver"), ("green", "green"), ("unheard_of", "gold")):
        desk.call(name, "hunan", name, klass=klass)
        desk.wait(1)
    for agent in ("a1", "a2", "a3", "a4"):
        desk.hire(agent, "hunan")
    assert [request for request, _ in desk.rung()] == ["green", "silver", "ordinary", "unheard_of"]


def test_who_left_and_calls_again_soon_gets_the_old_place_back() -> None:
    desk = Desk(redial_keeps=60.0)
    desk.call("c1", "hunan", "13871230001")
    desk.wait(10)
    desk.call("c2", "hunan", "13871230002")
    desk.wait(10)
    desk.leave("c1")
    desk.wait(59)
    desk.call("c1_again", "hunan", "13871230001")
    desk.hire("a", "hunan")
    assert desk.rung() == [("c1_again", "a")]


def test_who_calls_again_too_late_stands_at_the_end() -> None:
    desk = Desk(redial_keeps=60.0)
    desk.call("c1", "hunan", "13871230001")
    desk.call("c2", "hunan", "13871230002")
    desk.leave("c1")
    desk.wait(61)
    desk.call("c1_again", "hunan", "13871230001")
    desk.hire("a", "hunan")
    assert desk.rung() == [("c2", "a")]


def test_a_caller_whom_nobody_answered_goes_before_the_green_channel() -> None:
    desk = Desk(**GREEN)
    desk.hire("misses", "hunan")
    desk.call("c1", "hunan")
    desk.tell(StateAsked("misses", Chosen.NOT_READY, "lunch", "misses"))  # once the ringing is over
    desk.call("green", "hunan", klass="green")
    desk.miss(desk.rings[0].offer)
    desk.hire("a", "hunan")
    assert desk.rung()[-1] == ("c1", "a")


def test_a_caller_whose_call_broke_goes_before_one_whom_nobody_answered() -> None:
    desk = Desk(rescue_grace=5.0)
    for name in ("breaks", "misses"):
        desk.hire(name, "hunan")
    desk.call("unanswered", "hunan")
    desk.call("broken", "hunan")
    first, second = desk.rings
    desk.tell(StateAsked("misses", Chosen.NOT_READY, "lunch", "misses"))
    desk.tell(StateAsked("breaks", Chosen.NOT_READY, "lunch", "breaks"))
    desk.answer(second.offer)
    desk.miss(first.offer)
    desk.tell(SeatGone(second.offer, "no media"))
    desk.tell(CallerHeld("broken"))
    desk.tell(SeatReachable("n1", f"seat_{second.agent}", False, "gone"))
    desk.wait(6)
    desk.hire("a", "hunan")
    assert desk.rung()[-1] == ("broken", "a")


def test_nobody_starves_whatever_the_class_and_the_need_of_a_province() -> None:
    desk = Desk(**GREEN, wait_bound=60.0, max_wait=600.0)
    desk.call("patient", "beijing")
    desk.wait(59)
    desk.lose("hubei", 3)
    for n in range(3):
        desk.call(f"green{n}", "beijing", f"g{n}", klass="green")
        desk.call(f"urgent{n}", "hubei", f"u{n}")
    desk.wait(2)
    desk.hire("a", "nation")
    assert desk.level("hubei") == 5
    assert desk.rung() == [("patient", "a")]


# --- the same agent -------------------------------------------------------------------------------


def served_by_a(**plan: object) -> Desk:
    """A caller has just been served by ``a``, who wraps up for 10 s; ``b`` is idle."""
    desk = Desk(last_agent_within=3600.0, **plan)
    desk.hire("a", "hunan")
    desk.call("c1", "hunan", "13871230001")
    desk.serve("c1")
    desk.hire("b", "hunan")
    return desk


def test_a_caller_who_comes_back_is_kept_for_the_same_agent() -> None:
    desk = served_by_a(last_agent_wait=15.0)
    desk.call("again", "hunan", "13871230001")
    desk.wait(9)
    assert desk.rung()[-1] == ("c1", "a"), "b is idle, and not rung"
    desk.wait(2)
    assert desk.rung()[-1] == ("again", "a")


def test_but_not_for_longer_than_the_set_time() -> None:
    desk = served_by_a(last_agent_wait=5.0)
    desk.call("again", "hunan", "13871230001")
    desk.wait(4.9)
    assert len(desk.rings) == 1
    desk.wait(0.2)
    assert desk.rung()[-1] == ("again", "b")


def test_and_not_at_all_when_that_agent_is_not_at_work() -> None:
    desk = served_by_a(last_agent_wait=15.0)
    desk.wait(10)
    desk.tell(StateAsked("a", Chosen.NOT_READY, "lunch", "a"))
    desk.call("again", "hunan", "13871230001")
    assert desk.rung()[-1] == ("again", "b")


# --- agents' rest ---------------------------------------------------------------------------------


def test_beyond_the_occupancy_limit_calls_pause() -> None:
    desk = Desk(max_occupancy=0.8, max_wait=600.0)
    desk.hire("a", "hunan")
    desk.call("c1", "hunan", "1")
    desk.call("c2", "hunan", "2")
    desk.serve("c1", 90.0)
    desk.wait(10)
    assert desk.rung() == [("c1", "a")], "wrapped up, and not rung again at once"
    desk.wait(24.9)
    assert len(desk.rings) == 1, "100 s of work in a row are 80 % of 125 s"
    desk.wait(0.2)
    assert desk.rung()[-1] == ("c2", "a")


# --- the error budget -----------------------------------------------------------------------------


def test_a_line_opens_the_provinces_rings_early() -> None:
    desk = Desk()
    desk.hire("near", "hubei")
    desk.call("c0", "hubei", "0")
    desk.answer(desk.rings[0].offer)
    desk.hire("far", "nation")
    desk.call("c1", "hubei", "1")
    desk.call("c2", "hubei", "2")
    assert (desk.level("hubei"), desk.rung()) == (0, [("c0", "near")]), "two callers are no line"
    desk.call("c3", "hubei", "3")
    assert desk.level("hubei") == 1
    assert desk.rung()[1:] == [("c1", "far")], "not after 5 s, but now"


def test_a_province_short_of_budget_goes_before_others() -> None:
    desk = Desk()
    desk.call("first", "beijing")
    desk.lose("hubei", 1)
    desk.call("second", "hubei")
    desk.hire("a", "nation")
    assert desk.level("hubei") == 3
    assert desk.rung() == [("second", "a")]


def test_a_reserve_is_kept_for_it_and_what_exceeds_the_reserve_is_let_go() -> None:
    desk = Desk()
    desk.hire("a", "nation")
    desk.lose("hubei", 1)
    before = len(desk.rings)
    desk.call("c1", "beijing", "1")
    assert len(desk.rings) == before, "the only idle agent is kept for Hubei"
    desk.hire("b", "nation")
    assert [request for request, _ in desk.rung()[before:]] == ["c1"], "one of two is enough for Hubei"
    desk.call("c2", "hubei", "2")
    assert desk.rung()[-1][0] == "c2"


def test_a_reserve_ends_with_the_need_though_nobody_calls_any_more() -> None:
    desk = Desk(max_wait=3600.0, wait_bound=3600.0)
    desk.state.plan.routes["hubei"] = desk.state.plan.routes["hubei"]._replace(window=300.0)
    desk.hire("a", "nation")
    desk.lose("hubei", 1)
    before = len(desk.rings)
    desk.call("c1", "beijing", "1")
    desk.wait(260)
    assert (desk.level("hubei"), len(desk.rings)) == (3, before)
    desk.wait(30)  # most of the loss is forgotten after the objective's window
    assert desk.level("hubei") == 2
    assert desk.rung()[before:] == [("c1", "a")]


def test_agents_on_interruptible_breaks_are_asked_back_each_at_most_every_five_minutes() -> None:
    desk = Desk(interruptible=("training",), max_wait=600.0)
    for name, reason in (("trains", "training"), ("eats", "lunch")):
        desk.hire(name, "hubei", ready=False)
        desk.tell(StateAsked(name, Chosen.NOT_READY, reason, name))
    desk.lose("hubei", 3)
    assert desk.level("hubei") == 5

    def asked() -> list[str]:
        return [e.agent for e in desk.events if isinstance(e, BreakRecalled)]

    desk.call("c1", "hubei", "1")
    assert asked() == ["trains"]
    desk.call("c2", "hubei", "2")
    assert asked() == ["trains"]
    desk.wait(301)
    desk.call("c3", "hubei", "3")
    assert asked() == ["trains", "trains"]


def busy_hour(desk: Desk, handling: float = 180.0) -> None:
    """A caller of Hubei every ten seconds, each of three minutes' work: 18 agents' worth."""
    desk.state.forecast.calls, desk.state.forecast.handling = 100.0, handling
    for n in range(90):
        desk.call(f"c{n}", "hubei", f"{n}")
        desk.wait(10)


def test_calls_of_no_length_at_all_are_no_trouble() -> None:
    desk = Desk()
    desk.hire("a", "hubei")
    busy_hour(desk, handling=0.0)
    assert desk.state.steers["hubei"].feasible


def test_callers_who_leave_show_how_patient_they_are() -> None:
    desk = Desk()
    for n in range(100):
        desk.call(f"c{n}", "hubei", f"{n}")
        desk.wait(60)
        desk.leave(f"c{n}")
    assert 60 <= desk.state.forecast.patience < 75


def last_verdict(desk: Desk) -> ObjectiveJudged:
    return [e for e in desk.events if isinstance(e, ObjectiveJudged) and e.province == "hubei"][-1]


def test_an_objective_out_of_reach_is_said_with_how_many_agents_are_missing() -> None:
    desk = Desk()
    for n in range(5):
        desk.hire(f"a{n}", "hubei", ready=False)
        desk.tell(StateAsked(f"a{n}", Chosen.READY, "", "test"))
    busy_hour(desk)
    said = last_verdict(desk)
    assert (said.feasible, said.cause) == (False, "agents")
    forecast = desk.state.forecast
    load = Load(forecast.rate("hubei", desk.now), forecast.handling, forecast.patience)
    needed = agents_needed(load, 1.0 - spent(0.99))
    assert abs(desk.state.steers["hubei"].missing + 5 - needed) <= 1, (
        "18 agents' work, and who are kept for luck"
    )
    assert desk.level("hubei") == 0, "it takes nothing from others for what cannot be reached"


def test_agents_enough_but_in_no_ring_of_the_province() -> None:
    desk = Desk()
    for n in range(40):
        desk.hire(f"a{n}", "hunan")
    busy_hour(desk)
    said = last_verdict(desk)
    assert (said.feasible, said.cause) == (False, "skills")
    assert desk.level("hubei") == 0
