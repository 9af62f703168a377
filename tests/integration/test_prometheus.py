"""One story on real programs: Asterisk, sipp, the service, Prometheus and Alertmanager.

Calls are answered and lost, the service is restarted among them, a small province loses one of four, a busy
one a fifth of its calls, another all six, and the PBX dies. The rules are the shipped ones at a twentieth of
their durations. With ``PANEL_PICTURES=FOLDER`` in the environment the dashboards are drawn there meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import math
import os
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest
import structlog

from metrics.definition.boards import BOARDS
from metrics.definition.timing import MINUTE, Timing
from seats import logs, tls
from seats.domain.agents import Chosen
from seats.service import open_store
from seats.store.passwords import hash_password
from seats.store.rows import User
from telephony.lab import Behaviour, LabPbx, SimAgents
from tests.integration.house import (
    BEIJING,
    HUBEI,
    HUNAN,
    Home,
    House,
    call,
    people,
    plan_for_tests,
    settings_for,
)
from tests.integration.pictures import draw
from tests.integration.watchers import Alertmanager, Pages, Prometheus, missing

pytestmark = [
    pytest.mark.pbx,
    pytest.mark.aside,
    pytest.mark.skipif(bool(missing()), reason="install prometheus and prometheus-alertmanager"),
]

PACE = Timing(0.05)
SLOWLY = Behaviour(answers_after=(0.9, 1.0))
HOMES = {f"sip{n:03d}": Home("hubei", ("hubei", "central", "nation"), SLOWLY) for n in range(16)}
FINISHED = "sum by (province, outcome) (seats_requests_finished_total)"
PASSWORD = "board-secret"
QINGHAI, NINGXIA = "097188886666", "095188886666"


class Watched(NamedTuple):
    """A house under watch."""

    house: House
    prometheus: Prometheus
    pages: Pages
    log: io.StringIO


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All that the service logs, as a machine would get it."""
    stream, root = io.StringIO(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure(json=True, stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@contextlib.asynccontextmanager
async def watched(folder: Path, log: io.StringIO) -> AsyncIterator[Watched]:
    pages = Pages()
    async with contextlib.AsyncExitStack() as stack:
        lab = await stack.enter_async_context(LabPbx([("sip", a) for a in HOMES], qualify_s=1.0))
        certificate, key = tls.development_certificate("127.0.0.1", folder / "tls")
        plain = settings_for(lab, folder)
        http = {"port": plain.http.port, "tls_cert": certificate, "tls_key": key}
        settings = settings_for(lab, folder, http=http)
        await people(settings, HOMES, plan_for_tests())
        await supervisor(settings)
        h = House(lab, settings, HOMES)
        await stack.enter_async_context(pages.listening())
        manager = await stack.enter_async_context(Alertmanager(folder, PACE, pages).running())
        target = f"127.0.0.1:{settings.http.port}"
        scraper = Prometheus(folder, PACE, target, alertmanager_port=manager.port)
        await stack.enter_async_context(h.serving())
        secrets = {a: lab.seat_secret(a) for a in HOMES}
        phones = SimAgents(lab.sip_port, {a: home.behaviour for a, home in HOMES.items()}, secrets)
        h.phones = await stack.enter_async_context(phones)
        await h.until(lambda: all(h.agent(a).nodes for a in HOMES))
        for address in HOMES:
            h.choose(address, Chosen.READY)
        await stack.enter_async_context(scraper.running())
        async with asyncio.timeout(30):  # what was counted before the first scrape would be no increase
            while await scraper.value("sum(seats_requests_total)") is None:  # noqa: ASYNC110 - tells who asks
                await asyncio.sleep(0.2)
        yield Watched(h, scraper, pages, log)


async def supervisor(settings: object) -> None:
    store = await open_store(settings)  # type: ignore[arg-type]
    try:
        hashed = await asyncio.to_thread(hash_password, PASSWORD)
        await store.add_user(User("board", "board", "supervisor", None), hashed, at=0.0, actor="test")
    finally:
        await store.close()


async def board_rates(h: House) -> dict[str, tuple[int, int]]:
    """(connected, decided) of today from the API, by province."""
    base = f"https://127.0.0.1:{h.settings.http.port}/api/v1"
    jar = aiohttp.CookieJar(unsafe=True)
    connector = aiohttp.TCPConnector(ssl=False)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=jar) as session:
        answer = await session.post(f"{base}/session", json={"login": "board", "password": PASSWORD})
        assert answer.status == 200
        rows = (await (await session.get(f"{base}/provinces")).json())["provinces"]
    strict = {row["code"]: row["rate"]["strict"]["today"] for row in rows}
    return {code: (r["k"], r["n"]) for code, r in strict.items() if r["n"]}


async def scraped(watch: Watched) -> None:
    """Until Prometheus has seen everything that the ledger holds."""
    await watch.house.quiet()
    await asyncio.sleep(2.5)


async def assert_all_agree(watch: Watched) -> None:
    """Ledger, Prometheus and board: the same counts and rates, to the unit."""
    await scraped(watch)
    ledger = {k: n for k, n in (await watch.house.service.store.totals()).items() if n}
    counted = {
        k: int(n) for k, n in (await watch.prometheus.by(FINISHED, "province", "outcome")).items() if n
    }
    assert counted == ledger
    requests = await watch.prometheus.by("sum by (province) (seats_requests_total)", "province")
    connected = 'sum by (province) (seats_requests_finished_total{outcome="connected"})'
    strict = 'sum by (province) (seats_requests_finished_total{outcome!="excluded_closed"})'
    rates = await watch.prometheus.by(f"{connected} / ({strict} > 0)", "province")
    gauges = 'max by (province) (seats_connection_rate{definition="strict",window="today"})'
    exported = await watch.prometheus.by(gauges, "province")
    board = await board_rates(watch.house)
    assert set(board) == {code for code, _ in ledger} == {p for (p,) in rates} == {p for (p,) in exported}
    for province, (k, n) in board.items():
        assert n == sum(m for (p, _), m in ledger.items() if p == province) == requests[province,]
        assert k == ledger.get((province, "connected"), 0)
        assert k / n == rates[province,] == exported[province,]


async def test_rates_agree_pages_come_and_panels_are_full(tmp_path: Path, log: io.StringIO) -> None:
    async with watched(tmp_path, log) as watch:
        h, _, pages, _ = watch
        good = [call(number, talk=0.5) for number in (HUBEI, HUBEI, HUNAN, BEIJING) for _ in range(5)]
        one_of_four = [call(QINGHAI, talk=0.5, patience=0.4 if n == 1 else 0.0) for n in range(4)]
        await h.place(*good, *one_of_four, rate=5.0)
        await assert_all_agree(watch)
        await nothing_is_lost_in_a_restart(watch)
        lost = 'round(max(seats:lost:increase{window="1h",province="qinghai"}))'
        assert await watch.prometheus.value(lost) == 1  # one of four was seen, and woke nobody
        assert pages.names() == []
        await a_trace_and_no_number(watch)
        await somebody_waits(watch)
        await a_fifth_of_a_busy_province_pages(watch)
        await assert_all_agree(watch)
        await six_of_six_page(watch)
        await a_dead_pbx_is_one_page(watch)
        await a_trace_and_no_number(watch)


async def nothing_is_lost_in_a_restart(watch: Watched) -> None:
    """The service stops and starts while calls come; totals go on to the unit."""
    h, prometheus = watch.house, watch.prometheus
    start = await prometheus.value("sum(seats_requests_total)")
    async with h.placing(*[call(HUBEI, talk=1.0) for _ in range(36)], rate=3.0) as callers:
        await asyncio.sleep(4.0)
        await h.stop()
        await h.start()
        counts = await callers.wait()
    assert counts.answered == 36
    await assert_all_agree(watch)
    assert start is not None
    assert await prometheus.value("sum(seats_requests_total)") == start + 36
    assert await prometheus.value("sum(resets(seats_requests_finished_total[3m]))") == 0


async def a_trace_and_no_number(watch: Watched) -> None:
    """Every request's life is one search in the log; no caller's number is in log or metrics."""
    said = watch.log.getvalue()
    rows, _ = await watch.house.service.store.requests(limit=1000)
    number = {row.id: row.number for row in rows}
    assert any(n.startswith("027") for n in number.values())
    exposed = await scrape(watch.house)
    assert not [n for n in set(number.values()) if n in said or n[1:] in said or n in exposed]
    connected = next(row for row in rows if row.outcome == "connected")
    trace = [json.loads(line) for line in said.splitlines() if f'"request":"{connected.id}"' in line]
    told = [e["event"] for e in trace]
    assert (told[0], told[-1]) == ("request_opened", "request_closed")
    assert {"offer_made", "request_decided", "call_ended"} <= set(told)
    assert {e["node"] for e in trace} == {"lab"}
    assert connected.agent in {e.get("agent") for e in trace}


async def somebody_waits(watch: Watched) -> None:
    """A caller comes while everybody is on a break: how wrong expected waits are is known only after one."""
    h = watch.house
    for address in HOMES:
        h.choose(address, Chosen.NOT_READY, "break")
    async with h.placing(call(BEIJING, talk=0.3)) as callers:
        await h.until(lambda: any(h.service.engine.state.waiting.values()))
        for address in HOMES:
            h.choose(address, Chosen.READY)
        assert (await callers.wait()).answered == 1


async def scrape(h: House) -> str:
    """/metrics; promtool has nothing to say against it."""
    url = f"https://127.0.0.1:{h.settings.http.port}/metrics"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as session:
        text = await (await session.get(url)).text()
    lint = await asyncio.to_thread(check_metrics, text)
    assert (lint.returncode, lint.stdout + lint.stderr) == (0, "")
    return text


def check_metrics(text: str) -> subprocess.CompletedProcess[str]:
    command = ["promtool", "check", "metrics"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False)


async def a_fifth_of_a_busy_province_pages(watch: Watched) -> None:
    """The page comes within the rules' five minutes, at this pace; meanwhile every panel has data."""
    h, prometheus, pages, _ = watch
    began = time.time()
    lossy = [call(HUBEI, talk=0.3, patience=0.4 if n % 5 == 4 else 0.0) for n in range(200)]
    async with h.placing(*lossy, rate=8.0) as callers:
        await h.until(pages.names, 30)
        took, first = time.time() - began, pages.names()
        print(f"paged after {took:.1f} s ({took / PACE.pace / 60:.1f} min at full length)")  # noqa: T201
        await panels_return_data(prometheus)
        await callers.wait()
    if folder := os.environ.get("PANEL_PICTURES"):
        assert await draw(prometheus.url, Path(folder), 1.5) == []
    assert took < 5 * MINUTE * PACE.pace + 6  # this test scrapes, evaluates and waits in coarse steps
    assert first == ["SeatsProvinceBurnFast"]
    page = pages.alerts("SeatsProvinceBurnFast")[0]
    assert (page["labels"]["province"], page["labels"]["zh"]) == ("hubei", "湖北")
    assert "湖北" in page["annotations"]["summary"]


async def six_of_six_page(watch: Watched) -> None:
    """Few calls, all of them lost: a page of its own."""
    h, _, pages, _ = watch
    pages.notes.clear()
    await h.place(*[call(NINGXIA, patience=0.4) for _ in range(6)], rate=4.0)

    def told() -> set[str]:
        return {
            a["labels"]["province"] for a in pages.alerts("SeatsProvinceBurnFast") if a["status"] == "firing"
        }

    await h.until(lambda: "ningxia" in told(), 30)
    assert "qinghai" not in told()


async def a_dead_pbx_is_one_page(watch: Watched) -> None:
    """Callers of many provinces wait when the PBX dies: all are lost, one page comes."""
    h, prometheus, pages, _ = watch
    fast = 'count(ALERTS{alertname="SeatsProvinceBurnFast",alertstate="firing"}) or vector(0)'
    async with asyncio.timeout(60):
        while await prometheus.value(fast):  # noqa: ASYNC110 - Prometheus tells only who asks
            await asyncio.sleep(0.5)
    await asyncio.sleep(4.0)
    pages.notes.clear()
    for address in HOMES:
        h.choose(address, Chosen.NOT_READY, "break")
    areas = ("0731", "020", "010", "0571", "028", "0371", "021", "029")
    waiting = [call(f"{area}88886{n:03d}", talk=1.0) for area in areas for n in range(5)]
    async with h.placing(*waiting, rate=20.0):
        await h.until(lambda: len(h.service.engine.state.requests) == len(waiting))
        await h.lab.kill()
        await h.until(lambda: not h.service.engine.state.requests)
        async with asyncio.timeout(20):
            while (await prometheus.value(fast) or 0) < len(areas):  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.5)
        await asyncio.sleep(6.0)  # a group waits 2 s and is told of news every 3 s
    assert pages.names() == ["SeatsLinkDown"]
    assert [a["labels"]["node"] for a in pages.alerts("SeatsLinkDown")] == ["lab"]


async def panels_return_data(prometheus: Prometheus) -> None:
    """Every expression of every dashboard has samples; none is NaN everywhere."""
    empty = []
    for board in BOARDS:
        for panel in board.panels:
            for query in panel.queries:
                found = await prometheus.query(query.expr.replace("$province", "hubei"))
                if all(math.isnan(v) for _, v in found):
                    empty.append(f"{board.uid}: {panel.title}: {query.expr}")
    assert not empty, "\n".join(empty)
