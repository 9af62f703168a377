"""A bare SIP caller of the tests' own: sends exactly what it is told, and listens to the sound."""

from __future__ import annotations

import asyncio
import re
import secrets
from typing import Any

from telephony.lab.voice import voice


class Ear(asyncio.DatagramProtocol):
    """Receives RTP (PCMU) and knows when it was loud."""

    def __init__(self) -> None:
        self.loud: list[bool] = []
        self.news = asyncio.Event()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        # mu-law: 0xFF and 0x7F are silence, small codes are loud
        level = max((0x7F - (byte & 0x7F) for byte in data[12:]), default=0)
        self.loud.append(level > 30)
        self.news.set()

    async def heard(self, within: float = 20.0, packets: int = 10) -> None:
        """Some sound, not silence, from now on."""
        before = len(self.loud)
        async with asyncio.timeout(within):
            while sum(self.loud[before:]) < packets:
                self.news.clear()
                await self.news.wait()


_TONE_EVERY = 0.02


class Phone(asyncio.DatagramProtocol):
    """One call. ``statuses`` are the answers to its INVITE."""

    def __init__(
        self, sip_port: int, *, user: str = "13800138000", did: str = "4008001", name: bytes = b""
    ) -> None:
        self._sip_port, self._user, self._did = sip_port, user, did
        self._name = name.decode(errors="surrogateescape")
        self.call_id = f"{secrets.token_hex(8)}@test"
        self.statuses: list[int] = []
        self.ended = asyncio.Event()
        self.ear = Ear()
        self._news = asyncio.Event()
        self._far: tuple[str, int] | None = None
        self._to = f"<sip:{did}@127.0.0.1:{sip_port}>"
        self._contact = f"sip:{did}@127.0.0.1:{sip_port}"

    async def __aenter__(self) -> Phone:
        loop = asyncio.get_running_loop()
        target = ("127.0.0.1", self._sip_port)
        self._sip, _ = await loop.create_datagram_endpoint(lambda: self, remote_addr=target)
        self._rtp, _ = await loop.create_datagram_endpoint(lambda: self.ear, local_addr=("127.0.0.1", 0))
        self._port = self._sip.get_extra_info("sockname")[1]
        self._invite()
        return self

    async def __aexit__(self, *exc: object) -> None:
        if not self.ended.is_set():
            await self.hang_up()
        self._sip.close()
        self._rtp.close()

    async def until(self, status: int, within: float = 20.0) -> None:
        async with asyncio.timeout(within):
            while status not in self.statuses:
                self._news.clear()
                await self._news.wait()

    async def heard(self, within: float = 20.0, packets: int = 10) -> None:
        """Some sound, not silence."""
        await self.ear.heard(within, packets)

    async def speak(self, seconds: float) -> None:
        """A voice, as PCMU; the sound of the other side must have come first."""
        assert self._far, "no sound address yet: wait for 183 or 200"
        sound, stamp = voice(), secrets.randbits(30)
        for n in range(round(seconds / _TONE_EVERY)):
            head = bytes([0x80, 0]) + n.to_bytes(2, "big") + (stamp + 160 * n).to_bytes(4, "big") + b"seat"
            self._rtp.sendto(head + sound[160 * n % 30_000 :][:160], self._far)
            await asyncio.sleep(_TONE_EVERY)

    async def press(self, key: int) -> None:
        """A key, as a telephone-event in the sound (RFC 4733); the sound must have come first."""
        assert self._far, "no sound address yet: wait for 183"
        seconds, stamp = 0.16, secrets.randbits(30)
        for n in range(int(seconds / _TONE_EVERY) + 3):
            last = n * _TONE_EVERY >= seconds
            event = bytes([key, 0x8A if last else 0x0A]) + min(160 * (n + 1), 1280).to_bytes(2, "big")
            mark = 0x80 if n == 0 else 0
            head = bytes([0x80, mark | 101]) + (n + 1).to_bytes(2, "big") + stamp.to_bytes(4, "big") + b"seat"
            self._rtp.sendto(head + event, self._far)
            await asyncio.sleep(_TONE_EVERY)

    async def hang_up(self) -> None:
        if 200 in self.statuses:
            self._send("BYE", 2, "bye", uri=self._contact)
        else:
            self._send("CANCEL", 1, "inv")
        async with asyncio.timeout(20):
            await self.ended.wait()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        text = data.decode(errors="replace")
        if not text.startswith("SIP/2.0 "):
            self._requested(text)
            return
        status, method = int(text[8:11]), re.search(r"CSeq: \d+ (\w+)", text)[1]  # type: ignore[index]
        self._to = re.search(r"^To: ?(.*?)\r", text, re.MULTILINE)[1]  # type: ignore[index]
        if method == "INVITE":
            self._answered(status, text)
        elif method == "BYE":
            self.ended.set()
        self._news.set()

    def error_received(self, exc: Exception) -> None:
        self.ended.set()

    def _answered(self, status: int, text: str) -> None:
        self.statuses.append(status)
        if sound := re.search(r"^m=audio (\d+)", text, re.MULTILINE):
            self._far = ("127.0.0.1", int(sound[1]))
        if status == 200:
            self._contact = re.search(r"Contact: ?<([^>]*)>", text)[1]  # type: ignore[index]
            self._send("ACK", 1, "ack", uri=self._contact)
        elif status > 200:
            self._send("ACK", 1, "inv")
            self.ended.set()

    def _requested(self, text: str) -> None:
        names = ("Via", "From", "To", "Call-ID", "CSeq")
        kept = [line for line in text.split("\r\n") if line.split(":")[0] in names]
        self._sip.sendto(
            ("SIP/2.0 200 OK\r\n" + "\r\n".join(kept) + "\r\nContent-Length: 0\r\n\r\n").encode()
        )
        if text.startswith("BYE"):
            self.ended.set()

    def _invite(self) -> None:
        rtp = self._rtp.get_extra_info("sockname")[1]
        sdp = (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {rtp} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
        )
        self._send("INVITE", 1, "inv", body=sdp)

    def _send(self, method: str, cseq: int, branch: str, *, uri: str = "", body: str = "") -> None:
        uri = uri or f"sip:{self._did}@127.0.0.1:{self._sip_port}"
        kind = "Content-Type: application/sdp\r\n" if body else ""
        self._sip.sendto(
            (
                f"{method} {uri} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP 127.0.0.1:{self._port};branch=z9hG4bK{self.call_id[:16]}{branch}\r\n"
                f"From: {self._name}<sip:{self._user}@127.0.0.1>;tag={self.call_id[:8]}\r\nTo: {self._to}\r\n"
                f"Call-ID: {self.call_id}\r\nCSeq: {cseq} {method}\r\n"
                f"Contact: <sip:127.0.0.1:{self._port}>\r\nMax-Forwards: 70\r\n{kind}"
                f"Content-Length: {len(body)}\r\n\r\n{body}"
            ).encode(errors="surrogateescape")
        )
