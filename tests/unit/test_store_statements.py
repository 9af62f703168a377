from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from seats.domain.events import (
    AgentAdded,
    AgentRemoved,
    CallEnded,
    Event,
    Repaired,
    RequestReturned,
    RoutingChanged,
)
from seats.domain.requests import Outcome
from seats.store.entries import entry, merged
from seats.store.statements import _WRITERS, ORDER, Changes, clean
from tests.contract.story import T0, connected_call, decided, lost_call

OTHERS: list[Event] = [
    RequestReturned(T0, "pbx1:1", "hubei"),
    AgentAdded(T0, "a1", "n", "hubei", ("hubei",), "sip", "s1"),
    AgentRemoved(T0, "a1"),
    RoutingChanged(T0, 3, "admin"),
    Repaired(T0, "orphan", "1x2", "pbx1"),
]


def changes(events: Iterable[Event]) -> Changes:
    """What the writer makes of a group: by way of the lines in which events wait for the database."""
    return merged([entry(number, event) for number, event in enumerate(events, 1)])


def test_every_event_of_the_core_is_written() -> None:
    assert set(_WRITERS) == set(get_args(Event))


def test_every_event_has_exactly_one_audit_row_in_its_order() -> None:
    events = [*connected_call("pbx1:1"), *lost_call("pbx1:2", Outcome.TIMEOUT), *OTHERS]
    rows = changes(events)["add_audit"]
    assert [row["at"] for row in rows] == [event.at for event in events]
    assert [row["subject"] for row in rows[-4:]] == ["agent/a1", "agent/a1", "routing/3", "offer/1x2"]


def test_a_connected_call_lives_on_and_a_lost_one_has_ended() -> None:
    connected, lost = changes([*connected_call("pbx1:1"), *lost_call("pbx1:2", Outcome.TIMEOUT)])[
        "set_decided"
    ]
    assert (connected["answered_at"], connected["ended_at"]) == (T0 + 8, None)
    assert (lost["answered_at"], lost["ended_at"], lost["agent"]) == (None, T0 + 12, None)


def test_no_two_kinds_of_event_set_the_same_column_but_the_end() -> None:
    """So the order in which a group's statements run does not matter."""
    told = decided("pbx1:3", Outcome.ABANDONED, T0)._replace(reason="reconstructed: 16")
    groups = changes([*connected_call("pbx1:1"), *lost_call("pbx1:2", Outcome.TIMEOUT), told])
    own_tables = ("set_callback",)  # the only statement that sets anything there
    names = [name for name in ORDER if name.startswith("set_") and name not in own_tables]
    columns = [set(groups[name][0]) - {"row"} for name in names]
    shared = {c for one, other in itertools.combinations(columns[2:], 2) for c in one & other}
    assert shared == {"ended_at"}, "a call's end is told after its outcome, and runs after it"
    assert ORDER.index("set_call_ended") > ORDER.index("set_decided")


def test_what_the_pbxs_record_told_is_marked() -> None:
    outcome = decided("pbx1:3", Outcome.ABANDONED, T0)._replace(reason="reconstructed: 16")
    end = CallEnded(T0, "pbx1:4", "hubei", "a1", 3.0, "unknown")
    groups = changes([outcome, end, *connected_call("pbx1:1")])
    assert [row["row"] for row in groups["set_reconstructed"]] == ["pbx1:3", "pbx1:4"]


def test_the_callers_number_stands_in_the_request_alone() -> None:
    groups = changes(connected_call("pbx1:1"))
    assert "13871234567" in str(groups.pop("add_request"))
    assert "13871234567" not in str(groups)


@given(st.text())
def test_clean_text_can_be_stored_and_plain_text_stays(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode("utf-8")
    assert "\0" not in cleaned
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return
    assert cleaned == text.replace("\0", "")
