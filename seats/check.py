"""Is all there that the service needs, and if not, how to mend it: ``seats check``, and before ``seats run``.

Changes nothing.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import NamedTuple

from seats import tls
from seats.core import core_kind
from seats.domain.agents import SeatKind
from seats.domain.callback_settings import Dial
from seats.domain.errors import DomainError
from seats.domain.plan import Plan, check_people
from seats.errors import ConfigError, Problem, SeatsError
from seats.hoursfile import known_until
from seats.planfile import load_plan
from seats.service import live_plan, load_numbering, node_settings, port_is_free
from seats.settings import Pbx, Settings
from seats.store.errors import StoreError
from seats.store.leader import is_led
from seats.store.rows import AgentRow
from seats.store.schema import SchemaState, schema_state
from seats.store.store import Store
from telephony.errors import LoginRefusedError, TelephonyError
from telephony.inspect import inspect


class CannotStartError(SeatsError):
    """The service would not be able to work; each line says what is wrong and how to mend it."""


class Line(NamedTuple):
    """One thing looked at; ``trouble`` is empty when it is good.

    What is not ``vital`` is no reason not to start: it can be mended later.
    """

    what: str
    found: str
    trouble: str = ""
    vital: bool = True

    def __str__(self) -> str:
        """For people."""
        return f"{'✗' if self.trouble else '✓'} {self.what}: {self.trouble or self.found}"


class Report(NamedTuple):
    """Everything looked at."""

    found: list[Line]

    @property
    def good(self) -> bool:
        """Nothing is wrong."""
        return not any(line.trouble for line in self.found)

    def lines(self) -> list[str]:
        """For people: a line each."""
        return [str(line) for line in self.found]


async def check_all(settings: Settings) -> Report:
    """Look at settings, routing, numbers, certificate, database, port, people, spool and every PBX node."""
    looks: list[tuple[str, Callable[[], Awaitable[str]]]] = [
        ("routing", lambda: _routing(settings)),
        ("numbers", lambda: _numbers(settings)),
        ("certificate", lambda: _certificate(settings)),
        ("database", lambda: _database(settings)),
        ("http", lambda: _http(settings)),
        ("seats", lambda: _seats(settings)),
    ]
    found = [Line("settings", "read"), Line("core", core_kind())]
    for what, look in looks:
        found.append(await _looked(what, look))
    if not any(line.trouble for line in found):
        # people come and go: a pool that became too small must not keep the service from starting
        staffing = await _looked("staffing", lambda: _staffing(settings))
        found.append(staffing._replace(vital=False))
    agents = [] if any(line.trouble for line in found) else await _agents(settings)
    spool = await _looked("spool", lambda: _spool(settings))
    found.append(spool._replace(vital=False))  # calls go on without
    calls = await _places_calls(settings)
    for lines in await asyncio.gather(*(_pbx(node, agents, calls) for node in settings.pbx)):
        found += lines
    return Report(found)


async def require_startable(settings: Settings) -> list[str]:
    """Look before anything is touched; the lines that are no reason not to start, such as a PBX that is away.

    Raise :class:`CannotStartError` with all others that tell of trouble.
    """
    troubles = [line for line in (await check_all(settings)).found if line.trouble]
    vital = [str(line) for line in troubles if line.vital]
    if vital:
        raise CannotStartError("\n".join(vital))
    return [f"{line.what}: {line.trouble}" for line in troubles]


async def _looked(what: str, look: Callable[[], Awaitable[str]]) -> Line:
    try:
        return Line(what, await look())
    except (SeatsError, StoreError, DomainError, TelephonyError) as error:
        return Line(what, "", str(error))


async def _routing(settings: Settings) -> str:
    plan = load_plan(settings.routing)
    found = f"{settings.routing.name}: {len(plan.pools)} pools, {len(plan.routes)} provinces"
    return found + _holidays(await live_plan(settings))


def _holidays(plan: Plan) -> str:
    """Until when public holidays are known, if the plan goes by them. Raises ConfigError past that day."""
    if not any(calendar.national for calendar in plan.hours.values()):
        return ""
    last = known_until()
    if datetime.now(UTC).date() > last:
        what = f"public holidays are known until {last} only"
        raise ConfigError(
            [Problem("routing", "hours", what, "a newer release of the package chinesecalendar")]
        )
    return f", public holidays known until {last}"


async def _numbers(settings: Settings) -> str:
    load_numbering(settings, await live_plan(settings))
    return "prefix tables read"


async def _certificate(settings: Settings) -> str:
    http = settings.http
    if http.tls_cert is not None:
        tls.server_context(http)
        return f"{http.tls_cert} and its key read"
    return (
        "none needed on loopback"
        if tls.is_loopback(http.host)
        else "none set: a development one will be made"
    )


async def _database(settings: Settings) -> str:
    state = await schema_state(settings.database_url)
    name = settings.database.render_as_string(hide_password=True)
    if state is SchemaState.EMPTY:
        return f"{name}: empty, will be made at the first start"
    if state is SchemaState.BEHIND:
        raise StoreError(name, "is older than this program", "seats db upgrade")
    store = await Store.open(settings.database_url)
    await store.close()
    return f"{name}: up to date"


async def _spool(settings: Settings) -> str:
    """The folder can be written, or made."""
    folder = settings.spool
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise StoreError(str(folder), f"{there} cannot be written", "a folder on this machine's own disk")
    return f"{folder} can be written"


async def _http(settings: Settings) -> str:
    """The port is free, or has the service that already runs on this database."""
    place = f"{settings.http.host}:{settings.http.port}"
    try:
        await port_is_free(settings.http)
    except SeatsError:
        if not await is_led(settings.database_url):
            raise
        return f"{place} is in use by the service that runs on this database"
    return f"{place} is free"


async def _seats(settings: Settings) -> str:
    if await schema_state(settings.database_url) is not SchemaState.OK:
        return "no people yet: seats user add"
    store = await Store.open(settings.database_url)
    try:
        agents = await store.agents()
        plan = await store.latest_plan() or load_plan(settings.routing)
    finally:
        await store.close()
    _check_seats(agents, set(plan.pools))
    return f"{len(agents)} agents, each with a seat of its own" if agents else "no agents yet: seats user add"


async def _staffing(settings: Settings) -> str:
    """What the routing asks of its agents, they can give."""
    check_people(await live_plan(settings), [(a.pools, dict(a.skills)) for a in await _agents(settings)])
    return "floors and skills fit the agents there are"


def _check_seats(agents: list[AgentRow], pools: set[str]) -> None:
    holders: dict[str, str] = {}
    for agent in agents:
        if agent.seat_address in holders:
            what = f"has the seat {agent.seat_address} of agent {holders[agent.seat_address]}"
            raise StoreError(f"agent {agent.id}", what, "a seat of its own")
        holders[agent.seat_address] = agent.id
        unknown = [p for p in agent.pools if p not in pools]
        if unknown:
            what = f"is in the unknown pool {unknown[0]!r}"
            raise StoreError(f"agent {agent.id}", what, ", ".join(sorted(pools)))


async def _agents(settings: Settings) -> list[AgentRow]:
    if await schema_state(settings.database_url) is not SchemaState.OK:
        return []
    store = await Store.open(settings.database_url)
    try:
        return list(await store.agents())
    finally:
        await store.close()


async def _places_calls(settings: Settings) -> bool:
    """Whether the live plan calls people back."""
    try:
        return (await live_plan(settings)).callbacks.dial is not Dial.OFF
    except (SeatsError, StoreError, DomainError):  # told already
        return False


async def _pbx(node: Pbx, agents: list[AgentRow], calls: bool) -> list[Line]:
    """What the node shows; a node that does not answer is trouble that may go away by itself."""
    what = f"pbx {node.name} ({node.host}:{node.port})"
    seats = [a.seat_address for a in agents if a.seat_kind != SeatKind.MOBILE]
    try:
        seen = await inspect(node_settings(node), seats, calls=calls)
    except LoginRefusedError as error:
        return [Line(what, "", str(error))]
    except TelephonyError as error:
        hint = f"{error}; is Asterisk running, and enabled = yes in its manager.conf?"
        return [Line(what, "", hint, vital=False)]
    return [Line(f"{what} {f.what}", f.found, f.trouble, f.vital) for f in seen]
