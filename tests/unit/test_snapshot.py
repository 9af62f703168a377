"""A node's picture is read from three lists."""

from __future__ import annotations

import pytest

from telephony import snapshot
from telephony.codec import Message
from telephony.commands import Action
from telephony.errors import ActionRefusedError

CHANNEL: Message = {
    "Uniqueid": "17.1",
    "Linkedid": "17.1",
    "Channel": "PJSIP/trunk-1",
    "Context": "seats-connect",
    "Exten": "o-a-20-s-web001",
    "ChannelStateDesc": "Up",
    "BridgeId": "b1",
    "Application": "Dial",
    "Duration": "01:02:03",
}
LISTS: dict[str, list[Message]] = {
    "CoreShowChannels": [CHANNEL, {}],
    "DeviceStateList": [
        {"Device": "PJSIP/web001", "State": "NOT_INUSE"},
        {"Device": "PJSIP/web002", "State": "UNAVAILABLE"},
        {"Device": "Queue:q_avail", "State": "INUSE"},
    ],
    "DBGetTree": [
        {"Key": "/seats/17.1", "Val": "v1|1700000000.125|95500|138|PJSIP/trunk-1"},
        {"Key": "/seats/x/y", "Val": "z"},
        {},
    ],
}


async def test_reads_channels_seats_and_records() -> None:
    async def call_list(action: Action) -> list[Message]:
        return LISTS[str(action["Action"])]

    taken = await snapshot.take("n", call_list)
    assert taken.channels == [
        snapshot.Channel(
            "17.1", "17.1", "PJSIP/trunk-1", "seats-connect", "o-a-20-s-web001", "Up", "b1", "Dial", 3723
        )
    ]
    assert taken.seats == {"web001": True, "web002": False}
    assert taken.requests == {"17.1": "v1|1700000000.125|95500|138|PJSIP/trunk-1"}


async def test_no_records_at_all_is_an_empty_picture() -> None:
    async def call_list(action: Action) -> list[Message]:
        if action["Action"] == "DBGetTree":
            raise ActionRefusedError("Database entry not found", "n")
        return []

    assert await snapshot.take("n", call_list) == snapshot.Snapshot("n", [], {}, {})


async def test_a_missing_right_is_told() -> None:
    async def call_list(action: Action) -> list[Message]:
        raise ActionRefusedError("Permission denied", "n")

    with pytest.raises(ActionRefusedError, match="Permission denied"):
        await snapshot.take("n", call_list)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("", 0), ("00:00:07", 7), ("100:00:00", 360000), ("x:y:z", 0), ("1:2", 0), ("-1:0:0", 0)],
)
def test_durations(value: str, expected: int) -> None:
    assert snapshot.channel_of({"Duration": value}).duration == expected
