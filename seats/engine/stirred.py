"""What moved while a picture was taken: the picture may show it as it was before, so it proves nothing of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from seats.domain.requests import Request
from seats.engine.intake import seat_address, uniqueid_of
from telephony.events import PbxEvent
from telephony.link import Channel

_IDS = ("uniqueid", "dest_uniqueid", "linkedid", "offer")
_CHANNELS = ("channel", "dest_channel")


class Stirred(NamedTuple):
    """Ids of channels, calls and offers, and addresses of seats, of which there was news meanwhile."""

    ids: frozenset[str] = frozenset()
    seats: frozenset[str] = frozenset()

    def channel(self, channel: Channel) -> bool:
        """Whether there was news of a channel, or of the call that it is part of."""
        return channel.uniqueid in self.ids or channel.linkedid in self.ids

    def request(self, request: Request) -> bool:
        """Whether there was news of a request's caller, call or offer."""
        return not self.ids.isdisjoint((request.uniqueid, request.linkedid, request.offer or ""))


def stirred(meanwhile: Sequence[PbxEvent]) -> Stirred:
    """What these events are about."""
    ids = {getattr(event, name, "") for event in meanwhile for name in _IDS}
    ids |= {uniqueid_of(getattr(event, "request", "")) for event in meanwhile}
    ids |= {local for event in meanwhile for local in getattr(event, "locals_", ())}
    seats = {seat_address(getattr(event, name, "")) for event in meanwhile for name in _CHANNELS}
    seats |= {getattr(event, "address", "") for event in meanwhile}
    return Stirred(frozenset(ids - {""}), frozenset(seats - {""}))
