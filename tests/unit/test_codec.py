"""Bytes become messages, however they are cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.codec import Codec, Message, parse
from telephony.errors import LinkLostError

GREETING = b"Asterisk Call Manager/11.0.0\r\n"


def message(*lines: str) -> bytes:
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def read(
    data: bytes, wanted: set[str] | None = None, cuts: list[int] | None = None
) -> tuple[list[Message], list[Message]]:
    """Give the answers and the events of the bytes, fed in pieces."""
    codec = Codec(wanted)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts or []), len(data)]
    events = [found for a, b in pairwise(edges) for found in codec.feed(data[a:b])]
    return codec.answers, events


def feed(data: bytes, wanted: set[str] | None = None, cuts: list[int] | None = None) -> list[Message]:
    return read(data, wanted, cuts)[1]


STREAM = GREETING + b"".join(
    [
        message("Response: Success", "ActionID: seats-1", "Message: Authentication accepted"),
        message("Event: Hangup", "Privilege: call,all", "CallerIDName: 张伟", "Cause: 16", "AccountCode: "),
        message("Event: VarSet", "Value: Event: Hangup", "Variable: x"),
        message(
            "Event: UserEvent", "UserEvent: X", "Note: a: b: c", "ChanVariable: a=1", "ChanVariable: b=2"
        ),
    ]
    * 3
)


def test_wanted_events_and_responses_only() -> None:
    answers, events = read(STREAM, {"Hangup"})
    assert [found["Response"] for found in answers] == ["Success"] * 3
    assert [found["Event"] for found in events] == ["Hangup"] * 3


def test_nothing_wanted_means_responses_only() -> None:
    answers, events = read(STREAM, set())
    assert (len(answers), events) == (3, [])


@given(st.lists(st.integers(min_value=0), max_size=40))
def test_no_cut_of_the_stream_changes_what_is_read(cuts: list[int]) -> None:
    assert read(STREAM, None, cuts) == read(STREAM, None)
    assert read(STREAM, {"UserEvent"}, cuts) == read(STREAM, {"UserEvent"})


def test_byte_by_byte() -> None:
    assert feed(STREAM, {"Hangup"}, list(range(len(STREAM)))) == feed(STREAM, {"Hangup"})


def test_a_chinese_character_over_two_chunks_survives() -> None:
    data = GREETING + message("Event: Hangup", "CallerIDName: 张伟")
    cut = data.index("张".encode()) + 1
    assert feed(data, None, [cut])[0]["CallerIDName"] == "张伟"


def test_broken_utf8_is_marked_and_costs_nothing_else() -> None:
    data = (
        GREETING + b"Event: Hangup\r\nCallerIDName: \xff\xfe\r\nCause: 16\r\n\r\n" + message("Event: Hangup")
    )
    first, second = feed(data)
    assert first == {"Event": "Hangup", "CallerIDName": "��", "Cause": "16"}
    assert second == {"Event": "Hangup"}


def test_empty_headers_are_kept_also_the_last() -> None:
    assert parse(b"Event: X\r\nA: \r\nB:\r\nC: ") == {"Event": "X", "A": "", "B": "", "C": ""}


def test_repeated_headers_become_a_list() -> None:
    assert parse(b"Event: X\r\nV: 1\r\nV: 2\r\nV: 3")["V"] == ["1", "2", "3"]


def test_a_header_before_the_events_name() -> None:
    data = (
        GREETING + message("Privilege: call", "Event: Hangup") + message("Privilege: call", "Event: VarSet")
    )
    assert [found["Event"] for found in feed(data, {"Hangup"})] == ["Hangup"]


def test_an_event_of_one_line() -> None:
    assert feed(GREETING + b"Event: Hangup\r\n\r\n", {"Hangup"}) == [{"Event": "Hangup"}]
    assert feed(GREETING + b"Event: Hangups\r\n\r\n", {"Hangup"}) == []


def test_a_name_that_only_begins_like_a_wanted_one() -> None:
    data = GREETING + message("Event: HangupRequest", "A: b") + message("Event: Hangu", "A: b")
    assert feed(data, {"Hangup"}) == []


def test_command_output_does_not_break_the_stream() -> None:
    old = b"Response: Follows\r\nActionID: 1\r\nline one\nline: two\n--END COMMAND--\r\n\r\n"
    new = message("Response: Success", "Message: Command output follows", "Output: a", "Output: ")
    answers, events = read(GREETING + old + new + message("Event: Hangup", "Cause: 16"))
    assert [item["Response"] for item in answers] == ["Follows", "Success"]
    assert answers[1]["Output"] == ["a", ""]
    assert events == [{"Event": "Hangup", "Cause": "16"}]


def test_stray_blank_lines_between_messages() -> None:
    data = (
        GREETING + b"\r\n\r\n" + message("Event: Hangup", "A: b") + b"\r\n" + message("Event: Hangup", "A: c")
    )
    assert [found["A"] for found in feed(data, {"Hangup"})] == ["b", "c"]


def test_items_of_a_list_under_way_are_answers_wanted_or_not() -> None:
    codec = Codec({"DeviceStateChange"})
    codec.feed(GREETING)
    item = message("Event: CoreShowChannel", "ActionID: seats-3", "Uniqueid: 1")
    state = message("Event: DeviceStateChange", "ActionID: seats-3", "Device: PJSIP/1")
    assert [found["Event"] for found in codec.feed(item + state)] == ["DeviceStateChange"]
    codec.lists.add("seats-3")
    assert codec.feed(item + state) == []
    assert [found["Event"] for found in codec.answers] == ["CoreShowChannel", "DeviceStateChange"]
    assert len(codec.feed(message("Event: DeviceStateChange", "Device: PJSIP/1"))) == 1


def test_an_event_that_cannot_be_decoded_costs_only_itself() -> None:
    def decode(raw: bytes) -> str | None:
        if b"bad" in raw:
            raise ZeroDivisionError
        return None if b"none" in raw else raw.decode()

    codec = Codec(None, decode)
    data = b"".join(message("Event: X", f"A: {what}") for what in ("1", "bad", "none", "2"))
    assert codec.feed(GREETING + data) == ["Event: X\r\nA: 1", "Event: X\r\nA: 2"]


@pytest.mark.parametrize("data", [b"SSH-2.0-x\r\n", b"HTTP/1.1 400 Bad Request\r\n", b"x" * 300])
def test_another_protocol_is_refused(data: bytes) -> None:
    with pytest.raises(LinkLostError, match="Asterisk Call Manager"):
        feed(data)


def test_an_endless_message_is_refused() -> None:
    codec = Codec(None, limit=1000)
    codec.feed(GREETING)
    with pytest.raises(LinkLostError, match="over 1000 bytes"):
        codec.feed(b"Event: X\r\n" + b"a" * 1000)


@given(st.binary(max_size=300), st.lists(st.integers(min_value=0), max_size=5))
def test_any_bytes_give_messages_and_never_raise(data: bytes, cuts: list[int]) -> None:
    assert read(GREETING + data, None, cuts) == read(GREETING + data, None)


def test_all_messages_are_counted() -> None:
    codec = Codec({"Hangup"})
    codec.feed(STREAM)
    assert codec.seen == 12
