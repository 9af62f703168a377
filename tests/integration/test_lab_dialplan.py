"""The dialplan pack on a real Asterisk, judged by sipp, by sound and by a raw AMI client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from telephony.lab import BUSY, IGNORES, Behaviour, Call, Callers, LabPbx, Ring, SimAgents
from tests.integration.phone import Phone
from tests.integration.rawami import Headers, RawAmi

pytestmark = [pytest.mark.pbx, pytest.mark.asyncio(loop_scope="session")]

QUICK = Behaviour(answers_after=(0.3, 0.3))


@asynccontextmanager
async def agents(lab: LabPbx, **seats: Behaviour) -> AsyncIterator[SimAgents]:
    async with SimAgents(lab.sip_port, seats, lab.seat_secrets()) as phones:
        yield phones
        for address in seats:
            await phones.leave(address)


async def request(ami: RawAmi, phone: Phone) -> Headers:
    """The request of a phone that has called."""
    await phone.until(183)
    return await ami.user_event("SeatsRequest", Did=phone._did)


async def eventually(test: Callable[[], Awaitable[bool]], within: float = 20.0) -> None:
    end = time.monotonic() + within
    while not await test():
        assert time.monotonic() < end
        await asyncio.sleep(0.05)


async def no_channels(lab: LabPbx) -> bool:
    return "0 active channels" in await lab.asterisk_cli("core show channels")


def rung(phones: SimAgents, what: str, offer: str) -> Ring | None:
    return next((ring for ring in phones.rings() if (ring.what, ring.offer) == (what, offer)), None)


async def ring_seen(phones: SimAgents, what: str, offer: str, within: float = 20.0) -> Ring:
    async def seen() -> bool:
        return rung(phones, what, offer) is not None

    await eventually(seen, within)
    found = rung(phones, what, offer)
    assert found is not None
    return found


async def test_a_caller_is_recorded_held_in_early_media_and_hears_music(
    lab: LabPbx, ami: RawAmi, heartbeat: None
) -> None:
    before = time.time()
    async with Phone(lab.sip_port, user="13800138000", did="4001") as phone:
        made = await request(ami, phone)
        assert made["Request"] == made["Uniqueid"]
        assert made["Cli"] == "13800138000"
        assert before - 0.1 <= float(made["Arrived"]) <= time.time() + 0.1
        await phone.heard()
        record = await lab.asterisk_cli(f"database get seats {made['Request']}")
        assert record == f"Value: v1|{made['Arrived']}|4001|13800138000|{made['Channel']}"
        assert 200 not in phone.statuses
        await phone.hang_up()
        assert phone.statuses[-1] == 487
        end = await ami.user_event("SeatsEnd", Request=made["Request"])
        assert end["Cause"].isdigit()
    fields = (await lab.asterisk_cli(f"database get seats {made['Request']}")).split("|")
    assert int(fields[5]) >= int(float(made["Arrived"]))
    assert fields[7:] == ["0", ""]


async def test_the_service_can_forget_a_record_with_the_rights_it_has(
    lab: LabPbx, ami: RawAmi, heartbeat: None
) -> None:
    async with Phone(lab.sip_port, did="4018") as phone:
        made = await request(ami, phone)
    await ami.user_event("SeatsEnd", Request=made["Request"])
    key = f"seats/{made['Request']}"
    assert key in await lab.asterisk_cli("database show seats")
    assert (await ami.setvar(f"DB_DELETE({key})", "1"))["Response"] == "Success"
    assert key not in await lab.asterisk_cli("database show seats")


async def test_the_200_is_the_agents_answer_and_the_number_is_masked(
    lab: LabPbx, ami: RawAmi, heartbeat: None
) -> None:
    async with (
        agents(lab, sip000=Behaviour(answers_after=(1.0, 1.0))) as phones,
        Callers(lab.sip_port, [Call("13912345678", "4002", talk_s=0.5)], rate=5) as callers,
    ):
        made = await ami.user_event("SeatsRequest", Did="4002")
        await ami.redirect(made["Channel"], "seats-connect", "o-t1-10-s-sip000")
        dialled = await ami.until(lambda e: e["Event"] == "DialBegin" and e["Uniqueid"] == made["Uniqueid"])
        assert (dialled["Context"], dialled["Exten"]) == ("seats-connect", "o-t1-10-s-sip000")
        counts = await callers.wait()
        assert counts == (1, 1, 0, 0)
        answered = next(fate for fate in callers.fates() if fate.what == "answered")
        answer = await ring_seen(phones, "answer", "t1")
        assert answer.shown == "139****5678"
        assert answer.at - 0.01 <= answered.at < answer.at + 0.2
        assert await ring_seen(phones, "bye", "t1")
        await ami.user_event("SeatsEnd", Request=made["Request"])
    record = (await lab.asterisk_cli(f"database get seats {made['Request']}")).split("|")
    assert record[-1] == "t1:PJSIP/sip000"
    assert float(record[7]) > 0.4


async def test_the_agents_hang_up_ends_the_talk_and_the_call(
    lab: LabPbx, ami: RawAmi, heartbeat: None
) -> None:
    talk = Behaviour(answers_after=(0.0, 0.0), talks_for=(1.2, 1.2))
    async with (
        agents(lab, sip001=talk),
        Callers(lab.sip_port, [Call("13912345678", "4003")], rate=5) as callers,
    ):
        made = await ami.user_event("SeatsRequest", Did="4003")
        await ami.redirect(made["Channel"], "seats-connect", "o-t2-10-s-sip001")
        over = await ami.user_event("SeatsTalkEnd", Request=made["Request"])
        assert (over["Offer"], over["Cause"]) == ("t2", "16")
        assert await callers.wait() == (1, 1, 0, 0)
        assert callers.fates()[-1].detail == "callee"
    record = (await lab.asterisk_cli(f"database get seats {made['Request']}")).split("|")
    assert 1.0 < float(record[7]) < 2.0
    assert record[8] == "t2:PJSIP/sip001"


@pytest.mark.parametrize(
    "case", [("sip002", IGNORES, "NOANSWER"), ("sip003", BUSY, "BUSY"), ("sip007", None, "CHANUNAVAIL")]
)
async def test_no_answer_returns_the_caller_to_music(
    lab: LabPbx, ami: RawAmi, heartbeat: None, case: tuple[str, Behaviour | None, str]
) -> None:
    seat, behaviour, status = case
    seats = {seat: behaviour} if behaviour else {}
    async with agents(lab, **seats) as phones, Phone(lab.sip_port, did="4004") as phone:
        made = await request(ami, phone)
        await phone.heard()
        await ami.redirect(made["Channel"], "seats-connect", f"o-t3-1-s-{seat}")
        back = await ami.user_event("SeatsReturn", Request=made["Request"])
        assert (back["Offer"], back["Status"]) == ("t3", status)
        await phone.heard()
        assert len([e for e in ami.events if e.get("UserEvent") == "SeatsRequest"]) == 1
        if behaviour is IGNORES:
            await ring_seen(phones, "cancel", "t3")


@pytest.mark.parametrize("after", [0.0, 0.3, 1.2])
async def test_the_caller_hears_music_while_the_agent_rings(
    lab: LabPbx, ami: RawAmi, heartbeat: None, after: float
) -> None:
    async with agents(lab, sip002=IGNORES) as phones, Phone(lab.sip_port, did="4005") as phone:
        made = await ami.user_event("SeatsRequest", Did="4005")
        await asyncio.sleep(after)
        await ami.redirect(made["Channel"], "seats-connect", "o-t4-10-s-sip002")
        await ring_seen(phones, "ring", "t4")
        await phone.until(183)
        await phone.heard()
        assert 200 not in phone.statuses


async def test_hanging_up_while_it_rings_takes_the_agents_leg_away(
    lab: LabPbx, ami: RawAmi, heartbeat: None
) -> None:
    async with agents(lab, sip002=IGNORES) as phones, Phone(lab.sip_port, did="4006") as phone:
        made = await request(ami, phone)
        await ami.redirect(made["Channel"], "seats-connect", "o-t5-10-s-sip002")
        await ring_seen(phones, "ring", "t5")
        await phone.hang_up()
        await ami.user_event("SeatsEnd", Request=made["Request"])
        await ring_seen(phones, "cancel", "t5")
    await eventually(lambda: no_channels(lab))


@pytest.mark.parametrize("kind", ["s-sip002", "m-13900139000"])
async def test_a_ring_that_comes_after_its_time_rings_nobody(
    lab: LabPbx, ami: RawAmi, heartbeat: None, kind: str
) -> None:
    """The clock is the PBX's; a ring without a time, as older services send it, is carried out at any."""
    async with agents(lab, sip002=IGNORES) as phones, Phone(lab.sip_port, did="4010") as phone:
        made = await request(ami, phone)
        late = int(time.time()) - 1
        await ami.redirect(made["Channel"], "seats-connect", f"o-t9-10-{kind}-{late}")
        back = await ami.user_event("SeatsReturn", Request=made["Request"])
        assert (back["Offer"], back["Status"]) == ("t9", "LATE")
        await phone.heard()
        assert not [e for e in ami.events if e.get("Event") == "DialBegin"]
        await ami.redirect(made["Channel"], "seats-connect", f"o-t10-10-s-sip002-{late + 3}")
        await ring_seen(phones, "ring", "t10")


