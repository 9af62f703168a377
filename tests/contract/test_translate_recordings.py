"""What the real Asterisk said (recorded by ``tests.contract.record``) becomes the expected typed events."""

from __future__ import annotations

from typing import Any

import pytest

from telephony import events as e
from telephony.codec import parse
from telephony.translate import translate
from tests.contract.pbx_stories import STORIES, Heard, listen, threads
from tests.contract.record import RECORDINGS


def heard(name: str) -> Heard:
    return listen((RECORDINGS / f"{name}.ami").read_bytes())


REQUEST = ("RequestMade", "caller", "caller", "caller", "caller", "95500", "13800138000", "", "")
BRIDGED = ("Bridged", "caller", "caller", "caller")
GAVE_UP = ("HangingUp", "caller", True)
UNBRIDGED = ("Unbridged", "caller", "caller", "caller")


def rung(leg: str, offer: str) -> list[tuple[Any, ...]]:
    return [("Dialing", "caller", offer, leg, leg), ("Ringing", "caller", offer, leg)]


def ended(leg: str, offer: str, status: str) -> tuple[Any, ...]:
    return ("DialEnded", "caller", offer, leg, status, "")


def hung_up(who: str, cause: int) -> tuple[Any, ...]:
    return ("HungUp", who, who, "caller", cause)


EXPECTED: dict[str, dict[str, list[tuple[Any, ...]]]] = {
    "whole_call": {
        "caller": [
            REQUEST,
            ("OfferReturned", "caller", "a1", "NOANSWER", 0),
            BRIDGED,
            ("HangingUp", "caller", False),
            UNBRIDGED,
            ("RequestEnded", "caller", 16),
            hung_up("caller", 16),
        ],
        "leg1": [*rung("leg1", "a1"), ended("leg1", "a1", "NOANSWER"), hung_up("leg1", 0)],
        "leg2": [
            *rung("leg2", "a2"),
            ended("leg2", "a2", "ANSWER"),
            ("Bridged", "leg2", "leg2", "caller"),
            ("Unbridged", "leg2", "leg2", "caller"),
            hung_up("leg2", 16),
        ],
    },
    "abandon_waiting": {
        "caller": [REQUEST, GAVE_UP, ("RequestEnded", "caller", 127), hung_up("caller", 127)]
    },
    "abandon_ringing": {
        "caller": [REQUEST, GAVE_UP, ("RequestEnded", "caller", 127), hung_up("caller", 127)],
        "leg1": [*rung("leg1", "b1"), ended("leg1", "b1", "CANCEL"), hung_up("leg1", 127)],
    },
    "agent_hangs_up": {
        "caller": [
            REQUEST,
            BRIDGED,
            UNBRIDGED,
            ("TalkEnded", "caller", "c1", 16),
            ("RequestEnded", "caller", 16),
            hung_up("caller", 16),
        ],
        "leg1": [
            *rung("leg1", "c1"),
            ended("leg1", "c1", "ANSWER"),
            ("Bridged", "leg1", "leg1", "caller"),
            ("HangingUp", "leg1", False),
            ("Unbridged", "leg1", "leg1", "caller"),
            hung_up("leg1", 16),
        ],
    },
    "ended_by_us": {
        "caller": [
            REQUEST,
            BRIDGED,
            UNBRIDGED,
            ("TalkEnded", "caller", "d1", 16),
            ("RequestEnded", "caller", 16),
            hung_up("caller", 16),
        ],
        "leg1": [
            *rung("leg1", "d1"),
            ended("leg1", "d1", "ANSWER"),
            ("Bridged", "leg1", "leg1", "caller"),
            ("Unbridged", "leg1", "leg1", "caller"),
            hung_up("leg1", 16),
        ],
    },
    "withdrawn": {
        "caller": [REQUEST, ("RequestEnded", "caller", 19), hung_up("caller", 19)],
        "leg1": [*rung("leg1", "e1"), ended("leg1", "", "CANCEL"), hung_up("leg1", 16)],
    },
    "busy_and_away": {
        "caller": [
            REQUEST,
            ("OfferReturned", "caller", "f1", "BUSY", 17),
            ("OfferReturned", "caller", "f2", "CHANUNAVAIL", 3),
            ("RequestEnded", "caller", 17),
            hung_up("caller", 17),
        ],
        "leg1": [
            ("Dialing", "caller", "f1", "leg1", "leg1"),
            ("HangingUp", "leg1", False),
            ended("leg1", "f1", "BUSY"),
            hung_up("leg1", 17),
        ],
    },
    "registrations": {
        "web003": [
            ("SeatState", "web003", True, "NOT_INUSE"),
            ("SeatState", "web003", False, "UNAVAILABLE"),
            ("SeatState", "web003", True, "NOT_INUSE"),
        ]
    },
}


def calls_only(found: dict[str, Any]) -> dict[str, Any]:
    """Leave the seats' states out: how many come between two rings is a matter of their own timing."""
    return {who: told for who, told in found.items() if who not in ("web001", "web002")}


@pytest.mark.parametrize("name", sorted(STORIES))
def test_a_recorded_story_is_understood(name: str) -> None:
    assert calls_only(threads(heard(name).events)) == EXPECTED[name]


@pytest.mark.parametrize("name", sorted(STORIES))
def test_bytes_and_headers_tell_the_same(name: str) -> None:
    found = heard(name)
    parsed = [translate("n", parse(raw)) for raw in found.raw]
    assert [event for event in parsed if event is not None] == found.events


def test_a_seat_stays_reachable_while_it_rings_and_talks() -> None:
    states = threads(heard("whole_call").events)["web002"]
    assert [state[3] for state in states if state[2]] == ["NOT_INUSE", "BUSY", "NOT_INUSE"]
    assert not states[-1][2] or states[-1][3] == "NOT_INUSE"


def test_the_pbxs_time_of_arrival_is_kept() -> None:
    (made,) = [event for event in heard("whole_call").events if isinstance(event, e.RequestMade)]
    assert made.arrived > 1_700_000_000
    assert made.request == made.uniqueid


@pytest.mark.parametrize("name", sorted(STORIES))
def test_recordings_are_ours_to_publish(name: str) -> None:
    text = (RECORDINGS / f"{name}.ami").read_text()
    assert "/" not in text.replace("PJSIP/", "").replace("/seats", "")
    hosts = {line for line in text.splitlines() if "@" in line and "@127.0.0.1" not in line}
    assert hosts == set()
