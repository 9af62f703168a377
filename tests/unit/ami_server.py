"""A scripted AMI peer for session tests: it says exactly the bytes the test wants, when it wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from telephony.session import Login

Reply = Callable[[dict[str, str], "Peer"], None]


class Peer:
    """One accepted connection."""

    def __init__(self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server, self.reader, self.writer = server, reader, writer
        self.got: list[dict[str, str]] = []

    def say(self, *lines: str) -> None:
        self.raw(("\r\n".join(lines) + "\r\n\r\n").encode())

    def raw(self, data: bytes) -> None:
        self.writer.write(data)

    def answer(self, action: dict[str, str], *lines: str, response: str = "Success") -> None:
        self.say(f"Response: {response}", f"ActionID: {action['ActionID']}", *lines)

    async def serve(self) -> None:
        self.raw(self.server.greeting)
        while True:
            try:
                block = await self.reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            action = dict(line.split(": ", 1) for line in block.decode().strip().split("\r\n"))
            self.got.append(action)
            self.server.heard.set()
            self.server.reply(action, self)


class Server:
    """Listens on a free port; ``reply`` decides what each action is answered."""

    def __init__(self) -> None:
        self.greeting = b"Asterisk Call Manager/11.0.0\r\n"
        self.peers: list[Peer] = []
        self.heard = asyncio.Event()
        self.reply: Reply = self.accept
        self.port = 0

    @property
    def peer(self) -> Peer:
        return self.peers[-1]

    @property
    def login(self) -> Login:
        return Login("127.0.0.1", self.port, "seats", "secret")

    def accept(self, action: dict[str, str], peer: Peer) -> None:
        peer.answer(action, "Message: fine")

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(self, reader, writer)
        self.peers.append(peer)
        try:
            await peer.serve()
        finally:
            writer.close()


@asynccontextmanager
async def ami_server() -> AsyncIterator[Server]:
    """Give a listening server; all its connections end with it."""
    server = Server()
    listener = await asyncio.start_server(server.connected, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for peer in server.peers:
            peer.writer.transport.abort()
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool], within: float = 20.0) -> None:
    """Wait until the condition holds; fails after ``within`` seconds."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110  # any condition, not one event
            await asyncio.sleep(0.002)
