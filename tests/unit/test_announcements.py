"""What waiting callers are told, as stories: the place in line, and a wait only where it can be known."""

from __future__ import annotations

from seats.domain.effects import Tell
from seats.domain.events import CallerTold
from seats.domain.expected import Estimate
from seats.domain.messages import CallerGone, LinkDown, LinkUp, PlanChanged
from tests.unit.ruledesk import Desk

EVERY = {"announce_every": 60.0, "max_wait": 3600.0, "wait_bound": 3600.0}


def told(desk: Desk, request: str) -> list[tuple[int, int]]:
    return [
        (e.position, e.minutes) for e in desk.events if isinstance(e, CallerTold) and e.request == request
    ]


def known(desk: Desk, seconds: float, *, error: float = 5.0, judged: int = 20) -> None:
    """Callers of Hunan have lately entered service after so many seconds, as was foretold but for the error."""
    desk.state.expected.provinces["hunan"] = Estimate(seconds, error, 1000.0, judged)


def test_by_default_nothing_is_told() -> None:
    desk = Desk(max_wait=3600.0)
    desk.call("c1", "hunan")
    desk.wait(600)
    assert told(desk, "c1") == []


def test_the_place_in_line_is_told_again_and_again() -> None:
    desk = Desk(**EVERY)
    for n in (1, 2, 3):
        desk.call(f"c{n}", "hunan")
    desk.call("elsewhere", "beijing")
    desk.wait(61)
    assert [told(desk, f"c{n}") for n in (1, 2, 3)] == [[(1, 0)], [(2, 0)], [(3, 0)]]
    desk.tell(CallerGone("c1", ""))
    desk.wait(60)
    assert told(desk, "c3") == [(3, 0), (2, 0)]
    assert told(desk, "elsewhere") == [(1, 0), (1, 0)]
    tells = [e for e in desk.effects if isinstance(e, Tell)]
    assert (tells[0].request, tells[0].channel, tells[0].position) == ("c1", "PJSIP/c1", 1)


def test_a_green_channel_caller_stands_before_those_who_wait() -> None:
    desk = Desk(**EVERY, classes={"green": 5})
    desk.call("c1", "hunan")
    desk.call("vip", "hunan", klass="green")
    desk.wait(61)
    assert (told(desk, "vip"), told(desk, "c1")) == ([(1, 0)], [(2, 0)])


def test_no_place_beyond_the_longest_line_is_told() -> None:
    desk = Desk(**EVERY)
    for n in range(1, 102):
        desk.call(f"c{n}", "hunan", f"138{n:08}")
    desk.wait(61)
    assert told(desk, "c99") == [(99, 0)]
    assert told(desk, "c100") == told(desk, "c101") == []


def test_a_wait_is_told_in_minutes_rounded_up() -> None:
    desk = Desk(**EVERY)
    known(desk, 200.0)
    desk.call("c1", "hunan")
    desk.wait(121)
    assert told(desk, "c1") == [(1, 3), (1, 2)], "140 s are left, then 80 s"


def test_a_wait_nobody_has_tested_is_not_told() -> None:
    for untested in ({"judged": 0}, {"judged": 4}, {"error": 240.0}):
        desk = Desk(**EVERY)
        known(desk, 200.0, **untested)  # type: ignore[arg-type]  # names of its own keywords
        desk.call("c1", "hunan")
        desk.wait(61)
        assert told(desk, "c1") == [(1, 0)], untested


def test_who_has_waited_longer_than_foretold_is_told_no_more_waits() -> None:
    desk = Desk(**EVERY)
    known(desk, 100.0)
    desk.call("c1", "hunan")
    desk.wait(121)
    assert told(desk, "c1") == [(1, 1), (1, 0)]


def test_a_wait_does_not_grow_by_a_little_and_does_when_it_is_truly_worse() -> None:
    desk = Desk(**EVERY)
    known(desk, 170.0)
    desk.call("c1", "hunan")
    desk.wait(61)
    known(desk, 280.0)  # 160 s are left, where 2 minutes were told
    desk.wait(60)
    known(desk, 480.0)  # 300 s are left
    desk.wait(60)
    assert [minutes for _, minutes in told(desk, "c1")] == [2, 2, 5]


def test_nothing_is_told_while_somebody_is_rung_and_it_goes_on_afterwards() -> None:
    desk = Desk(**EVERY, ring_timeout=20)
    desk.call("c1", "hunan")
    desk.wait(55)
    desk.hire("a", "hunan")
    desk.wait(10)
    assert told(desk, "c1") == []
    desk.miss(desk.rings[0].offer)
    desk.wait(56)
    assert told(desk, "c1") == [(1, 0)]


def test_nothing_is_told_to_a_pbx_out_of_reach_or_after_the_outcome() -> None:
    desk = Desk(**EVERY)
    desk.call("c1", "hunan")
    desk.tell(LinkDown("n1"))
    desk.wait(61)
    assert told(desk, "c1") == []
    desk.tell(LinkUp("n1"))
    desk.tell(CallerGone("c1", ""))
    desk.wait(300)
    assert told(desk, "c1") == []


def test_another_plan_begins_and_ends_it_for_those_who_wait_already() -> None:
    desk = Desk(max_wait=3600.0)
    desk.call("c1", "hunan")
    quiet = desk.state.plan
    desk.wait(30)
    for version in (2, 3):  # a second change must not make it twice as often
        desk.tell(PlanChanged(quiet._replace(version=version, announce_every=20.0), "lin"))
    desk.wait(41)
    assert told(desk, "c1") == [(1, 0), (1, 0)]
    desk.tell(PlanChanged(quiet._replace(version=4), "lin"))
    desk.wait(100)
    assert len(told(desk, "c1")) == 2
