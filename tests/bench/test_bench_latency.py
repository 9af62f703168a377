"""The judge of free → ring, on packets made by hand."""

from __future__ import annotations

import pytest

from tests.bench.bench_latency import free_to_ring
from tests.bench.sipwatch import Packet

PBX, PHONES = 5060, 5070


def packet(at: float, what: str, call: str, user: str = "") -> Packet:
    """``what``: a method to or from the PBX (``>INVITE``: from it), or a status, always from it unless ``<``."""
    ours = not what.startswith("<")
    what = what.lstrip("<>")
    source, target = (PBX, PHONES) if ours else (PHONES, PBX)
    if what.isdigit():
        return Packet(at, source, target, "", int(what), "", call)
    return Packet(at, source, target, what, 0, user, call)


def served(caller: str, leg: str, at: float) -> list[Packet]:
    """A caller is held and given to agent ``a``, who answers at ``at`` + 3; the caller's 200 is not there yet."""
    return [
        packet(at, "183", caller),
        packet(at + 1, ">INVITE", leg, "a"),
        packet(at + 2, "<180", leg),
        packet(at + 3, "<200", leg),
    ]


def test_an_agent_for_whom_one_waits_is_timed() -> None:
    talk = [*served("c1", "l1", 0.0), packet(4.0, "200", "c1"), packet(5.0, "183", "c2")]
    end = [packet(6.0, "<BYE", "l1"), packet(6.0, "200", "l1"), packet(6.25, ">INVITE", "l2", "a")]
    assert free_to_ring([*talk, *end], PBX) == [pytest.approx(0.25)]


def test_an_agent_for_whom_nobody_waits_is_not() -> None:
    talk = [*served("c1", "l1", 0.0), packet(4.0, "200", "c1")]
    end = [packet(6.0, "<BYE", "l1"), packet(7.0, "183", "c2"), packet(7.1, ">INVITE", "l2", "a")]
    assert free_to_ring([*talk, *end], PBX) == []


def test_a_caller_whose_agent_has_answered_waits_for_nobody() -> None:
    other = [packet(0.0, "183", "c0"), packet(0.1, ">INVITE", "l0", "b"), packet(0.2, "<200", "l0")]
    talk = [*other, packet(0.3, "200", "c0"), *served("c1", "l1", 1.0)]
    # b is free while c1's answer is still on its way
    end = [packet(4.5, "<BYE", "l0"), packet(4.6, "200", "c1"), packet(6.0, "183", "c2")]
    assert free_to_ring([*talk, *end, packet(6.1, ">INVITE", "l2", "b")], PBX) == []


def test_a_leg_that_ends_unanswered_leaves_its_caller_waiting() -> None:
    other = [packet(0.0, "183", "c0"), packet(0.1, ">INVITE", "l0", "b"), packet(0.2, "<200", "l0")]
    missed = [packet(1.0, "183", "c1"), packet(1.1, ">INVITE", "l1", "a"), packet(9.0, "CANCEL", "l1")]
    end = [packet(9.1, "<487", "l1"), packet(9.5, "<BYE", "l0"), packet(9.75, ">INVITE", "l2", "b")]
    assert free_to_ring([*other, packet(0.3, "200", "c0"), *missed, *end], PBX) == [pytest.approx(0.25)]
