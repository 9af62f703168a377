"""Signing in and out: passwords, throttling, cookies, CSRF, origins, roles."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from seats.settings import Http, Settings
from seats.web.api_session import client_address
from seats.web.sessions import key_of
from tests.unit.webhouse import House, Person, start


@pytest.fixture
async def house(aiohttp_client: Any) -> House:
    house = House()
    house.populate()
    house.client = await start(house, aiohttp_client)
    return house


@pytest.fixture
def person(house: House) -> Person:
    return Person(house.client, house)


async def test_sign_in_tells_who_and_sets_a_safe_cookie(person: Person, house: House) -> None:
    reply = await person.sign_in("anna")
    assert reply.status == 200
    body = await reply.json()
    assert body["user"] == {"login": "anna", "name": "安娜", "role": "agent", "agent_id": "a1"}
    assert body["lang"] == "zh"
    cookie = reply.cookies["seats_session"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax" and cookie["path"] == "/"
    assert 43200 - 5 <= int(cookie["max-age"]) <= 43200
    assert await person.get("/session") == body


async def test_only_the_hash_of_the_token_is_stored(person: Person, house: House) -> None:
    await person.sign_in("anna")
    assert list(house.store.sessions) == [key_of(person.token)]
    assert len(person.token) == 43  # 256 bits
    assert person.token not in repr(house.store.sessions)


async def test_wrong_password_and_unknown_login_answer_alike(person: Person) -> None:
    wrong = await person.sign_in("anna", "nope")
    unknown = await person.sign_in("nobody", "nope")
    assert (wrong.status, unknown.status) == (401, 401)
    assert await wrong.json() == await unknown.json()
    assert wrong.content_type == "application/problem+json"
    assert "seats_session" not in wrong.cookies


async def test_unknown_logins_are_verified_against_a_dummy(person: Person, house: House) -> None:
    from seats.web import keys

    sessions = house.app[keys.SESSIONS]
    seen: list[str] = []
    sessions._passwords = sessions._passwords._replace(verify=lambda stored, _: bool(seen.append(stored)))
    await person.sign_in("nobody", "x")
    assert seen == [sessions._dummy] and seen[0]


async def test_guesses_are_throttled_for_the_login(person: Person) -> None:
    statuses = [(await person.sign_in("anna", f"guess{n}")).status for n in range(7)]
    assert statuses == [401] * 6 + [429]
    reply = await person.sign_in("anna")
    assert reply.status == 429  # the right password must wait as well
    assert int(reply.headers["Retry-After"]) >= 1
    assert (await person.sign_in("bert")).status == 200


async def test_overlong_credentials_are_not_even_tried(person: Person) -> None:
    assert (await person.sign_in("anna", "x" * 100_000)).status == 422
    assert (await person.sign_in("x" * 100_000)).status == 422


async def test_sign_out_ends_the_session(person: Person, house: House) -> None:
    await person.sign_in("anna")
    reply = await person.call("DELETE", "/session")
    assert reply.status == 204
    assert not house.store.sessions
    await person.get("/session", 401)


async def test_an_expired_session_is_none(person: Person, house: House) -> None:
    await person.sign_in("anna")
    key = key_of(person.token)
    house.store.sessions[key] = ("anna", house.engine.now() - 1)
    await person.get("/session", 401)


async def test_no_session_no_answer(person: Person) -> None:
    for path in ("/session", "/agents", "/requests", "/provinces", "/routing", "/users", "/phone", "/feed"):
        await person.get(path, 401)


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "x" * 5000, "a;=b" * 10])
async def test_made_up_tokens_are_refused(person: Person, token: str) -> None:
    person.token = token
    await person.get("/session", 401)


async def test_csrf_token_is_needed_on_unsafe_methods(person: Person) -> None:
    await person.sign_in("anna")
    right, person.csrf = person.csrf, ""
    await person.post("/agents/a1/state", {"state": "ready"}, 403)
    person.csrf = right[:-1] + ("0" if right[-1] != "0" else "1")
    await person.post("/agents/a1/state", {"state": "ready"}, 403)
    person.csrf = right
    await person.post("/agents/a1/state", {"state": "ready"}, 200)


async def test_the_csrf_token_of_another_session_does_not_do(person: Person, house: House) -> None:
    other = Person(person.client, house)
    await other.sign_in("bert")
    await person.sign_in("anna")
    person.csrf = other.csrf
    await person.post("/agents/a1/state", {"state": "ready"}, 403)


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://evil.example", 403),
        ("null", 403),
        ("http://127.0.0.1", 403),  # another port
        ("https://seats.example.com", 200),  # trusted
        ("http://[", 403),
        ("", 403),
    ],
)
async def test_origin_of_unsafe_requests(aiohttp_client: Any, origin: str, status: int) -> None:
    house = House(Settings(http=Http(trusted_origins=("https://seats.example.com",))))
    house.populate()
    person = Person(await start(house, aiohttp_client), house)
    await person.sign_in("anna")
    reply = await person.call("POST", "/agents/a1/state", {"state": "ready"}, {"Origin": origin})
    assert reply.status == status
    here = str(person.client.make_url("/")).rstrip("/")
    reply = await person.call("POST", "/agents/a1/state", {"state": "ready"}, {"Origin": here})
    assert reply.status == 200


async def test_sign_in_from_another_site_is_refused(person: Person) -> None:
    body = {"login": "anna", "password": "anna-secret"}
    reply = await person.client.post("/api/v1/session", json=body, headers={"Origin": "http://evil.example"})
    assert reply.status == 403
    reply = await person.client.post("/api/v1/session", json=body, headers={"Sec-Fetch-Site": "cross-site"})
    assert reply.status == 403


async def test_sockets_of_other_sites_are_refused(person: Person) -> None:
    await person.sign_in("anna")
    for path in ("/feed", "/phone/ws"):
        upgrade = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "Origin": "http://evil.example",
        }
        assert (await person.call("GET", path, headers=upgrade)).status == 403


@pytest.mark.parametrize(
    ("login", "forbidden"),
    [
        ("anna", ("/requests", "/requests/x", "/provinces", "/routing", "/users", "/config")),
        ("sue", ("/users", "/config")),
        ("adam", ()),
    ],
)
async def test_roles(person: Person, login: str, forbidden: tuple[str, ...]) -> None:
    await person.sign_in(login)
    for path in ("/requests", "/provinces", "/routing", "/users", "/config", "/config/choices", "/agents"):
        await person.get(path, 403 if path in forbidden else 200)


async def test_an_agent_cannot_act_for_another(person: Person) -> None:
    await person.sign_in("anna")
    await person.post("/agents/a2/state", {"state": "ready"}, 403)
    await person.post("/agents/a2/lease", {}, 403)
    await person.post("/agents/a2/wrapup", {}, 403)
    await person.post("/agents/a2/hangup", {}, 403)


async def test_signing_out_signs_the_agent_out_of_the_seats(person: Person, house: House) -> None:
    await person.sign_in("anna")
    await person.post("/agents/a1/state", {"state": "ready"})
    await person.call("DELETE", "/session")
    assert house.engine.state.agents["a1"].chosen == "signed_out"


async def test_signing_out_one_computer_leaves_the_other_at_work(person: Person, house: House) -> None:
    other = Person(person.client, house)
    await other.sign_in("anna")
    await person.sign_in("anna")
    feed = await other.feed()
    await person.post("/agents/a1/state", {"state": "ready"})
    await person.call("DELETE", "/session")
    assert house.engine.state.agents["a1"].chosen == "ready"
    await feed.ws.close()


@pytest.mark.parametrize(
    ("remote", "forwarded", "address"),
    [
        ("127.0.0.1", "6.6.6.6, 203.0.113.9", "203.0.113.9"),  # a proxy here appends whom it saw
        ("::1", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("198.51.100.7", "203.0.113.9", "198.51.100.7"),  # anybody can write this header
    ],
)
def test_only_a_proxy_on_this_machine_is_believed(remote: str, forwarded: str, address: str) -> None:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = make_mocked_request("POST", "/api/v1/session", headers).clone(remote=remote)
    assert client_address(request) == address


async def test_the_cookie_is_secure_when_the_page_came_over_tls(aiohttp_client: Any) -> None:
    house = House(Settings(http=Http(trusted_origins=("https://seats.example.com",))))
    house.populate()
    client = await start(house, aiohttp_client)
    body = {"login": "anna", "password": "anna-secret"}
    reply = await client.post("/api/v1/session", json=body)
    assert not reply.cookies["seats_session"]["secure"]
    reply = await client.post("/api/v1/session", json=body, headers={"Origin": "https://seats.example.com"})
    assert reply.cookies["seats_session"]["secure"]
