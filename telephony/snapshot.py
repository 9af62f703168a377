"""What a PBX holds at one moment, read over AMI after every (re)connect: nothing is replayed by Asterisk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from telephony import commands
from telephony.codec import Message
from telephony.errors import ActionRefusedError
from telephony.events import PbxEvent
from telephony.translate import seat_reachable, text

CallList = Callable[[commands.Action], Awaitable[list[Message]]]


class Channel(NamedTuple):
    """One live channel; ``state`` is Asterisk's word (``Up``, ``Ring``, …), ``duration`` whole seconds."""

    uniqueid: str
    linkedid: str
    channel: str
    context: str
    exten: str
    state: str
    bridge: str
    application: str
    duration: int


class Snapshot(NamedTuple):
    """A node's live channels, which seats it can reach (address → reachable), and its open requests.

    ``requests``: the PBX's durable records, request → ``v1|arrived|did|cli|channel`` as the dialplan writes.
    """

    node: str
    channels: list[Channel]
    seats: dict[str, bool]
    requests: dict[str, str]
    meanwhile: tuple[PbxEvent, ...] = ()
    """What was told while it was taken: of whatever these events are about, it may show what was before."""


async def take(node: str, call_list: CallList) -> Snapshot:
    """Read a snapshot with ``reporting`` rights only. Raises the errors of ``Session.call_list``."""
    channels = [channel_of(item) for item in await call_list(commands.core_show_channels())]
    seats = dict(filter(None, map(seat_of, await call_list(commands.device_states()))))
    requests = await _records(call_list)
    return Snapshot(node, [channel for channel in channels if channel.uniqueid], seats, requests)


async def _records(call_list: CallList) -> dict[str, str]:
    try:
        return dict(filter(None, map(record_of, await call_list(commands.db_tree("seats")))))
    except ActionRefusedError as refusal:
        if "not found" in refusal.what.lower():  # Asterisk's way to say that the family is empty
            return {}
        raise


def channel_of(item: Message) -> Channel:
    """Read one item of CoreShowChannels."""
    return Channel(
        text(item, "Uniqueid"),
        text(item, "Linkedid"),
        text(item, "Channel"),
        text(item, "Context"),
        text(item, "Exten"),
        text(item, "ChannelStateDesc"),
        text(item, "BridgeId"),
        text(item, "Application"),
        _duration(text(item, "Duration")),
    )


def seat_of(item: Message) -> tuple[str, bool] | None:
    """Read one item of DeviceStateList; None if it is no seat."""
    device, state = text(item, "Device"), text(item, "State")
    address = device.removeprefix("PJSIP/")
    return (address, seat_reachable(state)) if address and address != device else None


def record_of(item: Message) -> tuple[str, str] | None:
    """Read one item of DBGetTree: ``Key`` is ``/seats/<request>``; None if it is something else."""
    request = text(item, "Key").removeprefix("/seats/")
    return (request, text(item, "Val")) if request and "/" not in request else None


def _duration(value: str) -> int:
    """Give the seconds of ``HH:MM:SS``, 0 if it is none."""
    parts = value.split(":")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 9 for part in parts):
        return 0
    hours, minutes, rest = map(int, parts)
    return hours * 3600 + minutes * 60 + rest
