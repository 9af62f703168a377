"""A small AMI client of the tests' own, so that they judge the PBX and not our session."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from itertools import count
from typing import Any

Headers = dict[str, str]


class RawAmi:
    """One connection; keeps every event it got."""

    def __init__(self, lab: Any, *, events: str = "on") -> None:
        self._lab, self._wanted = lab, events
        self.events: list[Headers] = []
        self._replies: dict[str, asyncio.Future[Headers]] = {}
        self._numbers = count(1)
        self._news = asyncio.Event()
        self.at: list[float] = []

    async def __aenter__(self) -> RawAmi:
        self._reader, self._writer = await asyncio.open_connection(self._lab.ami_host, self._lab.ami_port)
        await self._reader.readline()
        self._task = asyncio.create_task(self._read())
        reply = await self.call(
            Action="Login", Username=self._lab.username, Secret=self._lab.secret, Events=self._wanted
        )
        assert reply["Response"] == "Success", reply
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._writer.close()

    async def call(self, **headers: str) -> Headers:
        number = str(next(self._numbers))
        reply = self._replies[number] = asyncio.get_running_loop().create_future()
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        self._writer.write(f"{lines}ActionID: {number}\r\n\r\n".encode())
        async with asyncio.timeout(20):
            return await reply

    async def setvar(self, name: str, value: object) -> Headers:
        return await self.call(Action="Setvar", Variable=name, Value=str(value))

    async def getvar(self, name: str) -> str:
        return (await self.call(Action="Getvar", Variable=name)).get("Value", "")

    async def redirect(self, channel: str, context: str, exten: str) -> Headers:
        return await self.call(Action="Redirect", Channel=channel, Context=context, Exten=exten, Priority="1")

    async def until(
        self, test: Callable[[Headers], bool], *, within: float = 20.0, since: int = 0
    ) -> Headers:
        """The first event from ``since`` on that passes the test."""
        end = time.monotonic() + within
        while True:
            for event in self.events[since:]:
                if test(event):
                    return event
            since = len(self.events)
            self._news.clear()
            async with asyncio.timeout(max(0.001, end - time.monotonic())):
                await self._news.wait()

    async def user_event(self, name: str, *, within: float = 20.0, since: int = 0, **wanted: str) -> Headers:
        return await self.until(
            lambda e: (
                e.get("Event") == "UserEvent"
                and e.get("UserEvent") == name
                and all(e.get(key) == value for key, value in wanted.items())
            ),
            within=within,
            since=since,
        )

    async def _read(self) -> None:
        while True:
            try:
                block = (await self._reader.readuntil(b"\r\n\r\n")).decode()
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            headers: Headers = {}
            for line in block.split("\r\n"):
                name, colon, value = line.partition(": ")
                if colon:
                    headers[name] = value
            if "Event" in headers:
                self.events.append(headers)
                self.at.append(time.time())
                self._news.set()
            else:
                reply = self._replies.pop(headers.get("ActionID", ""), None)
                if reply is not None and not reply.done():
                    reply.set_result(headers)
