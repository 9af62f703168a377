"""What other programs rely on: paths, errors, feed and metrics, each as a running service gives them."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families as parse

from seats.domain.regions import PROVINCES, UNKNOWN
from seats.domain.requests import Outcome
from seats.service import open_store, serve
from seats.settings import Settings
from seats.store.passwords import hash_password
from seats.store.rows import AgentRow, User
from telephony.fakepbx import FakePbx
from telephony.lab.ports import free_port

pytestmark = pytest.mark.asyncio(loop_scope="module")

API = {
    ("get", "/openapi.json"),
    ("post", "/session"),
    ("delete", "/session"),
    ("get", "/agents"),
    ("post", "/agents/{id}/state"),
    ("get", "/requests"),
    ("get", "/requests/{id}"),
    ("get", "/provinces"),
    ("get", "/routing"),
    ("put", "/routing"),
    ("get", "/feed"),
}
PAGES = ("/desk", "/board", "/admin", "/metrics", "/healthz", "/readyz")
QUERY = {"since", "until", "province", "outcome"}
CODES = {*(p.code for p in PROVINCES), UNKNOWN}
OUTCOMES = {
    "connected",
    "abandoned",
    "timeout",
    "no_seat",
    "failed",
    "callback",
    "excluded_short",
    "excluded_closed",
}
METRICS = {
    "seats_requests_total": {"province"},
    "seats_requests_finished_total": {"province", "outcome"},
    "seats_requests_in_progress": {"province"},
    "seats_request_wait_seconds_bucket": {"province", "le"},
    "seats_connection_rate": {"province", "definition", "window"},
    "seats_connection_objective_ratio": {"province"},
    "seats_error_budget_remaining": {"province"},
    "seats_agents": {"pool", "state"},
    "seats_offers_total": {"result"},
    "seats_ami_connected": {"node"},
    "seats_ami_event_lag_seconds": {"node"},
    "seats_reconcile_repairs_total": {"kind"},
    "seats_ledger_unreconciled": set(),
    "seats_leader": set(),
}
AT_ZERO = (
    "seats_requests_total",
    "seats_requests_finished_total",
    "seats_requests_in_progress",
    "seats_request_wait_seconds_bucket",
    "seats_offers_total",
    "seats_reconcile_repairs_total",
    "seats_ledger_unreconciled",
)
ABSENT_WITHOUT_REQUESTS = {"seats_connection_rate", "seats_error_budget_remaining"}
"""A share of nothing is no number."""

Samples = dict[str, list[tuple[dict[str, str], float]]]


class Site:
    """A running service, and someone who is signed in as its admin."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http
        self.csrf = ""

    async def ask(self, method: str, path: str, **more: Any) -> tuple[int, str, Any]:
        """Status, type and content of an answer."""
        headers = {"X-CSRF-Token": self.csrf, **more.pop("headers", {})}
        async with self.http.request(method, path, headers=headers, **more) as reply:
            text = await reply.text()
            kind = reply.content_type
            return reply.status, kind, json.loads(text) if kind.endswith("json") else text

    async def samples(self) -> Samples:
        """The exposition: name → (labels, value)."""
        _, _, text = await self.ask("GET", "/metrics")
        found: Samples = {}
        for family in parse(text):
            for sample in family.samples:
                found.setdefault(sample.name, []).append((sample.labels, sample.value))
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with FakePbx() as pbx:
        settings = settings_for(pbx, tmp_path_factory.mktemp("site"))
        await people(settings)
        here = f"http://127.0.0.1:{settings.http.port}"
        jar = aiohttp.CookieJar(unsafe=True)
        async with serve(settings), aiohttp.ClientSession(here, cookie_jar=jar) as http:
            site = Site(http)
            body = {"login": "boss", "password": "quiet-river"}
            status, _, answer = await site.ask("POST", "/api/v1/session", json=body)
            assert status == 200
            site.csrf = answer["csrf"]
            yield site


def settings_for(pbx: FakePbx, folder: Path) -> Settings:
    return Settings.model_validate(
        {
            "database_url": f"sqlite:///{folder / 'seats.db'}",
            "http": {"port": free_port()},
            "pbx": [{"name": "one", "port": pbx.port, "secret": "secret"}],
        }
    )


async def people(settings: Settings) -> None:
    store = await open_store(settings)
    try:
        await store.put_agent(AgentRow("li", "李", "hubei", ("hubei",), "sip", "1001"), at=0.0, actor="test")
        user = User("boss", "boss", "admin", None)
        await store.add_user(user, hash_password("quiet-river"), at=0.0, actor="test")
    finally:
        await store.close()


