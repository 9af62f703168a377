"""Actions are well formed, and nothing ill-formed becomes one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony import commands
from telephony.errors import BadValueError

CHANNEL = "PJSIP/trunk-00000001"


def test_ring_redirects_the_caller_to_the_offer() -> None:
    assert commands.ring(CHANNEL, "7k2", 20, "s", "web001") == {
        "Action": "Redirect",
        "Channel": CHANNEL,
        "Context": "seats-connect",
        "Exten": "o-7k2-20-s-web001",
        "Priority": "1",
    }


def test_ring_of_a_mobile_number() -> None:
    assert commands.ring(CHANNEL, "a", 5, "m", "13800138000")["Exten"] == "o-a-5-m-13800138000"
    until = commands.ring(CHANNEL, "a", 5, "s", "web001", 1_600_000_003)
    assert until["Exten"] == "o-a-5-s-web001-1600000003"


def test_tell_sets_one_variable_of_the_callers_channel() -> None:
    assert commands.tell(CHANNEL, 3, 0) == {
        "Action": "Setvar",
        "Channel": CHANNEL,
        "Variable": "SEATS_TELL",
        "Value": "3-0",
    }


@pytest.mark.parametrize(("position", "minutes"), [(-1, 0), (100, 0), (1, 100), (1, -1)])
def test_tell_refuses_numbers_that_nobody_would_say(position: int, minutes: int) -> None:
    with pytest.raises(BadValueError):
        commands.tell(CHANNEL, position, minutes)


@pytest.mark.parametrize("outcome", ["timeout", "no_seat", "closed", "callback"])
def test_goodbye_names_the_outcome(outcome: str) -> None:
    action = commands.goodbye(CHANNEL, outcome)
    assert (action["Context"], action["Exten"]) == ("seats-goodbye", outcome)


@pytest.mark.parametrize(
    ("way", "argument", "exten"),
    [
        ("callback", "", "ask-no_seat"),
        ("voicemail", "", "voicemail"),
        ("message", "seats/later", "message-seats/later"),
        ("number", "+862788880000", "dial-+862788880000"),
    ],
)
def test_the_overflow_says_what_becomes_of_the_caller(way: str, argument: str, exten: str) -> None:
    action = commands.overflow(CHANNEL, way, argument, "no_seat")
    assert (action["Action"], action["Context"], action["Exten"]) == ("Redirect", "seats-overflow", exten)


def test_a_callback_rings_the_agent_first() -> None:
    action = commands.call_agent("c7", "7k2", 20, "s", "web001", "13800138000", 30)
    assert action["Action"] == "Originate"
    assert action["Channel"] == "Local/o-7k2-20-s-web001@seats-callback/n"
    assert (action["Context"], action["Exten"]) == ("seats-callback", "n-30")
    assert (action["ChannelId"], action["OtherChannelId"]) == ("seats-7k2-1", "seats-7k2-2")
    assert "SEATS_CLI=13800138000" in action["Variable"]
    commands.check(action)


def test_a_callback_rings_the_customer_first() -> None:
    action = commands.call_customer("c7", "13800138000", 30)
    assert (action["Channel"], action["Exten"]) == ("Local/d-30@seats-callback/n", "held")
    assert action["ChannelId"] == "c7"
    commands.check(action)


def test_hold_goes_to_the_holding_context() -> None:
    action = commands.hold(CHANNEL)
    assert (action["Context"], action["Exten"]) == ("seats-hold", "s")


@pytest.mark.parametrize(
    "make",
    [
        lambda: commands.ring(CHANNEL, "A", 20, "s", "web001"),
        lambda: commands.ring(CHANNEL, "", 20, "s", "web001"),
        lambda: commands.ring(CHANNEL, "a-b", 20, "s", "web001"),
        lambda: commands.ring(CHANNEL, "a", 0, "s", "web001"),
        lambda: commands.ring(CHANNEL, "a", 601, "s", "web001"),
        lambda: commands.ring(CHANNEL, "a", True, "s", "web001"),
        lambda: commands.ring(CHANNEL, "a", 20, "x", "web001"),
        lambda: commands.ring(CHANNEL, "a", 20, "m", "web001"),
        lambda: commands.ring(CHANNEL, "a", 20, "m", "138001&PJSIP/x"),
        lambda: commands.ring(CHANNEL, "a", 20, "s", "web001&PJSIP/x"),
        lambda: commands.ring(CHANNEL, "a" * 40, 600, "s", "b" * 40),
        lambda: commands.ring("/.*/", "a", 20, "s", "web001"),
        lambda: commands.ring(CHANNEL, "a", 20, "s", "web001", -1),
        lambda: commands.ring(CHANNEL, "a", 20, "s", "web001", 10**10),
        lambda: commands.hangup("", 16),
        lambda: commands.hangup(CHANNEL, 0),
        lambda: commands.goodbye(CHANNEL, "bored"),
        lambda: commands.overflow(CHANNEL, "fax", "", "timeout"),
        lambda: commands.overflow(CHANNEL, "voicemail", "", "bored"),
        lambda: commands.overflow(CHANNEL, "message", "../secret", "timeout"),
        lambda: commands.overflow(CHANNEL, "message", "a&b", "timeout"),
        lambda: commands.overflow(CHANNEL, "number", "110@evil", "timeout"),
        lambda: commands.overflow(CHANNEL, "number", "", "timeout"),
        lambda: commands.call_customer("c 7", "13800138000", 30),
        lambda: commands.call_customer("c7", "138@evil", 30),
        lambda: commands.call_customer("c7", "13800138000,x", 30),
        lambda: commands.call_customer("c7", "13800138000", 0),
        lambda: commands.call_agent("c7", "7k2", 20, "s", "web001&x", "13800138000", 30),
        lambda: commands.set_global("SHELL(id)", "x"),
        lambda: commands.set_global("SEATS_HEARTBEAT", "1\r\nAction: Originate"),
        lambda: commands.set_global("SEATS_HEARTBEAT", "1\nAction: Originate"),
        lambda: commands.set_global("X", "y" * 901),
        lambda: commands.get_global("SHELL(id)"),
        lambda: commands.device_state("a) & x"),
        lambda: commands.queue_add("q", "Local/1@x/n\r\n"),
        lambda: commands.queue_add("q", "PJSIP/1", penalty=-1),
        lambda: commands.queue_add("q", "PJSIP/1", name="a\0b"),
        lambda: commands.queue_pause("q", "PJSIP/1", True, "a\nb"),
        lambda: commands.db_tree("a b"),
    ],
)
def test_ill_formed_values_are_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(BadValueError) as caught:
        make()
    assert caught.value.what
    assert caught.value.where
    assert caught.value.allowed


@given(st.text(), st.text(), st.integers(), st.text(), st.text())
def test_hostile_values_are_refused_or_stay_in_one_line(
    channel: str, offer: str, timeout: int, kind: str, address: str
) -> None:
    for make in (
        lambda: commands.ring(channel, offer, timeout, kind, address),
        lambda: commands.hangup(channel, timeout),
        lambda: commands.set_global("X", address),
        lambda: commands.queue_add(offer, channel, name=address),
        lambda: commands.overflow(channel, kind, address, offer),
        lambda: commands.call_customer(offer, address, timeout),
        lambda: commands.call_agent(channel, offer, timeout, kind, address, address, timeout),
    ):
        try:
            action = make()
        except BadValueError:
            continue
        commands.check(action)
        for name, value in action.items():
            for each in value if isinstance(value, list) else [value]:
                assert not set("\r\n\0") & set(name + each)


@pytest.mark.parametrize(
    "action",
    [
        {},
        {"Action": ""},
        {"Action": "Ping\r\nAction: Originate"},
        {"Action": "Ping", "X\r\nAction": "y"},
        {"Action": "Ping", "X: y": "z"},
        {"Action": "Ping", "Variable": ["a=1", "b=2\n"]},
        {"Action": "Ping", "Note": "中" * 300},
        {"Action": "Ping", "Note": "\ud800"},
    ],
)
def test_check_refuses_what_would_be_cut_or_read_as_more(action: commands.Action) -> None:
    with pytest.raises(BadValueError):
        commands.check(action)


def test_queue_actions() -> None:
    added = commands.queue_add("seats-hubei", "PJSIP/web001", name="张伟", penalty=2, paused=True)
    assert added["Paused"] == "true"
    assert added["Penalty"] == "2"
    assert commands.queue_pause("q", "PJSIP/1", False)["Paused"] == "false"
    assert commands.queue_remove("q", "PJSIP/1")["Action"] == "QueueRemove"
