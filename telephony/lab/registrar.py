"""Registers simulated agents at the PBX, for contacts where sipp listens."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from typing import NamedTuple

from telephony.lab.errors import LabError

_TRIES, _WAIT_S = 6, 0.5
_AT_ONCE = 20
_STATUS = re.compile(r"SIP/2\.0 (\d{3}) ([^\r\n]*)")
_CALL_ID = re.compile(r"^Call-ID:\s*(\S+)", re.MULTILINE | re.IGNORECASE)
_CSEQ = re.compile(r"^CSeq:\s*(\d+)", re.MULTILINE | re.IGNORECASE)
_PARAMETER = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')


class Seat(NamedTuple):
    """Credentials of a SIP seat."""

    address: str
    secret: str


class Registrar(asyncio.DatagramProtocol):
    """SIP REGISTER over one UDP socket, with digest authentication."""

    def __init__(self, sip_port: int) -> None:
        self._sip_port = sip_port
        self._waiting: dict[tuple[str, int], asyncio.Future[str]] = {}
        self._transport: asyncio.DatagramTransport | None = None
        self._port = 0
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def open(self) -> None:
        """Open the socket."""
        loop = asyncio.get_running_loop()
        address = ("127.0.0.1", self._sip_port)
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, remote_addr=address)
        self._port = self._transport.get_extra_info("sockname")[1]

    def close(self) -> None:
        """Close the socket; registrations stay."""
        if self._transport is not None:
            self._transport.close()

    async def register(self, seat: Seat, port: int, *, expires_s: int = 7200) -> None:
        """Let calls for the seat come to a port of 127.0.0.1. Raises LabError."""
        contact = f"<sip:{seat.address}@127.0.0.1:{port}>;expires={expires_s}"
        async with self._turns:
            await self._authenticated(seat, contact, expires_s)

    async def unregister(self, seat: Seat) -> None:
        """Take the seat away: the PBX sees it go at once. Raises LabError."""
        async with self._turns:
            await self._authenticated(seat, "*", 0)

    def datagram_received(self, data: bytes, addr: tuple[str | bytes, int]) -> None:
        """Hand an answer to whoever waits for it."""
        text = data.decode(errors="replace")
        call, cseq = _CALL_ID.search(text), _CSEQ.search(text)
        if call and cseq:
            waiter = self._waiting.get((call[1], int(cseq[1])))
            if waiter is not None and not waiter.done():
                waiter.set_result(text)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens (yet): the request is sent again in time."""

    async def _authenticated(self, seat: Seat, contact: str, expires_s: int) -> None:
        call = f"{secrets.token_hex(8)}@seats-lab"
        end = f"Contact: {contact}\r\nExpires: {expires_s}\r\n"
        answer = await self._exchange(seat, call, 1, end)
        if _status(answer) == 401:
            credentials = authorization(seat, "REGISTER", f"sip:127.0.0.1:{self._sip_port}", answer)
            answer = await self._exchange(seat, call, 2, end + credentials)
        if _status(answer) != 200:
            raise LabError(f"the PBX refused to register {seat.address}: {answer.splitlines()[0]}")

    async def _exchange(self, seat: Seat, call: str, cseq: int, headers: str) -> str:
        if self._transport is None:
            raise LabError("the registrar's socket is not open")
        request = (
            f"REGISTER sip:127.0.0.1:{self._sip_port} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{self._port};branch=z9hG4bK{call[:16]}{cseq};rport\r\n"
            f"From: <sip:{seat.address}@127.0.0.1>;tag={call[:8]}\r\n"
            f"To: <sip:{seat.address}@127.0.0.1>\r\n"
            f"Call-ID: {call}\r\nCSeq: {cseq} REGISTER\r\n{headers}"
            "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )
        waiter: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting[call, cseq] = waiter
        try:
            for _ in range(_TRIES):
                self._transport.sendto(request.encode())
                done, _pending = await asyncio.wait((waiter,), timeout=_WAIT_S)
                if done:
                    return waiter.result()
        finally:
            del self._waiting[call, cseq]
        raise LabError(f"the PBX does not answer the registration of {seat.address}")


def _status(answer: str) -> int:
    found = _STATUS.match(answer)
    return int(found[1]) if found else 0


def authorization(seat: Seat, method: str, uri: str, challenge: str) -> str:
    """The header that answers a 401: digest of RFC 2617 with qop=auth, as Asterisk asks for it."""
    line = next(line for line in challenge.splitlines() if line.lower().startswith("www-authenticate:"))
    asked = {name: quoted or plain for name, quoted, plain in _PARAMETER.findall(line)}
    cnonce, count = secrets.token_hex(8), "00000001"
    first = _md5(f"{seat.address}:{asked['realm']}:{seat.secret}")
    second = _md5(f"{method}:{uri}")
    response = _md5(f"{first}:{asked['nonce']}:{count}:{cnonce}:auth:{second}")
    return (
        f'Authorization: Digest username="{seat.address}", realm="{asked["realm"]}", '
        f'nonce="{asked["nonce"]}", uri="{uri}", response="{response}", algorithm=MD5, '
        f'cnonce="{cnonce}", qop=auth, nc={count}, opaque="{asked.get("opaque", "")}"\r\n'
    )


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