async def test_an_offer_can_be_withdrawn(lab: LabPbx, ami: RawAmi, heartbeat: None) -> None:
    async with agents(lab, sip002=IGNORES) as phones, Phone(lab.sip_port, did="4007") as phone:
        made = await request(ami, phone)
        await ami.redirect(made["Channel"], "seats-connect", "o-t6-10-s-sip002")
        await ring_seen(phones, "ring", "t6")
        await ami.redirect(made["Channel"], "seats-hold", "s")
        await ring_seen(phones, "cancel", "t6")
        await phone.heard()
        assert not [e for e in ami.events if e.get("UserEvent") == "SeatsReturn"]


@pytest.mark.parametrize(("outcome", "status"), [("timeout", 480), ("no_seat", 486), ("closed", 403)])
async def test_a_call_that_is_let_go_stays_unanswered(
    lab: LabPbx, ami: RawAmi, heartbeat: None, outcome: str, status: int
) -> None:
    async with Phone(lab.sip_port, did="4008") as phone:
        made = await request(ami, phone)
        await ami.redirect(made["Channel"], "seats-goodbye", outcome)
        await phone.heard()
        await phone.until(status)
        assert 200 not in phone.statuses
        await ami.user_event("SeatsEnd", Request=made["Request"])


async def test_the_same_call_asking_again_is_a_new_request(lab: LabPbx, ami: RawAmi, heartbeat: None) -> None:
    async with Phone(lab.sip_port, did="4009") as phone:
        made = await request(ami, phone)
        await ami.redirect(made["Channel"], "seats-inbound", "4010")
        again = await ami.user_event("SeatsRequest", Did="4010")
        assert again["Request"] == made["Request"] + ".2"
        await ami.user_event("SeatsEnd", Request=made["Request"])
        await phone.hang_up()
        await ami.user_event("SeatsEnd", Request=again["Request"])
    ends = [e["Request"] for e in ami.events if e.get("UserEvent") == "SeatsEnd"]
    assert sorted(ends) == [made["Request"], again["Request"]]


