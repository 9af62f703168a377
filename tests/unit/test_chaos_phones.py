"""The judge of the phones in chaos: what it lets pass, and what it catches right beside that."""

from __future__ import annotations

import pytest

from telephony.lab.agents import Ring
from tests.chaos.phones import AT_ONCE, CROSSING, rung_in_order, two_at_once
from tests.chaos.storm import Span

T = 1000.0
JUST = 0.001
OURS, THEIRS = "1x5", "fallback"


def ring(what: str, offer: str, shown: str, at: float, address: str = "sip001") -> Ring:
    return Ring(what, address, offer, shown, at)


def verdicts(*rings: Ring, kills: tuple[Span, ...] = ()) -> list[tuple[bool, bool]]:
    told = sorted(rings, key=lambda r: r.at)
    return [(pair.crossed, pair.met) for pair in two_at_once(told, kills)]


def test_one_call_after_the_other_is_no_double_ring() -> None:
    assert not verdicts(
        ring("ring", OURS, "a", T),
        ring("answer", OURS, "a", T + 1),
        ring("bye", OURS, "a", T + 2),
        ring("ring", "1x6", "b", T + 2),
        ring("ring", "1x7", "c", T + 2, "sip002"),
    )


@pytest.mark.parametrize("live", [(), (ring("answer", THEIRS, "a", T + 1),)])
def test_a_phone_rung_beside_a_ring_or_talk_is_caught(live: tuple[Ring, ...]) -> None:
    found = verdicts(ring("ring", THEIRS, "a", T), *live, ring("ring", OURS, "b", T + 2))
    assert found == [(False, False)]


@pytest.mark.parametrize(("after", "let_pass"), [(CROSSING - JUST, True), (CROSSING + JUST, False)])
@pytest.mark.parametrize("how", ["cancel", "bye", "killed"])
def test_the_end_of_the_last_ring_may_cross_the_next_but_no_later(
    how: str, after: float, let_pass: bool
) -> None:
    kills = (Span("pbx", "kill", T + 2 + after, T + 5),) if how == "killed" else ()
    told = () if kills else (ring(how, THEIRS, "a", T + 2 + after),)
    found = verdicts(ring("ring", THEIRS, "a", T), ring("ring", OURS, "b", T + 2), *told, kills=kills)
    assert found == [(let_pass, False)]


def test_a_hangup_of_the_phones_own_right_after_excuses_nobody() -> None:
    assert verdicts(
        ring("ring", OURS, "a", T),
        ring("answer", OURS, "a", T + 1),
        ring("ring", "1x6", "b", T + 2),
        ring("hangup", OURS, "a", T + 2 + JUST),
    ) == [(False, False)]


def test_the_end_of_another_call_excuses_nobody() -> None:
    assert verdicts(
        ring("ring", THEIRS, "a", T),
        ring("ring", OURS, "b", T + 2),
        ring("cancel", OURS, "b", T + 2 + JUST),
        ring("cancel", THEIRS, "c", T + 2 + JUST),
    ) == [(False, False)]


@pytest.mark.parametrize(("after", "let_pass"), [(AT_ONCE - JUST, True), (AT_ONCE + JUST, False)])
@pytest.mark.parametrize(("first", "then"), [(THEIRS, OURS), (OURS, THEIRS)])
def test_fallback_and_service_may_meet_in_one_instant_but_no_later(
    first: str, then: str, after: float, let_pass: bool
) -> None:
    assert verdicts(ring("ring", first, "a", T), ring("ring", then, "b", T + after)) == [(False, let_pass)]


def test_two_rings_of_the_service_never_meet() -> None:
    assert verdicts(ring("ring", OURS, "a", T), ring("ring", "1x6", "b", T + JUST)) == [(False, False)]


def test_a_killed_pbx_ended_what_rang_before() -> None:
    kill = Span("pbx", "kill", T + 1, T + 2)
    assert not verdicts(ring("ring", OURS, "a", T), ring("ring", "1x6", "b", T + 3), kills=(kill,))


def test_an_offer_that_rings_twice_or_after_a_later_term_is_caught() -> None:
    told = [ring("ring", offer, "a", T) for offer in ("1x1", "1x1", "2x1", THEIRS, "1x2")]
    assert list(rung_in_order(told)) == [
        "I6: offer 1x2 rang after one of term 2",
        "I6: offer 1x1 rang 2 times",
    ]
