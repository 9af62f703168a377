"""A caller who speaks and listens: a bare SIP call whose sound is measured at both ends."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import Any

from telephony.lab.voice import voice
from tests.integration.phone import Phone

_PACKET = 160
"""Samples of 20 ms."""


class Speaker(Phone):
    """A call that sends its voice from the answer on."""

    _mouth: asyncio.Task[None] | None = None

    def datagram_received(self, data: bytes, addr: Any) -> None:
        super().datagram_received(data, addr)
        found = re.search(rb"m=audio (\d+)", data)
        if found and 200 in self.statuses and self._mouth is None:
            self._mouth = asyncio.create_task(self._speak(int(found[1])))

    async def __aexit__(self, *exc: object) -> None:
        if self._mouth is not None:
            self._mouth.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._mouth
        await super().__aexit__(*exc)

    async def _speak(self, port: int) -> None:
        sound, loop = voice(), asyncio.get_running_loop()
        began, number = loop.time(), 0
        while not self.ended.is_set():
            at = number * _PACKET % (len(sound) - _PACKET)
            header = b"\x80\x00" + (number & 0xFFFF).to_bytes(2) + (number * _PACKET).to_bytes(4) + b"seat"
            self._rtp.sendto(header + sound[at : at + _PACKET], ("127.0.0.1", port))
            number += 1
            await asyncio.sleep(max(0.0, began + number * 0.02 - loop.time()))
