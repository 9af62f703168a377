"""What a caller's telephone may send for a name and a number, through a real Asterisk into ledger and pages."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import aiohttp
import pytest

from seats.domain.agents import Chosen
from seats.domain.events import Repaired, RequestOpened
from seats.service import open_store
from seats.store.passwords import hash_password
from seats.store.rows import User
from tests.integration.house import Home, House, house
from tests.integration.phone import Phone

pytestmark = [pytest.mark.pbx, pytest.mark.aside]

PASSWORD = "calm-harbour-31"
FORGED = "%0D%0AUniqueid%3A%201.1%0D%0A%0D%0AEvent%3A%20UserEvent%0D%0AUserEvent%3A%20SeatsRequest%0D%0A"
CALLERS = {
    "a forged event in the number": (f"0731{FORGED}Request%3A%209.9%0D%0AChannel%3A%20x%0D%0A%0D%0A", b""),
    "an action in the number": ("0731%0D%0AAction%3A%20Hangup%0D%0AChannel%3A%20%2F.%2A%2F%0D%0A%0D%0A", b""),
    "a bare LF and a NUL in the number": ("0731%0A%00886", b""),
    "the dialplan's own signs": ("%24%7BSHELL(id)%7D%7C0731%2C1%26x", b'"${EXTEN}|,&" '),
    "broken UTF-8 in both": ("0731%FF%FE%C3", b'"\xff\xfe\xc3(\xed\xa0\x80" '),
    "a name of 2 kB": ("073188886666", b'"' + "\u738b".encode() * 680 + b'" '),
    "a number of 1 kB": ("7" * 1024, b""),
    "markup in the name": ("073188886667", b'"<img src=x onerror=alert(1)>\\"" '),
}
PLAIN = re.compile(r"[0-9+]{0,32}")


async def seen_by_a_supervisor(h: House) -> list[dict[str, object]]:
    """Every answer of the JSON API that tells of callers."""
    store = await open_store(h.settings)
    try:
        hashed = await asyncio.to_thread(hash_password, PASSWORD)
        await store.add_user(User("board", "board", "supervisor", None), hashed, at=0.0, actor="test")
    finally:
        await store.close()
    base = f"http://127.0.0.1:{h.settings.http.port}/api/v1"
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        await session.post(f"{base}/session", json={"login": "board", "password": PASSWORD})
        answers = []
        for path in ("/requests", "/agents", "/provinces"):
            async with session.get(base + path) as answer:
                assert answer.status == 200, path
                answers.append(json.loads(await answer.read()))
        return answers


async def test_every_caller_is_one_request_and_nothing_else_comes_of_it(tmp_path: Path) -> None:
    async with house(tmp_path, {"sip001": Home("hunan", ("hunan", "nation"))}) as h:
        for what, (number, name) in CALLERS.items():
            async with Phone(h.lab.sip_port, user=number, did="95500", name=name) as phone:
                async with asyncio.timeout(20):
                    while not any(status >= 200 for status in phone.statuses):  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
                assert 200 in phone.statuses, (what, phone.statuses)
                await phone.hang_up()
            await h.quiet()
        answers = await seen_by_a_supervisor(h)
        opened = h.of(RequestOpened)
        assert len(opened) == len(CALLERS)
        assert all(PLAIN.fullmatch(e.number) for e in opened), [e.number for e in opened]
        rows, _ = await h.service.store.requests()
        assert [(r.outcome, r.agent) for r in rows] == [("connected", "sip001")] * len(CALLERS)
        assert h.of(Repaired) == []
        assert h.agent("sip001").chosen is Chosen.READY
        assert len(answers) == 3
        assert "\ufffd" not in json.dumps(answers, ensure_ascii=False)