async def test_a_mobile_is_rung_through_its_trunk(lab: LabPbx, ami: RawAmi, heartbeat: None) -> None:
    async with Phone(lab.sip_port, did="4011") as phone:
        made = await request(ami, phone)
        await ami.redirect(made["Channel"], "seats-connect", "o-t7-1-m-+8613800001111")
        dialled = await ami.until(lambda e: e["Event"] == "DialBegin" and e["Uniqueid"] == made["Uniqueid"])
        assert dialled["DialString"] == f"+8613800001111@{lab.mobile_trunk}"
        assert (await ami.user_event("SeatsReturn", Request=made["Request"]))["Offer"] == "t7"


async def test_a_silent_service_is_replaced_by_the_queue_and_taken_back(lab: LabPbx, ami: RawAmi) -> None:
    last_beat = int(time.time())
    await ami.setvar("SEATS_HEARTBEAT", last_beat)
    async with agents(lab, sip004=QUICK) as phones, Phone(lab.sip_port, did="4012") as phone:
        made = await request(ami, phone)
        fell = await ami.user_event("SeatsFallback", Request=made["Request"])
        # a heartbeat of whole seconds is too old after 4 of them, and is looked at once a second
        assert ami.at[ami.events.index(fell)] - last_beat < 8
        await phone.heard()  # no member yet: still not silence
        assert 200 not in phone.statuses
        await ami.setvar("SEATS_HEARTBEAT", int(time.time()))
        await ami.user_event("SeatsHeld", Request=made["Request"])
        await ami.user_event("SeatsFallback", since=len(ami.events), Request=made["Request"])
        added = await ami.call(Action="QueueAdd", Queue="seats-fallback", Interface="PJSIP/sip004")
        assert added["Response"] == "Success"
        try:
            await phone.until(200)
            ring = await ring_seen(phones, "answer", "fallback")
            assert ring.shown == "138****8000"
            await asyncio.sleep(1.1)
            await phone.hang_up()
            await ami.user_event("SeatsEnd", Request=made["Request"])
        finally:
            await ami.call(Action="QueueRemove", Queue="seats-fallback", Interface="PJSIP/sip004")
    record = (await lab.asterisk_cli(f"database get seats {made['Request']}")).split("|")
    assert record[8] == "fallback:PJSIP/sip004"
    assert float(record[7]) >= 1


