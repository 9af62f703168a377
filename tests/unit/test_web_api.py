"""Every endpoint: what it answers, what it refuses, and hostile input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seats.domain.agents import Machine, SeatKind
from seats.planfile import plan_to_json
from seats.settings import Numbers, Settings
from seats.store.rows import LedgerRow, TimelineRow
from seats.web import api_requests, keys, views
from tests.unit.webhouse import NUMBER, ZONE, House, Person, start


@pytest.fixture
async def house(aiohttp_client: Any) -> House:
    house = House()
    house.populate()
    house.client = await start(house, aiohttp_client)
    return house


async def person(house: House, login: str) -> Person:
    someone = Person(house.client, house)
    assert (await someone.sign_in(login)).status == 200
    return someone


def row(request: str, **changes: Any) -> LedgerRow:
    made = LedgerRow(
        request,
        "pbx1",
        1000.0,
        "hubei",
        "area_code",
        "certain",
        "95500",
        NUMBER,
        "connected",
        2.0,
        3.0,
        60.0,
        "a1",
        "caller",
        "consult",
        False,
        1,
    )
    return made._replace(**changes)


# --- agents ---------------------------------------------------------------------------------------


async def test_supervisors_see_all_agents_and_agents_themselves(house: House) -> None:
    told = await (await person(house, "sue")).get("/agents")
    assert [a["id"] for a in told["agents"]] == ["a1", "a2", "s1"]
    told = await (await person(house, "anna")).get("/agents")
    assert [a["id"] for a in told["agents"]] == ["a1"]
    assert told["agents"][0]["seat"] == {"kind": "browser", "address": "web001"}
    assert told["agents"][0]["skills"] == {}
    house.engine.state.agents["a1"].skills["claims"] = 5
    told = await (await person(house, "sue")).get("/agents")
    assert {a["id"]: a["skills"] for a in told["agents"]} == {"a1": {"claims": 5}, "a2": {}, "s1": {}}


async def test_a_state_is_asked_and_answered(house: House) -> None:
    anna = await person(house, "anna")
    house.make_ready("a1")
    told = await anna.post("/agents/a1/state", {"state": "not_ready", "reason": "meal"})
    assert (told["display"], told["reason"]) == ("not_ready", "meal")
    told = await anna.post("/agents/a1/state", {"state": "ready", "reason": "meal"})
    assert (told["display"], told["reason"]) == ("ready", "")
    told = await (await person(house, "sue")).post("/agents/a1/state", {"state": "signed_out"})
    assert told["chosen"] == "signed_out"


async def test_a_state_asked_during_a_call_is_reserved(house: House) -> None:
    someone = await person(house, "sip")
    house.make_ready("s1")
    house.call("c1")
    house.answer("s1")
    told = await someone.post("/agents/s1/state", {"state": "not_ready", "reason": "break"})
    assert told["display"] == "talking"
    assert told["reserved"] == {"chosen": "not_ready", "reason": "break"}


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"state": "asleep"}, 422, "state"),
        ({"state": "not_ready", "reason": "<b>"}, 422, "reason"),
        ({"state": 1}, 422, "state"),
        ({}, 422, ""),
        ({"state": "ready", "chosen": "x"}, 422, ""),
        ([], 422, ""),
    ],
)
async def test_states_that_do_not_exist(house: House, body: Any, status: int, field: str) -> None:
    told = await (await person(house, "anna")).post("/agents/a1/state", body, status)
    assert told["status"] == status and told["type"].startswith("urn:seats:problem:")
    assert told.get("field", "") == field


async def test_an_unknown_agent_is_told(house: House) -> None:
    told = await (await person(house, "sue")).post("/agents/nobody/state", {"state": "ready"}, 404)
    assert "nobody" in told["detail"]


async def test_the_lease_by_post(house: House) -> None:
    anna = await person(house, "anna")
    told = await anna.post("/agents/a1/lease", {"fault": ""})
    assert house.engine.state.agents["a1"].lease_until == told["until"]
    await anna.post("/agents/a1/lease", {"fault": "audio_blocked"})
    assert house.engine.state.agents["a1"].lease_fault == "audio_blocked"
    told = await anna.post("/agents/a1/lease", {"fault": "tired"}, 422)
    assert "no_microphone" in told["allowed"]
    await (await person(house, "sue")).post("/agents/a1/lease", {}, 403)  # only the desk itself can prove it


async def test_wrap_up_and_disposition(house: House) -> None:
    someone = await person(house, "sip")
    told = await someone.post("/agents/s1/wrapup", {"disposition": "claim", "done": True}, 409)
    assert "wrap-up" in told["allowed"]
    house.make_ready("s1")
    house.call("c1")
    house.answer("s1")
    await someone.post("/agents/s1/wrapup", {"disposition": "nonsense"}, 422)
    told = await someone.post("/agents/s1/wrapup", {"disposition": "claim"})
    assert told["display"] == "talking"
    offer = house.engine.state.agents["s1"].offer
    from seats.domain.messages import CallerGone, SeatGone

    house.engine.post(CallerGone("pbx1:c1", "16"))
    house.engine.post(SeatGone(str(offer)))
    assert house.engine.state.agents["s1"].machine is Machine.WRAP_UP
    told = await someone.post("/agents/s1/wrapup", {"disposition": "claim", "done": True})
    assert told["display"] == "ready" and told["wrap_up_until"] is None


async def test_hanging_up(house: House) -> None:
    someone = await person(house, "sip")
    await someone.post("/agents/s1/hangup", {}, 409)
    house.make_ready("s1")
    house.call("c1")
    house.answer("s1")
    done: list[Any] = []
    house.engine.carry = done.append
    reply = await someone.call("POST", "/agents/s1/hangup")  # without a body
    assert reply.status == 202
    assert [type(effect).__name__ for effect in done] == ["HangUp"]


# --- the ledger -----------------------------------------------------------------------------------


async def test_the_ledger_is_told_masked(house: House) -> None:
    open_one = row("pbx1:1.3", outcome=None, agent=None, talk=None)
    house.store.ledger = [row("pbx1:1.2", klass="green"), open_one]
    sue = await person(house, "sue")
    reply = await sue.call("GET", "/requests?since=1&until=2000.5&province=hubei&outcome=connected&limit=1")
    text = await reply.text()
    assert NUMBER not in text
    told = json.loads(text)
    assert told["next"] == "more"
    assert told["requests"][0]["number_masked"] == "138****5678"
    assert told["requests"][0]["agent_name"] == "A1"
    assert told["requests"][0]["klass"] == "green"
    assert (told["requests"][0]["queue_s"], told["requests"][0]["talk_s"]) == (2.0, 60.0)
    assert house.store.asked == {
        "since": 1.0,
        "until": 2000.5,
        "province": "hubei",
        "outcome": "connected",
        "cursor": "",
        "limit": 1,
    }


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("since=yesterday", "since"),
        ("since=nan", "since"),
        ("since=-1", "since"),
        ("until=1e400", "until"),
        ("province=atlantis", "province"),
        ("outcome=lost", "outcome"),
        ("limit=0", "limit"),
        ("limit=100000", "limit"),
        ("cursor=" + "x" * 201, "cursor"),
        ("limit=1&limit=2", "query"),
        ("order=asc", ""),
    ],
)
async def test_queries_that_mean_nothing(house: House, query: str, field: str) -> None:
    told = await (await person(house, "sue")).get(f"/requests?{query}", 422)
    assert told.get("field", "") == field


async def test_one_request_with_its_timeline(house: House) -> None:
    house.store.ledger = [row("pbx1:1.2")]
    data = {"number": NUMBER, "channel": "PJSIP/x", "province": "hubei"}
    house.store.timelines["pbx1:1.2"] = [TimelineRow(1000.0, "request_opened", data)]
    told = await (await person(house, "sue")).get("/requests/pbx1%3A1.2")
    assert told["request"]["id"] == "pbx1:1.2"
    assert told["timeline"] == [
        {
            "at": 1000.0,
            "kind": "request_opened",
            "text_key": "timeline.request_opened",
            "data": {"number": "138****5678", "province": "hubei"},
        }
    ]
    await (await person(house, "sue")).get("/requests/none", 404)


async def test_the_own_day(house: House) -> None:
    told = await (await person(house, "anna")).get("/me/today")
    assert told["connected"] == 4 and told["missed"] == 1 and told["ready_s"] == 3000.0
    since, until = house.store.asked["since"], house.store.asked["until"]
    assert since <= until <= since + 86400 and house.store.asked["agent"] == "a1"
    await (await person(house, "sue")).get("/me/today", 409)


def test_the_business_day_begins_at_midnight_of_its_zone() -> None:
    assert api_requests.day_start(1_600_000_000.0, ZONE) == 1_599_926_400.0  # 2020-09-13 00:00 in China


# --- figures, routing, configuration --------------------------------------------------------------


async def test_live_figures(house: House) -> None:
    house.call("c1")
    house.make_ready("s1")
    house.answer("s1")
    house.call("c2", "unknown")
    told = await (await person(house, "sue")).get("/provinces")
    assert [p["code"] for p in told["provinces"]] == list(views.CODES)
    by_code = {p["code"]: p for p in told["provinces"]}
    assert by_code["hubei"]["talking"] == 1 and by_code["unknown"]["waiting"] == 1
    assert told["totals"]["waiting"] == told["totals"]["talking"] == 1
    assert told["totals"]["today"]["requests"] == 2
    assert by_code["hubei"]["rate"]["strict"]["today"]["rate"] == 1.0
    assert by_code["hunan"]["rate"]["strict"]["today"]["rate"] is None


async def test_routing_is_read_and_changed_by_version(house: House) -> None:
    adam = await person(house, "adam")
    reply = await adam.call("GET", "/routing")
    told = await reply.json()
    assert reply.headers["ETag"] == '"1"' and told["version"] == 1 and told["versions"] == []
    plan = told["plan"]
    plan["provinces"]["hubei"]["objective"] = 0.985
    body = {"plan": plan, "comment": "试一试"}
    reply = await adam.call("PUT", "/routing", body, {"If-Match": '"1"'})
    assert reply.status == 200, await reply.text()
    assert await reply.json() == {"version": 2} and reply.headers["ETag"] == '"2"'
    live = house.engine.state.plan
    assert live.version == 2 and live.routes["hubei"].objective == 0.985
    told = await adam.get("/routing")
    assert told["versions"][0]["actor"] == "adam" and told["versions"][0]["comment"] == "试一试"
    reply = await adam.call("PUT", "/routing", body, {"If-Match": '"1"'})
    assert reply.status == 412 and reply.headers["ETag"] == '"2"'


async def test_routing_says_where_what_and_what_is_allowed(house: House) -> None:
    adam = await person(house, "adam")
    plan = plan_to_json(house.engine.state.plan)
    assert (await adam.call("PUT", "/routing", {"plan": plan})).status == 428
    plan["provinces"]["hubei"]["rings"][0]["pool"] = "nobody"
    reply = await adam.call("PUT", "/routing", {"plan": plan}, {"If-Match": '"1"'})
    told = await reply.json()
    assert reply.status == 422
    assert told["field"] == "provinces.hubei.rings[1].pool"
    assert "nobody" in told["detail"] and "nation" in told["allowed"]
    assert house.engine.state.plan.version == 1 and house.store.plans == []


async def test_routing_that_the_agents_cannot_give_is_refused(house: House) -> None:
    adam = await person(house, "adam")

    async def refused(plan: dict[str, Any]) -> dict[str, Any]:
        reply = await adam.call("PUT", "/routing", {"plan": plan}, {"If-Match": '"1"'})
        assert reply.status == 422, await reply.text()
        assert house.engine.state.plan.version == 1 and house.store.plans == []
        told: dict[str, Any] = await reply.json()
        return told

    plan = plan_to_json(house.engine.state.plan)
    plan["pools"]["hubei"]["floor"] = 3
    told = await refused(plan)
    assert (told["field"], told["allowed"]) == ("pools.hubei.floor", "0 to 2")
    plan = plan_to_json(house.engine.state.plan)
    plan["skills"] = {"claims": {"zh": "理赔"}}
    plan["services"] = {"95501": {"needs": [{"skill": "claims", "level": 3}]}}
    told = await refused(plan)
    assert told["field"] == "services.95501.needs[1].skill"
    assert "'claims'" in told["detail"] and "relaxed by until" in told["allowed"]


async def test_a_class_that_customers_have_is_not_dropped(aiohttp_client: Any, tmp_path: Path) -> None:
    """The service would not start again: better said now, to who can still change it."""
    listed = tmp_path / "customers.csv"
    listed.write_text(
        "number,province,class\n13800000001,hubei,green\n13800000002,hubei\n13800000003,hunan,gold\n"
        + "".join(f"1390000000{n},hunan,green\n" for n in range(6))
    )
    house = House(Settings(numbers=Numbers(customers=listed)))
    house.populate()
    house.client = await start(house, aiohttp_client)
    adam = await person(house, "adam")
    plan = plan_to_json(house.engine.state.plan)
    plan["classes"] = {"gold": 3}
    reply = await adam.call("PUT", "/routing", {"plan": plan}, {"If-Match": '"1"'})
    told = await reply.json()
    assert (reply.status, told["field"]) == (422, "classes")
    assert "'green'" in told["detail"] and f"7 customers of {listed}" in told["detail"]
    assert "lines 2, 5, 6, 7, 8 …" in told["detail"]
    assert house.engine.state.plan.version == 1 and house.store.plans == []
    plan["classes"] = {"gold": 3, "green": 5}
    assert (await adam.call("PUT", "/routing", {"plan": plan}, {"If-Match": '"1"'})).status == 200


async def test_only_admins_change_the_routing(house: House) -> None:
    plan = plan_to_json(house.engine.state.plan)
    for login in ("anna", "sue"):
        someone = await person(house, login)
        reply = await someone.call("PUT", "/routing", {"plan": plan}, {"If-Match": '"1"'})
        assert reply.status == 403


async def test_people_and_nodes_without_secrets(house: House) -> None:
    adam = await person(house, "adam")
    told = await adam.get("/users")
    assert {u["login"] for u in told["users"]} == {"anna", "bert", "sip", "sue", "adam"}
    assert told["users"][0].keys() == {"login", "name", "role", "agent_id"}
    told = await adam.get("/config")
    assert told["nodes"][0]["link"] == {"state": "up", "reason": ""}
    assert "secret" not in json.dumps(told)
    told = await adam.get("/config/choices")
    assert [c["code"] for c in told["reasons"]] == [
        "break",
        "meal",
        "meeting",
        "training",
        "callback",
        "tech",
    ]
    assert {"code": "claim", "zh": "报案", "en": "Claim"} in told["dispositions"]


# --- hostile input --------------------------------------------------------------------------------


async def test_bodies_must_be_json(house: House) -> None:
    anna = await person(house, "anna")
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        reply = await anna.call(
            "POST", "/agents/a1/state", None, {"Content-Type": kind}, data=b'{"state":"ready"}'
        )
        assert reply.status == 415
    for body in (
        b"{",
        b"\xff\xfe",
        b"[" * 5000,
        b'{"state":"ready"}x',
        b"NaN",
        b'"' + b"\xed\xa0\x80" + b'"',
    ):
        headers = {"Content-Type": "application/json"}
        reply = await anna.call("POST", "/agents/a1/state", None, headers, data=body)
        assert reply.status in (400, 422), body
        assert reply.content_type == "application/problem+json"
    assert house.engine.state.agents["a1"].chosen == "signed_out"


async def test_huge_bodies_are_refused(house: House) -> None:
    adam = await person(house, "adam")
    headers = {"Content-Type": "application/json", "If-Match": '"1"'}
    body = b'{"comment":"' + b"x" * 300_000 + b'"}'
    reply = await adam.call("PUT", "/routing", None, headers, data=body)
    assert reply.status == 413 and reply.content_type == "application/problem+json"
    reply = await adam.client.post("/api/v1/session", data=body, headers=headers)
    assert reply.status == 413


async def test_names_with_html_stay_text_and_are_never_html(house: House) -> None:
    name = "<script>alert(1)</script>"
    house.agent("x1", "hubei", SeatKind.SIP, "sip9", name)
    reply = await (await person(house, "sue")).call("GET", "/agents")
    assert reply.content_type == "application/json"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert name in [a["name"] for a in (await reply.json())["agents"]]


async def test_unknown_paths_and_methods_are_problems(house: House) -> None:
    for method, path, status in (
        ("GET", "/nothing", 404),
        ("DELETE", "/agents", 405),
        ("PATCH", "/session", 405),
    ):
        reply = await house.client.request(method, f"/api/v1{path}")
        assert reply.status == status
        assert (await reply.json())["status"] == status
    assert "GET" in reply.headers["Allow"]


async def test_our_own_faults_tell_nothing(house: House, caplog: pytest.LogCaptureFixture) -> None:
    async def broken() -> Any:
        raise RuntimeError("secret of the database")

    adam = await person(house, "adam")
    house.store.users = broken  # type: ignore[method-assign]
    told = await adam.get("/users", 500)
    assert "secret" not in json.dumps(told) and told["title"] == "internal error"


async def test_every_answer_carries_the_security_headers(house: House) -> None:
    for path in ("/api/v1/session", "/desk", "/healthz", "/metrics", "/nowhere", "/static/x.js"):
        reply = await house.client.get(path)
        policy = reply.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert reply.headers["Referrer-Policy"] == "no-referrer"
    assert (await house.client.get("/api/v1/session")).headers["Cache-Control"] == "no-store"


async def test_the_service_stops_with_sockets_open(house: House) -> None:
    feed = await (await person(house, "sue")).feed()
    assert house.app[keys.HUB].clients == 1
    closing = house.client.server.close()
    import asyncio

    task = asyncio.create_task(closing)
    assert (await feed.until("closed"))["code"] == 1001
    await asyncio.wait_for(task, 20)
