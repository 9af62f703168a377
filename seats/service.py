"""The service: every room, wired. Nothing else wires rooms."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import structlog
from aiohttp import web

from metrics.series import WAIT_BUCKETS, Series, Totals
from seats import operating, tls
from seats.domain.agents import Chosen
from seats.domain.callback_book import CallbackState
from seats.domain.events import Event, RequestOpened
from seats.domain.messages import CallbackRecalled, NodeLost, RequestRecalled, StateAsked
from seats.domain.plan import Plan
from seats.domain.regions import PROVINCES, UNKNOWN
from seats.domain.requests import Confidence, OfferResult, Origin, Outcome
from seats.domain.state import State
from seats.domain.tally import Tally
from seats.engine.engine import Engine
from seats.engine.node import Node
from seats.engine.outbox import Outbox
from seats.errors import SeatsError
from seats.logs import CallLog
from seats.numbering import Numbering
from seats.planfile import load_plan
from seats.retention import keep_retention
from seats.roster import Roster
from seats.settings import Http, Pbx, Settings
from seats.store.errors import OldSchemaError, StoreError
from seats.store.leader import leading
from seats.store.ledger import IN_PROGRESS
from seats.store.replay import replay
from seats.store.rows import OpenRow
from seats.store.schema import SchemaState, schema_state, upgrade
from seats.store.spool import Spool
from seats.store.store import Store
from seats.store.writer import LedgerWriter
from seats.web.app import create_app
from seats.web.sessions import ARGON2
from telephony.link import NodeSettings
from telephony.provisioning import seat_secret

log = structlog.get_logger(__name__)

CODES = (*(p.code for p in PROVINCES), UNKNOWN)
RELEASED_FOR = 60.0
"""Seconds for which a caller whom we let go of may still be on the line."""

BALANCE_EVERY = 15.0
"""Seconds between two comparisons of the live figures with the ledger."""


class PortTakenError(SeatsError):
    """The web server's address is in use or not ours."""


