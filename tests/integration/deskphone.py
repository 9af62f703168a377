"""A SIP phone on an agent's table: registers, answers at once, speaks, calls, transfers with consultation."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from typing import Any, Self
from urllib.parse import quote

from telephony.lab import LabPbx
from telephony.lab.registrar import Registrar, Seat, authorization
from telephony.lab.voice import voice
from tests.integration.phone import Ear

_PACKET, _EVERY = 160, 0.02


class Leg:
    """One call of a phone, in either direction."""

    def __init__(self, call_id: str, ours: str, theirs: str, target: str) -> None:
        self.call_id, self.ours, self.theirs, self.target = call_id, ours, theirs, target
        self.statuses: list[tuple[str, int]] = []
        """Method and status of every answer to our requests."""
        self.shown = ""
        """The name that the PBX showed with the number."""
        self.invite = ""
        """What called us, while it rings."""
        self.sip_frags: list[str] = []
        """What NOTIFY said of a transfer."""
        self.ended = asyncio.Event()
        self.ear = Ear()
        self.rtp: asyncio.DatagramTransport
        self.mouth: asyncio.Task[None] | None = None
        self.cseq = 0


class DeskPhone(asyncio.DatagramProtocol):
    """One seat's phone. It answers every call at once, or rings while ``ringing``, and speaks until ``muted``."""

    def __init__(self, lab: LabPbx, address: str) -> None:
        self.address = address
        self.legs: list[Leg] = []
        self.muted = self.ringing = False
        self._lab, self._pbx = lab, f"127.0.0.1:{lab.sip_port}"
        self._registrar = Registrar(lab.sip_port)
        self._news = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        target = ("127.0.0.1", self._lab.sip_port)
        self._sip, _ = await loop.create_datagram_endpoint(lambda: self, remote_addr=target)
        self._port = self._sip.get_extra_info("sockname")[1]
        await self._registrar.open()
        await self._registrar.register(self._seat, self._port)
        return self

    async def __aexit__(self, *exc: object) -> None:
        for leg in self.legs:
            if not leg.ended.is_set():
                self.hang_up(leg)
            leg.rtp.close()
        for task in self._tasks:
            task.cancel()
        self._registrar.close()
        self._sip.close()

    async def call(self, exten: str, *, status: int = 200, within: float = 20.0) -> Leg:
        """Dial, and come back when somebody has answered, or with another status."""
        ours = f"<sip:{self.address}@127.0.0.1>;tag={secrets.token_hex(4)}"
        uri = f"sip:{exten}@{self._pbx}"
        leg = Leg(f"{secrets.token_hex(8)}@desk", ours, f"<{uri}>", uri)
        await self._open_ear(leg)
        self._request(leg, "INVITE", self._sdp(leg))
        await self.until(lambda: ("INVITE", status) in leg.statuses, within)
        return leg

    async def transfer(self, leg: Leg, to: Leg, within: float = 20.0) -> None:
        """Connect who is on ``leg`` with who is on ``to``: REFER with Replaces (RFC 3891, RFC 5589)."""
        ours, theirs = _tag(to.ours), _tag(to.theirs)
        replaces = quote(f"{to.call_id};to-tag={theirs};from-tag={ours}", safe="")
        uri = re.sub(r"[;?].*", "", to.target)
        self._request(leg, "REFER", headers=f"Refer-To: <{uri}?Replaces={replaces}>\r\n")
        await self.until(lambda: any(m == "REFER" and s >= 200 for m, s in leg.statuses), within)
        assert ("REFER", 202) in leg.statuses, leg.statuses
        await self.until(lambda: any(" 200 " in frag for frag in leg.sip_frags), within)

    def hang_up(self, leg: Leg) -> None:
        """End a call."""
        self._request(leg, "BYE")
        self._over(leg)

    async def until(self, true: Any, within: float = 20.0) -> None:
        """Wait for a message that makes it true."""
        async with asyncio.timeout(within), self._news:
            await self._news.wait_for(true)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        task = asyncio.create_task(self._heard(data.decode(errors="replace")))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def error_received(self, exc: Exception) -> None:
        """The PBX is down: whoever waits will say so."""

    @property
    def _seat(self) -> Seat:
        return Seat(self.address, self._lab.seat_secret(self.address))

    async def _heard(self, text: str) -> None:
        leg = next((leg for leg in self.legs if leg.call_id == _header(text, "Call-ID")), None)
        if text.startswith("SIP/2.0 "):
            if leg is not None:
                self._answered(leg, int(text[8:11]), _header(text, "CSeq").split()[1], text)
        elif text.startswith("INVITE"):
            await self._invited(leg, text)
        elif not text.startswith("ACK"):
            self._reply(text, "200 OK")
            if leg is not None and text.startswith("CANCEL"):
                self._reply(leg.invite, "487 Request Terminated", to=leg.ours)
                self._over(leg)
            if leg is not None and text.startswith("NOTIFY"):
                leg.sip_frags.append(text.partition("\r\n\r\n")[2])
            elif leg is not None and text.startswith("BYE"):
                self._over(leg)
        async with self._news:
            self._news.notify_all()

    async def _invited(self, leg: Leg | None, text: str) -> None:
        if leg is None:
            ours = f"{_header(text, 'To')};tag={secrets.token_hex(4)}"
            caller, contact = _header(text, "From"), _uri(_header(text, "Contact"))
            leg = Leg(_header(text, "Call-ID"), ours, caller, contact)
            leg.shown = caller.split('"')[1] if '"' in caller else ""
            leg.invite = text
            await self._open_ear(leg)
        if self.ringing:
            self._reply(text, "180 Ringing", to=leg.ours)
            return
        self._speak(leg, text)
        contact = f"Contact: <sip:{self.address}@127.0.0.1:{self._port}>\r\n"
        self._reply(text, "200 OK", contact, self._sdp(leg), to=leg.ours)

    def _answered(self, leg: Leg, status: int, method: str, text: str) -> None:
        if method == "INVITE" and status > 100:
            leg.theirs = _header(text, "To")
            if status == 200:
                leg.target = _uri(_header(text, "Contact"))
            self._speak(leg, text)
        if method == "INVITE" and status >= 200:
            self._request(leg, "ACK", refused=status != 200)
        if status == 401:
            uri = leg.target
            proof = authorization(self._seat, method, uri, text)
            leg.theirs = f"<{uri}>" if method == "INVITE" else leg.theirs
            self._request(leg, method, self._sdp(leg), proof)
        else:
            leg.statuses.append((method, status))

    def _over(self, leg: Leg) -> None:
        leg.ended.set()
        if leg.mouth is not None:
            leg.mouth.cancel()

    async def _open_ear(self, leg: Leg) -> None:
        loop = asyncio.get_running_loop()
        leg.rtp, _ = await loop.create_datagram_endpoint(lambda: leg.ear, local_addr=("127.0.0.1", 0))
        self.legs.append(leg)

    def _speak(self, leg: Leg, sdp: str) -> None:
        port = re.search(r"^m=audio (\d+)", sdp, re.MULTILINE)
        if port and leg.mouth is None:
            leg.mouth = asyncio.create_task(self._talk(leg, int(port[1])))

    async def _talk(self, leg: Leg, port: int) -> None:
        sound, number = voice(), 0
        while True:
            at = number * _PACKET % (len(sound) - _PACKET)
            head = b"\x80\x00" + (number & 0xFFFF).to_bytes(2) + (number * _PACKET).to_bytes(4) + b"desk"
            if not self.muted:
                with contextlib.suppress(OSError):
                    leg.rtp.sendto(head + sound[at : at + _PACKET], ("127.0.0.1", port))
            number += 1
            await asyncio.sleep(_EVERY)

    def _sdp(self, leg: Leg) -> str:
        return (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {leg.rtp.get_extra_info('sockname')[1]} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
        )

    def _request(
        self, leg: Leg, method: str, body: str = "", headers: str = "", *, refused: bool = False
    ) -> None:
        leg.cseq += method != "ACK"
        branch = f"z9hG4bK{leg.call_id[:16]}{leg.cseq}{'INVITE' if refused else method}"
        self._send(
            f"{method} {leg.target} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{self._port};branch={branch};rport\r\n"
            f"From: {leg.ours}\r\nTo: {leg.theirs}\r\nCall-ID: {leg.call_id}\r\nCSeq: {leg.cseq} {method}\r\n"
            f"Contact: <sip:{self.address}@127.0.0.1:{self._port}>\r\nMax-Forwards: 70\r\n{headers}",
            body,
        )

    def _reply(self, text: str, status: str, headers: str = "", body: str = "", to: str = "") -> None:
        names = ("Via", "From", "Call-ID", "CSeq")
        kept = "".join(f"{line}\r\n" for line in text.split("\r\n") if line.split(":")[0] in names)
        self._send(f"SIP/2.0 {status}\r\n{kept}To: {to or _header(text, 'To')}\r\n{headers}", body)

    def _send(self, head: str, body: str) -> None:
        kind = "Content-Type: application/sdp\r\n" if body else ""
        self._sip.sendto(f"{head}{kind}Content-Length: {len(body)}\r\n\r\n{body}".encode())


def _header(text: str, name: str) -> str:
    found = re.search(rf"^{name}: ?(.*?)\r?$", text, re.MULTILINE | re.IGNORECASE)
    return found[1] if found else ""


def _uri(header: str) -> str:
    found = re.search(r"<([^>]*)>", header)
    return found[1] if found else header


def _tag(header: str) -> str:
    found = re.search(r"tag=([^;>]*)", header)
    return found[1] if found else ""
