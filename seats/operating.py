"""What operating needs to see of the process itself, as series: loop, ledger, links, web, disk and so on."""

from __future__ import annotations

import asyncio
import math
import platform
import shutil
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import structlog
from aiohttp import web
from cryptography import x509

from metrics.definition.catalogue import CALLBACK_STATES, RESPONSES
from metrics.series import Key, Series
from seats import tls
from seats.domain.events import Event
from seats.domain.outlook import Outlook, outlook
from seats.domain.requests import RequestState
from seats.domain.state import State
from seats.settings import Http
from seats.store.spool import Spool
from seats.store.writer import LedgerWriter
from seats.web import keys
from telephony.errors import TelephonyError
from telephony.link import Link
from telephony.translate import text

log = structlog.get_logger(__name__)

SAMPLE_EVERY = 0.5
"""Seconds between two samples of the event loop."""

_WAITING = (RequestState.WAITING, RequestState.OFFERED, RequestState.UNSURE)


class Progress(Protocol):
    """How far a ledger's writer is."""

    appended: int
    written: int
    healthy: bool


class Written:
    """Passes events on once the ledger holds them, so that exported totals never run ahead of it.

    A total that a restart would take back looks to Prometheus like a counter that began again from zero:
    ``increase`` would count everything twice. While the database is away events pass at once: better a
    rare wrong total than alerts that are blind.
    """

    def __init__(self, writer: Progress, sink: Callable[[Sequence[Event]], None]) -> None:
        self._writer, self._sink = writer, sink
        self._held: deque[tuple[int, Sequence[Event]]] = deque()

    def append(self, events: Sequence[Event]) -> None:
        """Hold events that the writer has just taken."""
        self._held.append((self._writer.appended, events))
        self.release()

    def release(self) -> None:
        """Pass on what is written by now."""
        limit = self._writer.written if self._writer.healthy else math.inf
        while self._held and self._held[0][0] <= limit:
            self._sink(self._held.popleft()[1])


def add_ledger(series: Series, writer: LedgerWriter, spool: Spool, unreconciled: Callable[[], int]) -> None:
    """The ledger's writer, its spool and its balance."""
    series.read("seats_ledger_unreconciled", unreconciled)
    series.read("seats_ledger_up", lambda: float(writer.healthy))
    series.read("seats_ledger_spool_up", lambda: float(not spool.error))
    series.read("seats_ledger_pending_events", lambda: writer.pending)
    series.read("seats_ledger_written_events_total", lambda: writer.written)
    series.read("seats_ledger_lost_events_total", lambda: writer.lost)
    series.read("seats_ledger_rejected_events_total", lambda: writer.rejected)


def add_disk(series: Series, path: Path | None) -> None:
    """Space of the file system a SQLite ledger lies on; nothing for PostgreSQL."""
    if path is not None:
        series.read("seats_ledger_disk_free_bytes", lambda: _disk(path, "free"))
        series.read("seats_ledger_disk_size_bytes", lambda: _disk(path, "total"))


def add_process(series: Series, leader: Callable[[], bool]) -> None:
    """Version and leadership."""
    series.read("seats_build_info", lambda: 1, version("seats"), platform.python_version())
    series.read("seats_leader", lambda: float(leader()))


def add_link(series: Series, name: str, link: Link) -> None:
    """One node's link."""
    stats = link.stats
    series.read("seats_ami_connected", lambda: float(link.up), name)
    series.read("seats_ami_event_lag_seconds", lambda: link.lag, name)
    series.read("seats_ami_reconnects_total", lambda: stats.reconnects, name)
    series.read("seats_ami_events_total", lambda: stats.events, name)
    series.read("seats_ami_actions_total", lambda: stats.actions_sent, name)
    series.read("seats_ami_action_failures_total", lambda: stats.actions_failed, name)


def add_waits(series: Series, state: State, provinces: Sequence[str], now: Callable[[], float]) -> None:
    """The oldest waiting request of every province."""

    def oldest() -> Mapping[Key, float]:
        waits = dict.fromkeys(provinces, 0.0)
        at = now()
        for request in state.requests.values():
            if request.state in _WAITING and not request.callback:
                waits[request.province] = max(waits[request.province], at - request.arrived_at)
        return {(province,): wait for province, wait in waits.items()}

    series.read_all("seats_oldest_wait_seconds", oldest)