class Service:
    """One running service. Made by :func:`serve`."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        plan: Plan,
        epoch: int,
        numbering: Numbering,
        in_writer: Callable[[], object] | None = None,
    ) -> None:
        self.settings = settings
        self.store = store
        self.engine = Engine(State(plan, epoch=epoch), Tally(CODES, settings.zone))
        self.roster = Roster(store, self.engine)
        self.spool = Spool(settings.spool, in_thread=in_writer)
        self.writer = LedgerWriter(store.database, spool=self.spool, now=self.engine.now)
        self.series = Series(
            CODES,
            self.engine.tally,
            lambda: self.engine.state.plan,
            self.engine.now,
            lambda: self.engine.leader,
        )
        self._written = operating.Written(self.writer, self.series.sink)
        self.nodes = [
            Node(node_settings(p), self.engine, numbering.resolve, self._closed) for p in settings.pbx
        ]
        self.unreconciled = 0
        self._requests_seen = 0
        links = {node.name: node.link for node in self.nodes}
        self.engine.carry = Outbox(links, self.engine.post).carry
        self.calls = CallLog()
        for sink in (self.writer.append, self._written.append, self._count, self.calls.sink):
            self.engine.subscribe(sink)
        self._add_gauges()

    async def take_up(self) -> None:
        """Go on from the ledger: figures, agents and their chosen states, requests that were not over."""
        await self._seed_figures()
        states = await self.store.last_states()
        await self.roster.look()
        for agent in list(self.engine.state.agents):
            last = states.get(agent)
            if last is not None and last.chosen != Chosen.SIGNED_OUT:
                chosen = Chosen(last.reserved or last.chosen)
                reason = (last.reserved_reason if last.reserved else last.reason) or ""
                self.engine.ask(StateAsked(agent, chosen, reason, "restart"))
        open_offers = await self.store.open_offers()
        for open_row in await self.store.open_requests(self.engine.now() - RELEASED_FOR):
            await self._recall(open_row, open_offers.get(open_row.id, ()))
        self._give_up_removed_nodes()
        for c in await self.store.open_callbacks():
            self.engine.ask(
                CallbackRecalled(
                    c.id,
                    c.number,
                    c.province,
                    c.did,
                    c.node,
                    c.request,
                    c.source,
                    c.asked_at,
                    c.due_at,
                    c.attempts,
                    c.agent,
                    calling=c.state == CallbackState.CALLING,
                )
            )

    def _give_up_removed_nodes(self) -> None:
        """Nobody will ever tell how the calls of a node ended that is not in the settings any more."""
        known = {node.name for node in self.nodes}
        for name in sorted({r.node for r in self.engine.state.requests.values()} - known):
            log.warning("node_removed", node=name, hint="its open requests end as failed")
            self.engine.ask(NodeLost(name))

    def app(self) -> web.Application:
        """The web application."""
        app = create_app(
            engine=self.engine,
            store=self.store,
            settings=self.settings,
            passwords=ARGON2,
            metrics_text=self._metrics,
            ready=self.ready,
            sip_secret=lambda address: seat_secret(
                self.settings.phone.master_secret.get_secret_value(), address
            ),
        )
        operating.add_web(self.series, app)
        return app

    def _metrics(self, accept: str) -> tuple[Callable[[], bytes], str]:
        self._written.release()
        return self.series.scrape(accept)

    def ready(self) -> tuple[bool, dict[str, Any]]:
        """Whether calls can be handled and kept, and the state of each part."""
        links = {name: {"state": v.state, "reason": v.reason} for name, v in self.engine.links.items()}
        database = {
            "up": self.writer.healthy,
            "pending": self.writer.pending,
            "error": self.writer.last_error,
            "spool_error": self.spool.error,
        }
        up = any(v.state == "up" for v in self.engine.links.values())
        return up and self.writer.healthy and self.engine.leader, {
            "links": links,
            "database": database,
            "leader": self.engine.leader,
        }

    async def keep_balance(self) -> None:
        """Compare what was counted with what was written, for ever."""
        start = await self._rows()
        while True:
            await asyncio.sleep(BALANCE_EVERY)
            self.engine.tally.roll(self.engine.now())  # the business day turns, calls or not
            try:
                seen = self._requests_seen
                await self.writer.flush()
                self.unreconciled = abs(await self._rows() - start - seen)
            except StoreError as error:
                log.warning("balance_unknown", error=str(error))

    async def _rows(self) -> int:
        return sum((await self.store.totals()).values())

    async def _closed(self, requests: Sequence[str]) -> set[str]:
        await self.writer.flush()
        return await self.store.closed(requests)

    async def _recall(self, row: OpenRow, open_offers: Sequence[tuple[str, str]]) -> None:
        offers = await self.store.offers(row.id) if row.answered_at is not None else []
        # after a rescue there is more than one that was answered, and perhaps one that rings
        live = [o for o in offers if o.result in (None, OfferResult.CONNECTED)][-1:]
        self.engine.ask(
            RequestRecalled(
                row.id,
                row.node,
                row.channel,
                row.uniqueid,
                row.linkedid,
                row.did,
                row.number,
                Origin(row.province, row.source, Confidence(row.confidence), row.klass),
                row.arrived_at,
                live[0].id if live else "",
                live[0].agent if live else row.agent or "",
                row.answered_at,
                Outcome(row.outcome) if row.outcome else None,
                tuple(open_offers),
            )
        )

    async def _seed_figures(self) -> None:
        now = self.engine.now()
        midnight = datetime.fromtimestamp(now, self.settings.zone).replace(
            hour=0, minute=0, second=0, microsecond=0
        )
        self.engine.tally.roll(now)
        for row in await self.store.cohort(min(midnight.timestamp(), now - 3600)):
            province = row.province if row.province in CODES else UNKNOWN
            self.engine.tally.opened(province, row.arrived_at)
            if row.outcome is not None:
                self.engine.tally.decided(province, row.arrived_at, Outcome(row.outcome), row.waited)
        self.series.seed(await self._totals(), await self.store.offer_totals())
        self.series.seed_callbacks(await self.store.callback_totals())

    async def _totals(self) -> dict[str, Totals]:
        counts = await self.store.totals()
        waits = await self.store.waits(WAIT_BUCKETS, Outcome.CONNECTED.value)
        totals = {}
        for code in CODES:
            finished = {o: n for (p, o), n in counts.items() if p == code and o != IN_PROGRESS}
            going_on = counts.get((code, IN_PROGRESS), 0)
            wait = waits.get(code)
            cumulated = [*wait.buckets, wait.number] if wait else [0] * (len(WAIT_BUCKETS) + 1)
            steps = [n - before for n, before in zip(cumulated, [0, *cumulated], strict=False)]
            totals[code] = Totals(
                sum(finished.values()) + going_on, going_on, finished, steps, wait.total if wait else 0.0
            )
        return totals

    def _count(self, events: Sequence[Event]) -> None:
        self._requests_seen += sum(1 for e in events if type(e) is RequestOpened)

    def _add_gauges(self) -> None:
        for node in self.nodes:
            operating.add_link(self.series, node.name, node.link)
        operating.add_process(self.series, lambda: self.engine.leader)
        operating.add_ledger(self.series, self.writer, self.spool, lambda: self.unreconciled)
        operating.add_disk(self.series, self.store.database.path)
        operating.add_waits(self.series, self.engine.state, CODES, self.engine.now)
        operating.add_steering(self.series, self.engine.state, CODES, self.engine.now)
        operating.add_callbacks(self.series, self.engine.state, CODES)
        operating.add_certificate(self.series, self.settings.http)
        self.engine.took = self.series.distribution("seats_decision_duration_seconds").observe


def node_settings(pbx: Pbx) -> NodeSettings:
    """A node of the settings as the link wants it."""
    return NodeSettings(pbx.name, pbx.host, pbx.port, pbx.username, pbx.secret.get_secret_value())


@contextlib.asynccontextmanager
async def serve(
    settings: Settings, *, in_writer: Callable[[], object] | None = None
) -> AsyncIterator[Service]:
    """A service that runs until the context ends. Raises :class:`SeatsError`, :class:`StoreError`.

    ``in_writer`` is called in every thread that writes for the ledger.
    """
    store = await open_store(settings, in_writer=in_writer)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(store.close)
        standing = _Standing()
        await stack.enter_async_context(leading(store.database, standing.change))
        plan = await _plan(store, settings)
        numbering = await asyncio.to_thread(load_numbering, settings, plan)
        await replay(settings.spool, store.database)
        service = Service(settings, store, plan, await store.next_epoch(), numbering, in_writer)
        await service.writer.register()
        stack.callback(service.engine.close)
        standing.engine = service.engine
        await service.take_up()
        runner = web.AppRunner(service.app(), access_log=None, shutdown_timeout=2.0)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await _listen(runner, settings)
        service.writer.start()
        stack.push_async_callback(service.writer.close)
        tasks = [asyncio.create_task(node.run()) for node in service.nodes]
        tasks.append(asyncio.create_task(service.keep_balance()))
        tasks.append(asyncio.create_task(service.roster.keep()))
        tasks.append(asyncio.create_task(operating.watch_loop(service.series)))
        tasks.append(asyncio.create_task(service.calls.run()))
        days, engine = settings.retention.numbers_days, service.engine
        tasks.append(asyncio.create_task(keep_retention(store, days, lambda: engine.leader, engine.now)))
        for node in service.nodes:
            tasks.append(asyncio.create_task(operating.watch_restarts(service.series, node.name, node.link)))
        stack.push_async_callback(_end, tasks)
        for node in service.nodes:
            stack.push_async_callback(node.close)
        yield service


class _Standing:
    """Tells the engine whether it still leads."""

    engine: Engine | None = None

    def change(self, leads: bool) -> None:
        if self.engine is not None:
            self.engine.leader = leads


async def open_store(settings: Settings, *, in_writer: Callable[[], object] | None = None) -> Store:
    """The database, made when there is none; an older or newer one is refused untouched."""
    state = await schema_state(settings.database_url)
    if state is SchemaState.EMPTY:
        await upgrade(settings.database_url)
    elif state is SchemaState.BEHIND:
        raise OldSchemaError(
            settings.database.render_as_string(hide_password=True),
            "is older than this program",
            "seats db upgrade",
        )
    return await Store.open(settings.database_url, in_writer=in_writer)


async def _plan(store: Store, settings: Settings) -> Plan:
    """The live routing; at the very first start the file's becomes version 1."""
    plan = await store.latest_plan()
    if plan is None:
        first = load_plan(settings.routing)
        version = await store.save_plan(
            first, at=time.time(), actor="first start", comment=settings.routing.name
        )
        plan = first._replace(version=version)
    return plan


