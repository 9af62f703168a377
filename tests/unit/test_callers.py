"""What sipp is asked to do, before it is asked."""

from __future__ import annotations

from itertools import count
from xml.etree import ElementTree

import pytest

from telephony.errors import BadValueError
from telephony.lab import ANSWERS, BUSY, IGNORES, Behaviour, Call, Callers
from telephony.lab.agents import phone_scenario as agents_scenario
from telephony.lab.callers import _batch, _line, _scenario


def test_numbers_are_never_cut() -> None:
    number = "0086" + "1" * 24
    assert _line(Call(number, "4008001")).split(";")[0] == number


def test_waiting_for_ever_is_longer_than_any_test() -> None:
    assert _line(Call("1", "2", delay_s=0.25, talk_s=1.5)) == "1;2;250;2000000000;1500;0\n"


@pytest.mark.parametrize("number", ["", "1;2", "1\n2", "[field1]"])
def test_what_would_break_the_injection_file_is_refused(number: str) -> None:
    with pytest.raises(BadValueError, match="call number"):
        Callers(9, [Call(number, "1")], rate=1)


@pytest.mark.parametrize("rate", [0, -1, float("nan")])
def test_a_rate_must_be_positive(rate: float) -> None:
    with pytest.raises(BadValueError, match="rate"):
        Callers(9, [], rate=rate)


def test_how_many_calls_are_placed() -> None:
    calls = [Call(str(n), "1") for n in range(5)]
    assert _batch(calls, 1.0, None) == (calls, 5)
    assert _batch(calls, 1.0, 3.0) == (calls[:3], 3)
    assert _batch(iter(calls), 1.0, None) == (calls, 5)
    assert _batch((Call(str(n), "1") for n in count()), 2.0, 2.5)[1] == 5
    assert _batch((Call(str(n), "1") for n in count()), 2.0, None)[1] is None


@pytest.mark.parametrize(
    "text",
    [
        *(_scenario(sound=sound) for sound in (False, True)),
        *map(agents_scenario, (ANSWERS, BUSY, IGNORES, Behaviour(talks_for=(1.0, 2.0)))),
    ],
)
def test_scenarios_are_well_formed_and_every_jump_has_its_label(text: str) -> None:
    scenario = ElementTree.fromstring(text)
    labels = {label.get("id") for label in scenario.iter("label")}
    targets = {step.get(way) for step in scenario for way in ("next", "ontimeout") if step.get(way)}
    assert targets <= labels
