"""A picture is taken while calls go on: of what moved meanwhile it proves nothing, of all else it does."""

from __future__ import annotations

import pytest

from seats.domain.messages import CallerGone, SeatGone
from seats.engine.intake import Intake
from seats.engine.reconcile import Finding, findings
from seats.engine.stirred import stirred
from telephony.events import Dialing, HungUp, Optimized, PbxEvent, RequestMade, SeatState
from telephony.snapshot import Channel, Snapshot
from tests.unit.test_reconcile import OPEN, channel, intake, made
from tests.unit.test_rules import Desk

BEFORE: tuple[PbxEvent, ...] = ()


def found_in(
    desk: Desk, reader: Intake, live: list[Channel], meanwhile: tuple[PbxEvent, ...]
) -> list[Finding]:
    records = {"1.1": OPEN} if live else {}
    seats = dict.fromkeys(desk.state.by_address, True)
    return findings(Snapshot("n1", live, seats, records, meanwhile), desk.state, reader, missed_for=5.0)


def desk_with_a_caller() -> tuple[Desk, Intake]:
    desk, reader = Desk(), intake()
    desk.hire("a", "hubei")
    desk.tell(reader.read([made()])[0])
    return desk, reader


def test_a_caller_who_came_after_the_list_of_channels_is_not_gone() -> None:
    desk, reader = desk_with_a_caller()
    assert found_in(desk, reader, [], (made(),)) == []
    (gone,) = found_in(desk, reader, [], BEFORE)
    assert isinstance(gone.message, CallerGone)


def test_a_leg_that_was_dialled_after_the_list_of_channels_is_not_gone() -> None:
    desk, reader = desk_with_a_caller()
    offer = desk.rings[0].offer
    dialled = Dialing("n1", "1.1", offer, "1.2", "PJSIP/seat_a-2")
    reader.read([dialled])
    caller = channel("1.1", "PJSIP/trunk-1")
    assert found_in(desk, reader, [caller], (dialled,)) == []
    assert reader.legs == {"1.2": offer}
    assert [f.message for f in found_in(desk, reader, [caller], BEFORE)] == [SeatGone(offer)]


@pytest.mark.parametrize("heard", [True, False])
def test_a_seat_whose_call_ended_after_the_list_of_channels_is_in_no_call_of_others(heard: bool) -> None:
    desk = Desk()
    desk.hire("a", "hubei")
    leg = Channel("7.2", "7.1", "PJSIP/seat_a-2", "seats-none", "", "Up", "b", "", 9)
    over = HungUp("n1", "7.2", "PJSIP/seat_a-2", "7.1", 16, "")
    found = found_in(desk, intake(), [leg], (over,) if heard else BEFORE)
    assert len(found) == (0 if heard else 1)


def test_an_offer_that_was_over_after_the_list_of_channels_is_not_found_again() -> None:
    desk, reader = desk_with_a_caller()
    caller = channel("1.1", "PJSIP/trunk-1", exten="o-0x0-20-s-seat_a", context="seats-connect")
    leg = channel("1.2", "PJSIP/seat_a-2", context="seats-none")
    over = HungUp("n1", "1.2", "PJSIP/seat_a-2", "1.1", 16, "")
    assert found_in(desk, reader, [caller, leg], (over,)) == []
    assert "1.2" not in reader.legs
    assert found_in(desk, reader, [caller, leg], BEFORE)


def test_what_events_are_about() -> None:
    request = RequestMade("n1", "1.1.2", "PJSIP/trunk-1", "1.1", "1.0", "", "", "", "", 0.0)
    moved = stirred(
        [
            request,
            Optimized("n1", ("3.1", "3.2"), "2.1", "PJSIP/seat_b-7"),
            SeatState("n1", "seat_c", True, ""),
        ]
    )
    assert moved.ids == {"1.1", "1.0", "3.1", "3.2", "2.1"}
    assert {"seat_b", "seat_c"} <= moved.seats