async def live_plan(settings: Settings) -> Plan:
    """The routing that is live, or would be at the first start; makes nothing."""
    if await schema_state(settings.database_url) is SchemaState.OK:
        store = await Store.open(settings.database_url)
        try:
            plan = await store.latest_plan()
        finally:
            await store.close()
        if plan is not None:
            return plan
    return load_plan(settings.routing)


def load_numbering(settings: Settings, plan: Plan) -> Numbering:
    """The tables that tell a caller's province and class. Raises :class:`NumbersError`."""
    numbers = settings.numbers
    return Numbering.load(settings.prefixes, numbers.customers, numbers.dialled, numbers.trunks, plan.classes)


async def _listen(runner: web.AppRunner, settings: Settings) -> None:
    http = settings.http
    context = tls.server_context(http)
    with _port_trouble(http):
        await web.TCPSite(runner, http.host, http.port, ssl_context=context).start()


async def port_is_free(http: Http) -> None:
    """Raise :class:`PortTakenError` when the web server could not listen; nothing listens afterwards."""
    with _port_trouble(http):
        server = await asyncio.get_running_loop().create_server(asyncio.Protocol, http.host, http.port)
    server.close()
    await server.wait_closed()


@contextlib.contextmanager
def _port_trouble(http: Http) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise PortTakenError(
            f"http: cannot listen on {http.host}:{http.port}: {why}; "
            "allowed: an address of this machine and a free port (http.host, http.port)"
        ) from None


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
