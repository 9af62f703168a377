"""Callbacks in the ledger, on SQLite and PostgreSQL."""

from __future__ import annotations

import pytest

from seats.domain.callback_book import CallbackState, Result, Source
from seats.domain.events import CallbackAsked, CallbackChanged, CallbackTried, Event, VoicemailLeft
from seats.domain.requests import Outcome
from seats.store import Store
from seats.store.errors import BadCursorError
from tests.contract.story import T0, lost_call
from tests.contract.test_store_ledger import write

NUMBER = "13871234567"


def asked(
    callback: str, request: str, at: float = T0, province: str = "hubei", since: float = T0
) -> CallbackAsked:
    return CallbackAsked(
        at, callback, request, province, NUMBER, "95500", "pbx1", Source.RECOVERED, since, at + 60
    )


def changed(
    callback: str, at: float, state: CallbackState, attempts: int = 0, province: str = "hubei"
) -> CallbackChanged:
    return CallbackChanged(at, callback, province, state, at + 900, attempts, "a1", "told")


def tried(callback: str, call: str, at: float, reached: float | None) -> CallbackTried:
    result = Result.NO_ANSWER if reached is None else Result.CONNECTED
    talk = 0.0 if reached is None else at - reached
    return CallbackTried(at, callback, call, "hubei", "a1", True, at - 40, reached, result, talk, "")


def story() -> list[Event]:
    """Lost, not reached the first time, talked with at the second."""
    return [
        *lost_call("pbx1:1.1", Outcome.ABANDONED),
        asked("b1", "pbx1:1.1"),
        changed("b1", T0 + 1, CallbackState.WAITING),
        changed("b1", T0 + 60, CallbackState.CALLING),
        tried("b1", "pbx1:c1", T0 + 100, None),
        changed("b1", T0 + 100, CallbackState.WAITING, 1),
        changed("b1", T0 + 1000, CallbackState.CALLING, 1),
        tried("b1", "pbx1:c2", T0 + 1100, T0 + 1030),
        changed("b1", T0 + 1100, CallbackState.DONE, 2),
    ]


async def test_a_callback_from_loss_to_talk(store: Store) -> None:
    await write(store, story())
    found = await store.callback("b1")
    assert found is not None
    row, attempts = found
    assert (row.request, row.number, row.asked_at, row.state, row.attempts) == (
        "pbx1:1.1", NUMBER, T0, "done", 2,
    )  # fmt: skip
    assert [(a.result, a.talk, a.reached_at, a.agent_first) for a in attempts] == [
        ("no_answer", 0.0, None, True),
        ("connected", 70.0, T0 + 1030, True),
    ]
    assert await store.open_callbacks() == []
    assert await store.callback("nothing") is None


async def test_its_request_tells_of_it_and_keeps_its_outcome(store: Store) -> None:
    await write(store, story())
    found = await store.request("pbx1:1.1")
    assert found is not None
    row, timeline = found
    assert row.outcome == "abandoned"
    assert timeline[-1].kind == "callback_asked"
    assert timeline[-1].data["callback"] == "b1"


async def test_every_change_is_audited_without_the_number(store: Store) -> None:
    await write(store, story())
    rows = [r for r in await store.audit() if r.subject == "callback/b1"]
    assert len(rows) == 7
    assert NUMBER not in str(rows)


async def test_a_request_that_joins(store: Store) -> None:
    first = [asked("b1", "pbx1:1.1"), changed("b1", T0, CallbackState.WAITING)]
    await write(store, first)
    joined = asked("b1", "pbx1:1.2", T0 + 500)._replace(source=Source.CHOSEN)
    await write(store, [joined])
    (row,) = await store.open_callbacks()
    assert (row.requests, row.request, row.asked_at, row.source) == (2, "pbx1:1.1", T0, "chosen")
    assert row.state == "waiting"


async def test_pages_and_filters(store: Store) -> None:
    for n in range(5):
        province = "hubei" if n % 2 else "hunan"
        await write(store, [asked(f"b{n}", f"pbx1:{n}", T0 + n, province, since=T0 + n)])
    await write(store, [changed("b4", T0 + 9, CallbackState.CANCELLED, province="hunan")])
    first, cursor = await store.callbacks(limit=2)
    assert [r.id for r in first] == ["b4", "b3"]
    assert cursor is not None
    rest, end = await store.callbacks(limit=3, cursor=cursor)
    assert ([r.id for r in rest], end) == (["b2", "b1", "b0"], None)
    assert [r.id for r in (await store.callbacks(state="open", province="hunan"))[0]] == ["b2", "b0"]
    assert [r.id for r in (await store.callbacks(state="cancelled"))[0]] == ["b4"]
    assert await store.oldest_callback() == T0
    assert await store.callback_totals() == {
        ("hubei", "waiting"): 2,
        ("hunan", "waiting"): 2,
        ("hunan", "cancelled"): 1,
    }
    assert ("hunan", "cancelled") not in await store.callback_totals(since=T0 + 10)
    with pytest.raises(BadCursorError):
        await store.callbacks(cursor="nonsense")


async def test_a_restart_goes_on_with_what_is_open(store: Store) -> None:
    await write(store, [*story()[:-1], asked("b2", "pbx1:2.2", T0 + 5, since=T0 + 5)])
    assert [(r.id, r.state) for r in await store.open_callbacks()] == [("b1", "calling"), ("b2", "waiting")]


async def test_a_voicemail_is_in_the_requests_timeline(store: Store) -> None:
    await write(
        store,
        [*lost_call("pbx1:1.1", Outcome.TIMEOUT), VoicemailLeft(T0 + 30, "pbx1:1.1", "/v/1.1.wav", 7.0)],
    )
    found = await store.request("pbx1:1.1")
    assert found is not None
    assert found[1][-1].kind == "voicemail_left"
    assert found[1][-1].data == {"file": "/v/1.1.wav", "length": 7.0}