async def test_the_queues_member_may_hang_up_first(lab: LabPbx, ami: RawAmi) -> None:
    await ami.setvar("SEATS_HEARTBEAT", 0)
    talk = Behaviour(answers_after=(0.1, 0.1), talks_for=(0.5, 0.5))
    async with agents(lab, sip005=talk), Phone(lab.sip_port, did="4013") as phone:
        await ami.call(Action="QueueAdd", Queue="seats-fallback", Interface="PJSIP/sip005")
        try:
            over = await ami.user_event("SeatsTalkEnd")
            assert over["Offer"] == "fallback"
            await asyncio.wait_for(phone.ended.wait(), 20)
        finally:
            await ami.call(Action="QueueRemove", Queue="seats-fallback", Interface="PJSIP/sip005")


HOSTILE = [
    "%24%7bSHELL(touch%20/tmp/seats-owned)%7d",
    "%24%5b1+1%5d",
    "138%22%3e%3csip:x%40y%3e",
    "1,Hangup()",
    "138%0d%0aAction:%20Originate",
    "138%0aX:%20y",
    "13800138000%22%20%7c%7c%20%221%22=%221",
    "1;drop",
    "1&SIP/x",
    "1)%7dSet(SEATS_ANSWER=1",
    "%e5%8c%97%e4%ba%ac",
    "+86(138)0013-8000",
]


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_callers_inject_nothing(lab: LabPbx, ami: RawAmi, heartbeat: None, text: str) -> None:
    async with Phone(lab.sip_port, user=text, did="4014") as phone:
        made = await request(ami, phone)
        assert set(made["Cli"]) <= set("0123456789+")
        record = await lab.asterisk_cli(f"database get seats {made['Request']}")
        assert record.count("|") == 4
        assert len(record.splitlines()) == 1
        assert 200 not in phone.statuses
    assert "SHELL" not in record
    assert (await ami.call(Action="Ping"))["Response"] == "Success"


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_dialled_numbers_inject_nothing(
    lab: LabPbx, ami: RawAmi, heartbeat: None, text: str
) -> None:
    async with Phone(lab.sip_port, did="9" + text) as phone:
        await phone.until(183)
        made = await ami.user_event("SeatsRequest")
        assert set(made["Did"]) <= set("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+*#")
        assert made["Did"].startswith("9")
        assert (await lab.asterisk_cli(f"database get seats {made['Request']}")).count("|") == 4


@pytest.mark.parametrize(
    "exten", ["o-x-2-s-", "o-x-2-s-${EXTEN}", "o-x", "o--", "o-x-0-s-sip000", "o-x-2-z-nobody", "x"]
)
async def test_a_strange_redirect_dials_nothing_and_loses_nobody(
    lab: LabPbx, ami: RawAmi, heartbeat: None, exten: str
) -> None:
    async with Phone(lab.sip_port, did="4015") as phone:
        made = await request(ami, phone)
        await ami.redirect(made["Channel"], "seats-connect", exten)
        await ami.user_event("SeatsReturn", Request=made["Request"])
        await phone.heard()
        assert 200 not in phone.statuses


async def test_an_unknown_goodbye_loses_nobody(lab: LabPbx, ami: RawAmi, heartbeat: None) -> None:
    async with Phone(lab.sip_port, did="4019") as phone:
        made = await request(ami, phone)
        await ami.redirect(made["Channel"], "seats-goodbye", "nonsense")
        assert (await ami.user_event("SeatsReturn", Request=made["Request"]))["Status"] == "INVALIDARGS"
        await phone.heard()