async def test_every_path_of_the_contract_is_there(site: Site) -> None:
    _, _, described = await site.ask("GET", "/api/v1/openapi.json")
    assert re.fullmatch(r"3\.1\.\d+", described["openapi"])
    there = {(m, path.removeprefix("/api/v1")) for path, item in described["paths"].items() for m in item}
    assert there >= API
    asked = described["paths"]["/api/v1/requests"]["get"]["parameters"]
    assert {p["name"] for p in asked} >= QUERY
    for path in PAGES:
        status, _, _ = await site.ask("GET", path)
        assert status in ((200, 503) if path == "/readyz" else (200,)), path


async def test_every_path_answers_as_it_is_described(site: Site) -> None:
    """Without a body, and with ids that nobody has."""
    _, _, described = await site.ask("GET", "/api/v1/openapi.json")
    for path, item in described["paths"].items():
        for method, operation in item.items():
            if (method, path) == ("delete", "/api/v1/session") or "101" in operation["responses"]:
                continue
            there = re.sub(r"{\w+}", "nobody", path)
            status, kind, answer = await site.ask(method, there)
            assert str(status) in operation["responses"], (method, path, status, answer)
            if status >= 400:
                assert kind == "application/problem+json", (method, path)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v1/requests/nobody", 404),
        ("PATCH", "/api/v1/agents", 405),
        ("GET", "/api/v1/requests?limit=0", 422),
        ("GET", "/api/v1/requests?province=wuhan", 422),
        ("GET", "/api/v1/requests?outcome=lost", 422),
        ("PUT", "/api/v1/routing", 428),
        ("POST", "/api/v1/agents/nobody/state", 404),
    ],
)
async def test_errors_are_problem_json(site: Site, method: str, path: str, status: int) -> None:
    """RFC 9457."""
    got, kind, problem = await site.ask(method, path)
    assert (got, kind) == (status, "application/problem+json")
    assert problem["status"] == status
    assert problem["title"]
    assert problem["type"].startswith("urn:seats:problem:")


async def test_the_feed_says_hello_then_all_there_is_and_then_what_changes(site: Site) -> None:
    async with site.http.ws_connect("/api/v1/feed") as feed:
        hello = await feed.receive_json()
        assert (hello["type"], hello["version"]) == ("hello", 1)
        picture = await feed.receive_json()
        assert picture["type"] == "snapshot"
        assert picture["data"]["agents"]["li"]["display"] == "signed_out"
        status, _, _ = await site.ask("POST", "/api/v1/agents/li/state", json={"state": "ready"})
        assert status == 200
        seq = picture["seq"]
        while True:
            delta = await feed.receive_json()
            assert (delta["type"], delta["seq"]) == ("delta", seq + 1)
            seq += 1
            if "li" in delta["set"].get("agents", {}):
                break
        assert delta["set"]["agents"]["li"]["display"] != "signed_out"
        await site.ask("POST", "/api/v1/agents/li/state", json={"state": "signed_out"})


async def test_every_metric_of_the_contract_is_there_from_the_start(site: Site) -> None:
    samples = await site.samples()
    for name, labels in METRICS.items():
        rows = samples.get(name, [])
        assert rows or name in ABSENT_WITHOUT_REQUESTS, name
        assert all(set(found) == labels for found, _ in rows), (name, rows[:1])
    for name in AT_ZERO:
        assert {value for _, value in samples[name]} == {0.0}, name


async def test_every_province_and_outcome_is_there_from_the_start(site: Site) -> None:
    samples = await site.samples()
    assert len(CODES) == 35
    assert {o.value for o in Outcome} == OUTCOMES
    for name in ("seats_requests_total", "seats_requests_in_progress", "seats_connection_objective_ratio"):
        assert {labels["province"] for labels, _ in samples[name]} == CODES
    finished = {(row["province"], row["outcome"]) for row, _ in samples["seats_requests_finished_total"]}
    assert finished == {(province, outcome) for province in CODES for outcome in OUTCOMES}
    bounds = {row["le"] for row, _ in samples["seats_request_wait_seconds_bucket"]}
    assert {10.0, 15.0, 20.0, 30.0, 60.0} <= {float(bound) for bound in bounds}


async def test_no_metric_names_a_person(site: Site) -> None:
    for name, rows in (await site.samples()).items():
        for labels, _ in rows:
            assert "li" not in labels.values(), name
            assert "1001" not in labels.values(), name
