"""What chaos strikes: the service and the database as processes that are killed, frozen and started again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Protocol

import aiohttp

from seats.settings import Settings
from telephony.lab.pbx import die_with_parent
from tests.contract.postgres import Postgres

RESTART_AFTER = 0.5
"""Seconds after which whoever keeps the service running starts it again, as systemd would."""


class Victim(Protocol):
    """Something that can be struck."""

    async def kill(self) -> None:
        """SIGKILL."""

    async def start(self) -> None:
        """Start it again after a kill."""

    def freeze(self) -> None:
        """SIGSTOP."""

    def thaw(self) -> None:
        """SIGCONT."""


class ServiceProcess:
    """``seats run`` in a process of its own, started again whenever it ends."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.base = f"http://127.0.0.1:{settings.http.port}"
        self.starts = self.refused = 0
        self.log = folder / "service.log"
        self._env = _environment(settings)
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        """The process is there (it may be frozen)."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start it, and keep it running from now on."""
        await self._spawn()
        self._keeper = asyncio.create_task(self._keep())

    async def try_once(self) -> int:
        """Start it without keeping it; the exit code, once it has ended."""
        await self._spawn()
        assert self._process is not None
        return await asyncio.wait_for(self._process.wait(), 30)

    async def kill(self) -> None:
        """SIGKILL; it stays dead until ``start``."""
        await self._unkept()
        if self._process is not None and self.alive:
            self._process.kill()
            await self._process.wait()

    async def stop(self) -> int | None:
        """SIGTERM; the exit code."""
        await self._unkept()
        if self._process is None:
            return None
        if self.alive:
            self._process.terminate()
        return await self._process.wait()

    def freeze(self) -> None:
        """SIGSTOP."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    async def ready(self) -> bool:
        """Whether /readyz says yes."""
        try:
            timeout = aiohttp.ClientTimeout(total=2.0)
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(f"{self.base}/readyz") as answer,
            ):
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def _spawn(self) -> None:
        program = Path(sys.executable).parent / "seats"
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *die_with_parent(), str(program), "run", env=self._env, stdout=log, stderr=log
            )
        self.starts += 1

    async def _keep(self) -> None:
        while True:
            assert self._process is not None
            if await self._process.wait():
                self.refused += 1
            await asyncio.sleep(RESTART_AFTER)
            await self._spawn()

    async def _unkept(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self.alive:
            self._process.send_signal(number)


class PostgresVictim:
    """A PostgreSQL server with all its processes."""

    def __init__(self, server: Postgres) -> None:
        self._server = server

    async def kill(self) -> None:
        for pid in self._pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0.2)
        # where nobody collects the dead, their number still looks alive to the next server
        for left in ("data/postmaster.pid", ".s.PGSQL.5432.lock"):
            (self._server.folder / left).unlink(missing_ok=True)

    async def start(self) -> None:
        await asyncio.to_thread(self._server.start)

    def freeze(self) -> None:
        for pid in self._pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        for pid in self._pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def _pids(self) -> list[int]:
        """The postmaster and its children."""
        file = self._server.folder / "data" / "postmaster.pid"
        if not file.exists():
            return []
        master = int(file.read_text().split("\n", 1)[0])
        found = [master]
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError, IndexError, ValueError):
                if int(stat.read_text().rpartition(")")[2].split()[1]) == master:
                    found.append(int(stat.parent.name))
        return found


HOLDER = """
import sqlite3, sys, time
other = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
other.execute("BEGIN IMMEDIATE")
other.execute("UPDATE meta SET value = value")
print("held", flush=True)
time.sleep(60)
"""


class SqliteVictim:
    """SQLite has no server to kill: another writer holds the file, and is killed in its transaction."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._holder: asyncio.subprocess.Process | None = None

    async def kill(self) -> None:
        """A writer takes the lock; it is killed by ``start``."""
        self._holder = await asyncio.create_subprocess_exec(
            *(*die_with_parent(), sys.executable, "-c", HOLDER, str(self._path)),
            stdout=asyncio.subprocess.PIPE,
        )
        assert self._holder.stdout is not None
        await self._holder.stdout.readline()

    async def start(self) -> None:
        """SIGKILL the writer in the middle of its transaction."""
        if self._holder is not None:
            self._holder.kill()
            await self._holder.wait()

    def freeze(self) -> None:
        """A writer of this process holds the lock."""
        self._lock = sqlite3.connect(self._path, timeout=5, isolation_level=None)
        with contextlib.suppress(sqlite3.OperationalError):
            self._lock.execute("BEGIN IMMEDIATE")

    def thaw(self) -> None:
        """And lets go."""
        self._lock.close()


class Supervisor:
    """A signed-in supervisor: what the service itself says of its state."""

    def __init__(self, base: str, password: str) -> None:
        self._base, self._password = base, password

    @contextlib.asynccontextmanager
    async def signed_in(self) -> AsyncIterator[Callable[..., Awaitable[object]]]:
        """A function that calls the API: path, and a JSON body to POST it."""
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as session:
            who = {"login": "chaos", "password": self._password}
            answer = await session.post(f"{self._base}/api/v1/session", json=who)
            assert answer.status == 200, await answer.text()
            headers = {"X-CSRF-Token": (await answer.json())["csrf"]}

            async def call(path: str, body: object = None) -> object:
                url = f"{self._base}/api/v1{path}"
                asked = session.get(url) if body is None else session.post(url, json=body, headers=headers)
                async with asked as reply:
                    assert reply.status < 300, await reply.text()
                    return await reply.json()

            yield call

    async def metrics(self) -> str:
        """The text of /metrics."""
        async with aiohttp.ClientSession() as session, session.get(f"{self._base}/metrics") as answer:
            return await answer.text()


async def until(true: Callable[[], Awaitable[bool]], seconds: float, what: str) -> None:
    """Wait for something to become true. Raises TimeoutError with ``what``."""
    end = time.monotonic() + seconds
    while not await true():
        if time.monotonic() > end:
            raise TimeoutError(what)
        await asyncio.sleep(0.1)


def _environment(settings: Settings) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("SEATS_")}
    env |= {
        "SEATS_DATABASE_URL": settings.database_url,
        "SEATS_HTTP__PORT": str(settings.http.port),
        "SEATS_PHONE__MASTER_SECRET": settings.phone.master_secret.get_secret_value(),
    }
    for n, node in enumerate(settings.pbx):
        env |= {
            f"SEATS_PBX__{n}__NAME": node.name,
            f"SEATS_PBX__{n}__HOST": node.host,
            f"SEATS_PBX__{n}__PORT": str(node.port),
            f"SEATS_PBX__{n}__USERNAME": node.username,
            f"SEATS_PBX__{n}__SECRET": node.secret.get_secret_value(),
        }
    return env