@pytest.mark.parametrize("step", [2, 17, 24, 35, 44, 58, 66, 75, 95, 109])
async def test_a_redirect_that_meets_another_step_still_arrives(
    lab: LabPbx, ami: RawAmi, heartbeat: None, step: int
) -> None:
    """Asterisk may enter the new place with the number of the old step: every number leads on."""
    async with Phone(lab.sip_port, did="4020") as phone:
        made = await request(ami, phone)
        await ami.call(
            Action="Redirect",
            Channel=made["Channel"],
            Context="seats-connect",
            Exten="o-torn1-1-s-nobody",
            Priority=str(step),
        )
        if not 21 <= step <= 40:  # those are the steps of seats-connect itself
            back = await ami.user_event("SeatsReturn", Request=made["Request"])
            assert back["Offer"] == "torn1"
        await phone.heard()
        await ami.call(
            Action="Redirect",
            Channel=made["Channel"],
            Context="seats-goodbye",
            Exten="closed",
            Priority=str(step),
        )
        await phone.until(403)


@pytest.mark.parametrize(
    "headers",
    [
        {"Action": "Command", "Command": "core show channels"},
        {"Action": "Originate", "Channel": "Local/s@seats-inbound", "Application": "System", "Data": "id"},
        {"Action": "GetConfig", "Filename": "manager.conf"},
        {"Action": "UpdateConfig", "SrcFilename": "manager.conf", "DstFilename": "manager.conf"},
        {"Action": "Reload"},
        {"Action": "DBDel", "Family": "seats", "Key": "x"},
        {"Action": "Setvar", "Variable": "SHELL(touch /tmp/seats-owned)", "Value": "x"},
        {"Action": "Getvar", "Variable": "SHELL(id)"},
    ],
)
async def test_the_account_cannot_do_more_than_it_needs(ami: RawAmi, headers: dict[str, str]) -> None:
    reply = await ami.call(**headers)
    assert reply["Response"] == "Error" or "uid=" not in reply.get("Value", "")
    if headers["Action"] not in {"Setvar", "Getvar"}:
        assert reply["Response"] == "Error"


async def test_an_agent_that_goes_away_is_seen(lab: LabPbx, ami: RawAmi) -> None:
    async with agents(lab, sip006=QUICK) as phones:
        await ami.until(lambda e: e.get("Device") == "PJSIP/sip006" and e.get("State") == "NOT_INUSE")
        mark = len(ami.events)
        await phones.leave("sip006")
        await ami.until(
            lambda e: e.get("Device") == "PJSIP/sip006" and e.get("State") == "UNAVAILABLE", since=mark
        )
        await phones.come("sip006")
        mark = len(ami.events)
        await phones.vanish(QUICK)
        await ami.until(
            lambda e: e["Event"] == "ContactStatus" and e.get("ContactStatus") == "Unreachable",
            since=mark,
        )


async def test_a_trunk_that_cuts_early_media_is_answered_at_once_and_without_music_there_is_a_tone() -> None:
    async with (
        LabPbx([("sip", "sip001")], answer_at_once=True, music=False, full_log=True) as lab,
        RawAmi(lab) as ami,
    ):
        await ami.setvar("SEATS_HEARTBEAT", int(time.time()) + 60)
        async with agents(lab, sip001=IGNORES) as phones, Phone(lab.sip_port, did="4016") as phone:
            await phone.until(200)
            made = await ami.user_event("SeatsRequest")
            await phone.heard()
            assert await ami.getvar("SEATS_SOUND") == "tone"
            await ami.redirect(made["Channel"], "seats-connect", "o-t8-10-s-sip001")
            await ring_seen(phones, "ring", "t8")
            await phone.heard()
            await ami.redirect(made["Channel"], "seats-goodbye", "timeout")
            await phone.heard()
            await asyncio.wait_for(phone.ended.wait(), 20)


async def test_without_music_an_unanswered_caller_hears_a_tone_even_on_the_first_ring() -> None:
    async with LabPbx([("sip", "sip001")], music=False) as lab, RawAmi(lab) as ami:
        await ami.setvar("SEATS_HEARTBEAT", int(time.time()) + 60)
        async with agents(lab, sip001=IGNORES) as phones, Phone(lab.sip_port, did="4017") as phone:
            made = await ami.user_event("SeatsRequest")
            await ami.redirect(made["Channel"], "seats-connect", "o-t9-10-s-sip001")
            await ring_seen(phones, "ring", "t9")
            await phone.heard()
            assert 200 not in phone.statuses
            await ami.redirect(made["Channel"], "seats-hold", "s")
            await phone.heard()
