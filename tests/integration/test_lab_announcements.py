"""What a holding caller is told, on a real Asterisk with its own English sounds: heard, cut short, left out."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from telephony.lab import IGNORES, LabPbx
from tests.integration.phone import Phone
from tests.integration.rawami import RawAmi
from tests.integration.test_lab_dialplan import QUICK, agents, eventually, request, ring_seen

pytestmark = [pytest.mark.pbx, pytest.mark.aside, pytest.mark.asyncio(loop_scope="session")]

PLAYING = re.compile(r"<(?P<channel>[^>]*)> Playing '(?P<file>[^'.]*)\.\w+' \(language '(?P<language>\w+)'\)")


def spoken(lab: LabPbx, channel: str) -> list[str]:
    """Sounds that the channel heard so far, in order; by Asterisk's own log."""
    found = PLAYING.finditer(lab.log())
    return [m["file"] for m in found if m["channel"] == channel]


@asynccontextmanager
async def holding(lab: LabPbx, ami: RawAmi, did: str) -> AsyncIterator[tuple[Phone, str, str]]:
    """A caller past the first second of music: (phone, channel, request)."""
    async with Phone(lab.sip_port, did=did) as phone:
        made = await request(ami, phone)
        await phone.heard()
        await asyncio.sleep(1.2)
        yield phone, made["Channel"], made["Request"]


async def tell(ami: RawAmi, channel: str, name: str, value: str) -> None:
    reply = await ami.call(Action="Setvar", Channel=channel, Variable=name, Value=value)
    assert reply["Response"] == "Success"


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (
            "23-4",
            "queue-thereare digits/20 digits/3 queue-callswaiting queue-holdtime digits/4 queue-minutes",
        ),
        ("1-1", "queue-youarenext queue-holdtime digits/1 queue-minute"),
        ("13-0", "queue-thereare digits/13 queue-callswaiting"),
        ("0-40", "queue-holdtime digits/40 queue-minutes"),
    ],
)
async def test_the_caller_hears_the_place_and_the_wait_and_then_music(
    lab: LabPbx, ami: RawAmi, heartbeat: None, told: str, words: str
) -> None:
    async with holding(lab, ami, "4101") as (phone, channel, _):
        await tell(ami, channel, "SEATS_TELL", told)
        await eventually(lambda: _heard(lab, channel, words.split()))
        await phone.heard()
        await eventually(lambda: _is_quiet(ami, channel))
        await phone.heard()
        assert spoken(lab, channel) == words.split(), "said once"
        assert 200 not in phone.statuses, "and the call is still not answered"


async def _heard(lab: LabPbx, channel: str, words: list[str]) -> bool:
    return spoken(lab, channel) == words


async def _is_quiet(ami: RawAmi, channel: str) -> bool:
    """The channel waits for a key again, and nothing is said."""
    since = len(ami.events)
    await ami.call(Action="CoreShowChannels")
    shown = await ami.until(lambda e: e.get("Channel") == channel and "ApplicationData" in e, since=since)
    return shown["ApplicationData"] == "SEATS_DIGIT,,1,n,1,1"


async def test_an_offer_does_not_wait_for_the_end_of_the_sentence(
    lab: LabPbx, ami: RawAmi, heartbeat: None
) -> None:
    async with (
        agents(lab, sip003=QUICK) as phones,
        holding(lab, ami, "4102") as (_, beside, _),
        holding(lab, ami, "4108") as (phone, channel, _),
    ):
        for each in (channel, beside):
            await tell(ami, each, "SEATS_TELL", "47-38")
        await eventually(lambda: _heard(lab, channel, ["queue-thereare"]))
        await ami.redirect(channel, "seats-connect", "o-tell1-10-s-sip003")
        await ring_seen(phones, "ring", "tell1")
        assert "queue-minutes" not in spoken(lab, beside), "who was told the same still listens"
        await phone.until(200)


async def test_a_silent_service_is_noticed_amid_a_sentence(lab: LabPbx, ami: RawAmi) -> None:
    await ami.setvar("SEATS_HEARTBEAT", int(time.time()) + 60)
    async with holding(lab, ami, "4109") as (phone, channel, made):
        await tell(ami, channel, "SEATS_TELL", "23-4")
        await eventually(lambda: _heard(lab, channel, ["queue-thereare"]))
        await ami.setvar("SEATS_HEARTBEAT", int(time.time()) - 10)
        await ami.user_event("SeatsFallback", Request=made)
        assert "queue-holdtime" not in spoken(lab, channel)
        await phone.heard()


async def test_what_was_told_before_an_offer_is_not_said_after_it(
    lab: LabPbx, ami: RawAmi, heartbeat: None
) -> None:
    async with (
        agents(lab, sip004=IGNORES) as phones,
        holding(lab, ami, "4103") as (phone, channel, made),
    ):
        await ami.redirect(channel, "seats-connect", "o-tell2-2-s-sip004")
        await ring_seen(phones, "ring", "tell2")
        await tell(ami, channel, "SEATS_TELL", "5-0")
        await ami.user_event("SeatsReturn", Request=made)
        await asyncio.sleep(3)
        assert spoken(lab, channel) == []
        await phone.heard()


async def test_where_the_language_has_no_such_sounds_there_is_music_and_nothing_else(
    lab: LabPbx, ami: RawAmi, heartbeat: None
) -> None:
    async with holding(lab, ami, "4104") as (phone, channel, _):
        await tell(ami, channel, "CHANNEL(language)", "zh")
        await tell(ami, channel, "SEATS_TELL", "5-2")
        await asyncio.sleep(3)
        assert spoken(lab, channel) == []
        await phone.heard()


async def test_the_1_is_heard_while_something_is_said(lab: LabPbx, ami: RawAmi, heartbeat: None) -> None:
    async with holding(lab, ami, "4105") as (phone, channel, made):
        await tell(ami, channel, "SEATS_TELL", "5-2")
        await eventually(lambda: _heard(lab, channel, ["queue-thereare"]))
        await phone.press(1)
        await ami.user_event("SeatsChoice", Request=made)


async def test_the_spoken_offer_of_a_callback_is_heard_and_taken(
    lab: LabPbx, ami: RawAmi, heartbeat: None
) -> None:
    async with holding(lab, ami, "4106") as (phone, channel, made):
        await tell(ami, channel, "SEATS_SAY_CALLBACK", "queue-periodic-announce")
        await tell(ami, channel, "SEATS_SAY_EVERY", "2")
        await eventually(lambda: _heard(lab, channel, ["queue-periodic-announce"]))
        await phone.heard()
        await phone.press(1)
        await ami.user_event("SeatsChoice", Request=made)


async def test_the_spoken_offer_is_said_again_and_does_not_keep_an_agent_waiting(
    lab: LabPbx, ami: RawAmi, heartbeat: None
) -> None:
    async with agents(lab, sip003=QUICK) as phones, holding(lab, ami, "4107") as (phone, channel, _):
        await tell(ami, channel, "SEATS_SAY_CALLBACK", "queue-thankyou")
        await tell(ami, channel, "SEATS_SAY_EVERY", "1")
        await eventually(lambda: _heard(lab, channel, ["queue-thankyou"] * 2))
        await ami.redirect(channel, "seats-connect", "o-tell3-10-s-sip003")
        await ring_seen(phones, "ring", "tell3")
        await phone.until(200)
        assert spoken(lab, channel)[2:] in ([], ["queue-thankyou"])
