"""Watches a PBX's SIP packets on loopback from a process of its own: the judge of latencies. Needs root."""

from __future__ import annotations

import ctypes
import multiprocessing
import re
import socket
import struct
from multiprocessing.connection import Connection
from types import TracebackType
from typing import NamedTuple, Self

_SO_TIMESTAMPNS = 35
_ETH_ALL = 3
_RCVBUFFORCE = 33
_PACKET, _STATISTICS = 263, 6
_OUTGOING = 4
_HEADERS = 14 + 20 + 8
_START = re.compile(rb"([A-Z]+) sips?:([^@;> ]*)[^\r]* SIP/2\.0\r|SIP/2\.0 (\d+) ")
_CALL_ID = re.compile(rb"\r\n(?:Call-ID|i):[ \t]*([^\r]+)", re.IGNORECASE)


class Packet(NamedTuple):
    """One SIP message. ``at`` is the kernel's Unix time in seconds; ``user`` is the request URI's."""

    at: float
    source: int
    target: int
    method: str
    status: int
    user: str
    call_id: str


class SipWatch:
    """Collects the SIP packets from and to one UDP port while the block lasts.

    ``lost`` counts the packets that the kernel could not keep for us: with any, the figures prove nothing.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self.packets: list[Packet] = []
        self.lost = 0

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("fork")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_collect, args=(self._port, theirs), daemon=True)
        self._process.start()
        if self._pipe.recv() != "ready":
            raise PermissionError("watching packets needs root (CAP_NET_RAW)")
        return self

    def __exit__(self, *exc: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._pipe.send("stop")
        self.packets, self.lost = self._pipe.recv()
        self._process.join()


def _collect(port: int, pipe: Connection) -> None:
    try:
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_ALL))
    except PermissionError:
        pipe.send("refused")
        return
    _filter(sock, port)
    sock.bind(("lo", 0))
    sock.setsockopt(socket.SOL_SOCKET, _RCVBUFFORCE, 64 << 20)  # beyond what the system gives everybody
    sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    sock.settimeout(0.2)
    pipe.send("ready")
    raw: list[tuple[float, bytes]] = []
    while not pipe.poll():
        try:
            data, ancillary, _, address = sock.recvmsg(4096, 64)
        except TimeoutError:
            continue
        if address[2] != _OUTGOING and ancillary:
            seconds, nanos = struct.unpack("qq", ancillary[0][2][:16])
            raw.append((seconds + nanos / 1e9, data))
    _, lost = struct.unpack("II", sock.getsockopt(_PACKET, _STATISTICS, 8))
    pipe.send(([p for at, data in raw if (p := _parse(at, data)) is not None], lost))


def _parse(at: float, data: bytes) -> Packet | None:
    source, target = struct.unpack("!HH", data[34:38])
    text = data[_HEADERS:]
    start, call_id = _START.match(text), _CALL_ID.search(text)
    if start is None or call_id is None:
        return None
    method, user, status = start.groups()
    return Packet(
        at,
        source,
        target,
        (method or b"").decode(),
        int(status or 0),
        (user or b"").decode(),
        call_id.group(1).decode(),
    )


def _filter(sock: socket.socket, port: int) -> None:
    """Let the kernel keep the sound away: only UDP with this port, IPv4 without options."""
    program = [
        (0x28, 0, 0, 12), (0x15, 0, 8, 0x0800),  # IPv4
        (0x30, 0, 0, 23), (0x15, 0, 6, 17),  # UDP
        (0x28, 0, 0, 34), (0x15, 3, 0, port),  # from the port
        (0x28, 0, 0, 36), (0x15, 1, 0, port),  # to the port
        (0x06, 0, 0, 0), (0x06, 0, 0, 0x40000), (0x06, 0, 0, 0),
    ]  # fmt: skip
    code = b"".join(struct.pack("HBBI", *step) for step in program)
    keep = (ctypes.c_char * len(code)).from_buffer_copy(code)
    pointer = struct.pack("HL", len(program), ctypes.addressof(keep))
    sock.setsockopt(socket.SOL_SOCKET, 26, pointer)
