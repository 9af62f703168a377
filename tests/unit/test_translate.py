"""AMI headers become typed events; odd ones never raise."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telephony import events as e
from telephony.codec import parse
from telephony.translate import WANTED, Headers, RawTranslator, offer_of, translate

CALLER = {
    "Channel": "PJSIP/trunk-1",
    "Context": "seats-connect",
    "Exten": "o-7k2-20-s-web001",
    "Uniqueid": "17.1",
    "Linkedid": "17.1",
}
LEG = {"DestChannel": "PJSIP/web001-2", "DestUniqueid": "17.2"}


def user(name: str, **headers: str) -> dict[str, str]:
    return {"Event": "UserEvent", "UserEvent": name, **CALLER, **headers}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (
            user(
                "SeatsRequest",
                Request="17.1",
                Did="95500",
                Cli="13800138000",
                Arrived="1700000000.125",
                Choice="hubei",
                Trunk="wuhan",
            ),
            e.RequestMade(
                "n",
                "17.1",
                "PJSIP/trunk-1",
                "17.1",
                "17.1",
                "95500",
                "13800138000",
                "hubei",
                "wuhan",
                1700000000.125,
            ),
        ),
        (
            user("SeatsReturn", Request="17.1", Offer="7k2", Status="NOANSWER", Cause="19"),
            e.OfferReturned("n", "17.1", "7k2", "NOANSWER", 19),
        ),
        (user("SeatsTalkEnd", Request="17.1", Offer="7k2", Cause="16"), e.TalkEnded("n", "17.1", "7k2", 16)),
        (user("SeatsEnd", Request="17.1", Cause="16"), e.RequestEnded("n", "17.1", 16)),
        (user("SeatsFallback", Request="17.1"), e.FellBack("n", "17.1")),
        (user("SeatsHeld", Request="17.1"), e.Held("n", "17.1", False)),
        (user("SeatsRescue", Request="17.1"), e.Held("n", "17.1", True)),
        (user("SeatsChoice", Request="17.1"), e.Chosen("n", "17.1")),
        (
            user("SeatsVoicemail", Request="17.1", File="/v/17.1.wav", Seconds="7"),
            e.VoicemailLeft("n", "17.1", "/v/17.1.wav", 7),
        ),
        (user("SeatsVoicemail", Request="17.1"), None),
        (
            user("SeatsCallback", Request="c7", Channel="L/1;2", Uniqueid="u", Linkedid="l", Offer="7k2"),
            e.CallbackBegan("n", "c7", "L/1;2", "u", "l", "7k2"),
        ),
        (user("SeatsReached", Request="c7"), e.CustomerAnswered("n", "c7")),
        (user("SeatsDialled", Request="c7", Status="BUSY"), e.CustomerDialled("n", "c7", "BUSY")),
        (
            {"Event": "DialBegin", **CALLER, **LEG},
            e.Dialing("n", "17.1", "7k2", "17.2", "PJSIP/web001-2"),
        ),
        (
            {"Event": "DialState", "DialStatus": "RINGING", **CALLER, **LEG},
            e.Ringing("n", "17.1", "7k2", "17.2"),
        ),
        (
            {"Event": "DialEnd", "DialStatus": "BUSY", **CALLER, **LEG},
            e.DialEnded("n", "17.1", "7k2", "17.2", "BUSY"),
        ),
        (
            {"Event": "DialEnd", "DialStatus": "ANSWER", **CALLER, **LEG, "DestChannel": "PJSIP/web002-3"},
            e.DialEnded("n", "17.1", "7k2", "17.2", "ANSWER", "PJSIP/web002-3"),
        ),
        (
            {"Event": "DialEnd", "DialStatus": "ANSWER", **CALLER, "Exten": "o-7k2-20-m-138", **LEG},
            e.DialEnded("n", "17.1", "7k2", "17.2", "ANSWER"),
        ),
        (
            {"Event": "DialEnd", "DialStatus": "CANCEL", **CALLER, "Context": "seats-hold", **LEG},
            e.DialEnded("n", "17.1", "", "17.2", "CANCEL"),
        ),
        (
            {"Event": "BridgeEnter", "BridgeUniqueid": "b", **CALLER},
            e.Bridged("n", "17.1", "PJSIP/trunk-1", "17.1", "b"),
        ),
        (
            {"Event": "BridgeLeave", "BridgeUniqueid": "b", **CALLER},
            e.Unbridged("n", "17.1", "PJSIP/trunk-1", "17.1", "b"),
        ),
        (
            {"Event": "Hangup", "Cause": "16", "Cause-txt": "Normal Clearing", **CALLER},
            e.HungUp("n", "17.1", "PJSIP/trunk-1", "17.1", 16, "Normal Clearing"),
        ),
        ({"Event": "HangupRequest", "Cause": "16", **CALLER}, e.HangingUp("n", "17.1")),
        ({"Event": "HangupRequest", "ChannelState": "6", "Cause": "16", **CALLER}, e.HangingUp("n", "17.1")),
        (
            {"Event": "HangupRequest", "ChannelState": "4", "Cause": "16", **CALLER},
            e.HangingUp("n", "17.1", unanswered=True),
        ),
        (
            {"Event": "HangupRequest", "ChannelState": "6", "Cause": "16", **CALLER, "TechCause": "487"},
            e.HangingUp("n", "17.1", unanswered=True),
        ),
        (
            {"Event": "DeviceStateChange", "Device": "PJSIP/web001", "State": "NOT_INUSE"},
            e.SeatState("n", "web001", True, "NOT_INUSE"),
        ),
        (
            {"Event": "DeviceStateChange", "Device": "PJSIP/web001", "State": "UNAVAILABLE"},
            e.SeatState("n", "web001", False, "UNAVAILABLE"),
        ),
        (
            {"Event": "Rename", "Channel": "a", "Newname": "b", "Uniqueid": "17.1"},
            e.Renamed("n", "17.1", "a", "b"),
        ),
        ({"Event": "FullyBooted"}, e.BootedAgain("n")),
        ({"Event": "Shutdown"}, e.ShutDown("n")),
    ],
)
def test_known_events(headers: dict[str, str], expected: e.PbxEvent) -> None:
    assert translate("n", headers) == expected


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Event": ""},
        {"Event": "VarSet"},
        {"Event": "UserEvent"},
        {"Response": "Success"},
        user("SomebodyElses", Request="1"),
        user("SeatsRequest"),
        {"Event": "DialBegin", **CALLER},
        {"Event": "DialBegin", **CALLER, **LEG, "Context": "someone-elses"},
        {"Event": "DialState", "DialStatus": "PROGRESS", **CALLER, **LEG},
        {"Event": "Hangup"},
        {"Event": "DeviceStateChange", "Device": "Queue:x_avail", "State": "INUSE"},
        {"Event": "DeviceStateChange", "Device": "PJSIP/", "State": "INUSE"},
    ],
)
def test_what_tells_nothing_is_none(headers: dict[str, str]) -> None:
    assert translate("n", headers) is None


def test_of_a_repeated_header_the_first_counts() -> None:
    headers: Headers = {"Event": "Hangup", **CALLER, "Cause": ["17", "16"]}
    assert translate("n", headers) == e.HungUp("n", "17.1", "PJSIP/trunk-1", "17.1", 17, "")


@pytest.mark.parametrize("cause", ["", "x", "-1", "1e3", "９", "1" * 5000, "1.5"])
def test_an_odd_cause_is_zero(cause: str) -> None:
    event = translate("n", {"Event": "Hangup", **CALLER, "Cause": cause})
    assert isinstance(event, e.HungUp)
    assert event.cause == 0


@pytest.mark.parametrize("arrived", ["", "soon", "nan", "inf", "-5", "1e999"])
def test_an_odd_arrival_is_zero(arrived: str) -> None:
    event = translate("n", user("SeatsRequest", Request="1", Arrived=arrived))
    assert isinstance(event, e.RequestMade)
    assert event.arrived == 0.0


@pytest.mark.parametrize(
    ("context", "exten", "offer"),
    [
        ("seats-connect", "o-7k2-20-s-web001", "7k2"),
        ("seats-connect", "o-7k2", "7k2"),
        ("seats-connect", "o-", ""),
        ("seats-connect", "s", ""),
        ("seats-connect", "o-7K2-20-s-x", ""),
        ("seats-hold", "o-7k2-20-s-web001", ""),
        ("", "", ""),
    ],
)
def test_the_offer_is_read_from_the_extension(context: str, exten: str, offer: str) -> None:
    assert offer_of(context, exten) == offer


_NAMES = [
    "UserEvent",
    "Channel",
    "Uniqueid",
    "Linkedid",
    "Request",
    "Offer",
    "Status",
    "Cause",
    "Cause-txt",
    "Arrived",
    "Context",
    "Exten",
    "DestUniqueid",
    "DestChannel",
    "DialStatus",
    "BridgeUniqueid",
    "Device",
    "State",
    "Newname",
]
_VALUES: st.SearchStrategy[Any] = st.one_of(
    st.text(max_size=20),
    st.lists(st.text(max_size=5), max_size=3),
    st.sampled_from(["SeatsRequest", "SeatsReturn", "SeatsTalkEnd", "seats-connect", "o-a-1-s-b"]),
    st.none(),
    st.integers(),
)


@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault of the strategy
@given(st.sampled_from(sorted(WANTED)), st.dictionaries(st.sampled_from(_NAMES), _VALUES))
def test_hostile_headers_never_raise(name: str, headers: dict[str, Any]) -> None:
    event = translate("n", {"Event": name, **headers})
    assert event is None or event.node == "n"


_LINE = st.text(alphabet=st.characters(blacklist_characters="\r\n", blacklist_categories=("Cs",)), max_size=8)
_RAW = st.lists(
    st.tuples(
        st.sampled_from(sorted(WANTED)),
        st.lists(
            st.tuples(st.sampled_from([*_NAMES, "Foo"]), _LINE), unique_by=lambda pair: pair[0], max_size=14
        ),
    ),
    max_size=12,
)


@given(_RAW)
def test_bytes_and_headers_tell_the_same(messages: list[Any]) -> None:
    read = RawTranslator("n")
    for name, pairs in messages * 2:
        raw = "\r\n".join(f"{key}: {value}" for key, value in [("Event", name), *pairs]).encode()
        assert read(raw) == translate("n", parse(raw))


def test_whole_events_in_asterisks_order_and_in_another_are_read_from_bytes() -> None:
    read = RawTranslator("n")
    first = {
        "Event": "Hangup",
        "Privilege": "call,all",
        **CALLER,
        "Cause": "16",
        "Cause-txt": "Normal: Clearing",
    }
    moved = {"Event": "Hangup", "Cause": "17", "Privilege": "call,all", **CALLER, "Cause-txt": ""}
    for headers in (first, first, moved, first, moved, moved):
        raw = "\r\n".join(f"{key}: {value}" for key, value in headers.items()).encode()
        assert read(raw) == translate("n", headers)
