"""``seats check``: is all there that the service needs, and if not, how to mend it. Changes nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from seats import tls
from seats.domain.errors import DomainError
from seats.errors import SeatsError
from seats.planfile import load_plan
from seats.service import load_numbering, node_settings
from seats.settings import Pbx, Settings
from seats.store.errors import StoreError
from seats.store.schema import SchemaState, schema_state
from seats.store.store import Store
from telephony.errors import TelephonyError
from telephony.inspect import inspect


class Line(NamedTuple):
    """One thing looked at; ``trouble`` is empty when it is good."""

    what: str
    found: str
    trouble: str = ""


class Report(NamedTuple):
    """Everything looked at."""

    found: list[Line]

    @property
    def good(self) -> bool:
        """Nothing is wrong."""
        return not any(line.trouble for line in self.found)

    def lines(self) -> list[str]:
        """For people: a line each."""
        return [f"{'✗' if f.trouble else '✓'} {f.what}: {f.trouble or f.found}" for f in self.found]


async def check_all(settings: Settings) -> Report:
    """Look at settings, routing, numbers, certificate, database and every PBX node."""
    looks: list[tuple[str, Callable[[], Awaitable[str]]]] = [
        ("routing", lambda: _routing(settings)),
        ("numbers", lambda: _numbers(settings)),
        ("certificate", lambda: _certificate(settings)),
        ("database", lambda: _database(settings)),
        ("seats", lambda: _seats(settings)),
    ]
    found = [Line("settings", "read")]
    for what, look in looks:
        found.append(await _looked(what, look))
    for node in settings.pbx:
        found += await _pbx(node)
    return Report(found)


async def _looked(what: str, look: Callable[[], Awaitable[str]]) -> Line:
    try:
        return Line(what, await look())
    except (SeatsError, StoreError, DomainError, TelephonyError) as error:
        return Line(what, "", str(error))


async def _routing(settings: Settings) -> str:
    plan = load_plan(settings.routing)
    return f"{settings.routing.name}: {len(plan.pools)} pools, {len(plan.routes)} provinces"


async def _numbers(settings: Settings) -> str:
    load_numbering(settings)
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


async def _seats(settings: Settings) -> str:
    if await schema_state(settings.database_url) is not SchemaState.OK:
        return "no people yet: seats user add"
    store = await Store.open(settings.database_url)
    try:
        agents = await store.agents()
        plan = await store.latest_plan() or load_plan(settings.routing)
    finally:
        await store.close()
    _check_seats([(a.id, a.seat_address, a.pools) for a in agents], set(plan.pools))
    return f"{len(agents)} agents, each with a seat of its own"


def _check_seats(agents: list[tuple[str, str, tuple[str, ...]]], pools: set[str]) -> None:
    holders: dict[str, str] = {}
    for agent, address, of in agents:
        if address in holders:
            raise StoreError(
                f"agent {agent}", f"has the seat {address} of {holders[address]}", "a seat of its own"
            )
        holders[address] = agent
        unknown = [p for p in of if p not in pools]
        if unknown:
            raise StoreError(f"agent {agent}", f"is in unknown pool {unknown[0]!r}", ", ".join(sorted(pools)))


async def _pbx(node: Pbx) -> list[Line]:
    what = f"pbx {node.name} ({node.host}:{node.port})"
    try:
        seen = await inspect(node_settings(node))
    except TelephonyError as error:
        return [Line(what, "", str(error))]
    return [Line(f"{what} {f.what}", f.found, f.trouble) for f in seen]