def add_steering(series: Series, state: State, provinces: Sequence[str], now: Callable[[], float]) -> None:
    """How every province's objective is steered, and the wait its next caller must expect."""

    def add(name: str, value: Callable[[Outlook], float | None]) -> None:
        def rows() -> Mapping[Key, float]:
            at = now()
            found = {(p,): value(outlook(state, p, at)) for p in provinces}
            return {key: one for key, one in found.items() if one is not None}

        series.read_all(name, rows)

    add("seats_steering_level", lambda o: o.level)
    add("seats_objective_feasible", lambda o: float(o.feasible))
    add("seats_agents_missing", lambda o: o.missing)
    add("seats_expected_wait_seconds", lambda o: o.wait.seconds)
    add("seats_expected_wait_error_seconds", lambda o: o.wait.error if o.wait.judged else None)


def add_callbacks(series: Series, state: State, provinces: Sequence[str]) -> None:
    """Open callbacks of every province by state."""

    def waiting() -> Mapping[Key, float]:
        counts: dict[Key, float] = {
            (province, word): 0.0 for province in provinces for word in CALLBACK_STATES
        }
        for callback in state.callbacks.by_id.values():
            counts[callback.province, callback.state.value] += 1
        return counts

    series.read_all("seats_callbacks", waiting)


def add_certificate(series: Series, http: Http) -> None:
    """When the web server's certificate expires, if it has one."""
    path = http.tls_cert
    if path is None and not tls.is_loopback(http.host):
        path = tls.DEVELOPMENT / "development.pem"
    if path is not None:
        series.read("seats_certificate_expiry_timestamp_seconds", Certificate(path).expires_at)


def add_web(series: Series, app: web.Application) -> None:
    """Answers by class, and the live feed."""
    answers = dict.fromkeys(RESPONSES, 0)
    hub = app[keys.HUB]

    async def count(_: web.Request, response: web.StreamResponse) -> None:
        code = f"{response.status // 100}xx"
        answers[code] = answers.get(code, 0) + 1

    app.on_response_prepare.append(count)
    series.read_all("seats_web_responses_total", lambda: {(c,): n for c, n in answers.items()})
    series.read("seats_feed_clients", lambda: hub.clients)
    series.read("seats_feed_lag_snapshots_total", lambda: hub.snapshots_for_lag)


class Certificate:
    """A certificate file, read again when it changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._changed = math.nan
        self._expires: float | None = None

    def expires_at(self) -> float | None:
        """Unix seconds; None when the file cannot be read."""
        try:
            changed = self._path.stat().st_mtime
            if changed != self._changed:
                found = x509.load_pem_x509_certificate(self._path.read_bytes())
                self._changed, self._expires = changed, found.not_valid_after_utc.timestamp()
        except (OSError, ValueError):
            return None
        return self._expires


def _disk(path: Path, what: str) -> float | None:
    try:
        return float(getattr(shutil.disk_usage(path.parent), what))
    except OSError:
        return None


async def watch_loop(series: Series) -> None:
    """Measure for ever how late the event loop wakes."""
    lag = series.distribution("seats_event_loop_lag_seconds")
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + SAMPLE_EVERY
        await asyncio.sleep(SAMPLE_EVERY)
        lag.observe(max(0.0, loop.time() - due))


async def watch_restarts(series: Series, name: str, link: Link) -> None:
    """Ask a node after each link-up when it started, and count the changes."""
    restarts, started, connects = 0, "", 0
    series.read("seats_pbx_restarts_total", lambda: restarts, name)
    while True:
        await asyncio.sleep(SAMPLE_EVERY)
        if not link.up or link.stats.connects == connects:
            continue
        try:
            headers = (await link.call({"Action": "CoreStatus"})).headers
        except TelephonyError as error:
            log.info("start_time_unknown", node=name, error=str(error))
            continue
        connects = link.stats.connects
        found = f"{text(headers, 'CoreStartupDate')} {text(headers, 'CoreStartupTime')}"
        if started and found != started:
            restarts += 1
            log.warning("pbx_restarted", node=name)
        started = found
