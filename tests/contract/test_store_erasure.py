"""Personal data goes, rates stay: on both databases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from metrics.series import WAIT_BUCKETS
from seats.domain.agents import Chosen, Machine
from seats.domain.callback_book import CallbackState
from seats.domain.events import AgentAdded, Event
from seats.domain.requests import Outcome
from seats.store import LedgerWriter, Store
from seats.store.erasure import national
from seats.store.errors import ConflictError, NotFoundError
from seats.store.rows import AgentRow, User
from tests.contract.story import T0, connected_call, lost_call, opened, state
from tests.contract.test_store_callbacks import asked, changed, story

DAY = 86400.0
NUMBER, OTHER = "13871234567", "13999998888"
AT = {"at": T0 + 100 * DAY, "actor": "test"}


async def write(store: Store, events: list[Event]) -> None:
    writer = LedgerWriter(store.database, group_seconds=0.0)
    writer.start()
    writer.append(events)
    await writer.close()
    assert (writer.lost, writer.rejected, writer.pending) == (0, 0, 0)


def from_number(events: list[Event], number: str) -> list[Event]:
    return [e._replace(number=number) if type(e).__name__ == "RequestOpened" else e for e in events]  # type: ignore[attr-defined]


async def figures(store: Store) -> Any:
    """All that rates, service levels, totals and agents' days are made of."""
    return (
        await store.totals(),
        await store.offer_totals(),
        await store.waits(WAIT_BUCKETS),
        await store.waits(WAIT_BUCKETS, "connected"),
        await store.cohort(0.0),
        await store.agent_day("a1", T0, T0 + DAY),
    )


async def numbers(store: Store) -> dict[str, str]:
    rows, _ = await store.requests(limit=1000)
    return {row.id: row.number for row in rows}


async def ten_days(store: Store) -> None:
    events: list[Event] = [state(T0, "a1", Chosen.READY, Machine.IDLE)]
    for day in range(10):
        at = T0 + day * DAY
        events += connected_call(f"pbx1:{day}.1", at)
        events += from_number(lost_call(f"pbx1:{day}.2", Outcome.ABANDONED, at + 9, "hunan"), OTHER)
    await write(store, [*events, opened("pbx1:0.3", T0 + 5)])


async def test_numbers_older_than_the_retention_go_and_every_figure_stays(store: Store) -> None:
    await ten_days(store)
    before = await figures(store)
    assert await store.erase_before(T0 + 4 * DAY, **AT) == (8, 0, 0)
    left = await numbers(store)
    assert [id_ for id_, number in left.items() if number and id_ < "pbx1:4"] == ["pbx1:0.3"]  # still open
    assert all(number for id_, number in left.items() if id_ >= "pbx1:4")
    assert await figures(store) == before
    assert await store.erase_before(T0 + 4 * DAY, **AT) == (0, 0, 0)
    assert await store.erase_before(T0 + 6 * DAY, since=T0 + 4 * DAY, **AT) == (4, 0, 0)
    rows = await store.audit(subject="ledger")
    assert [(r.action, r.detail["requests"]) for r in rows] == [("numbers_erased", 4), ("numbers_erased", 8)]


async def test_more_than_one_transaction_erases_all(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seats.store.erasure.AT_ONCE", 3)
    await ten_days(store)
    assert await store.erase_before(T0 + 100 * DAY, **AT) == (20, 0, 0)
    assert [id_ for id_, number in (await numbers(store)).items() if number] == ["pbx1:0.3"]


@pytest.mark.parametrize("asked", ["13871234567", "+86 138-7123-4567", "008613871234567", "013871234567"])
async def test_one_caller_is_erased_however_the_number_is_written(store: Store, asked: str) -> None:
    spellings = ["13871234567", "+8613871234567", "008613871234567", "013871234567"]
    events: list[Event] = []
    for n, number in enumerate([*spellings, "9913871234567", OTHER]):
        events += from_number(connected_call(f"pbx1:{n}", T0 + n * DAY), number)
    await write(store, [*events, opened("pbx1:open", T0)])
    before = await figures(store)
    assert await store.erase_caller(asked, **AT) == (4, 0, 1)
    assert sorted(n for n in (await numbers(store)).values() if n) == sorted(["9913871234567", OTHER, NUMBER])
    assert await figures(store) == before
    assert "1387" not in str(await store.audit(subject="ledger"))


async def test_a_callback_loses_its_number_when_it_is_over(store: Store) -> None:
    over, open_ = (
        story(),
        [asked("b2", "pbx1:2.1", T0 + 9), *lost_call("pbx1:2.1", Outcome.ABANDONED, T0 + 9)],
    )
    await write(store, [*over, *open_])
    before = await figures(store), await store.callback_totals(), await store.open_callbacks()
    assert await store.erase_before(T0 + DAY, **AT) == (2, 1, 0)
    assert await store.erase_caller(NUMBER, **AT) == (0, 0, 1)
    assert (await figures(store), await store.callback_totals(), await store.open_callbacks()) == before
    rows, _ = await store.callbacks()
    assert {row.id: row.number for row in rows} == {"b1": "", "b2": NUMBER}
    await write(store, [changed("b2", T0 + 60, CallbackState.CANCELLED)])
    assert await store.erase_before(T0 + DAY, since=T0 + DAY, **AT) == (0, 1, 0)  # however late it ends
    assert not [row for row in (await store.callbacks())[0] if row.number]


async def test_what_names_too_many_is_refused(store: Store) -> None:
    for number in ("", "86", "%", "1234"):
        with pytest.raises(ConflictError):
            await store.erase_caller(number, **AT)
    assert await store.erase_caller("95588123", **AT) == (0, 0, 0)


async def test_who_has_left_leaves_an_id(store: Store) -> None:
    await store.put_agent(AgentRow("li", "李静", "hubei", ("hubei",), "mobile", NUMBER), **AT)
    await store.add_user(User("li", "李静", "agent", "li"), "hash", **AT)
    await write(store, [AgentAdded(T0, "li", "李静", "hubei", ("hubei",), "mobile", NUMBER),
                        *connected_call("pbx1:1", agent="li")])  # fmt: skip
    with pytest.raises(ConflictError):
        await store.erase_agent("li", **AT)
    with pytest.raises(NotFoundError):
        await store.erase_agent("nobody", **AT)
    await store.drop_agent("li", **AT)
    before = await store.agent_day("li", T0, T0 + DAY)
    await store.erase_agent("li", **AT)
    agent = await store.agent("li")
    assert agent is not None
    assert (agent.name, agent.seat_address, agent.active) == ("", "", False)
    assert await store.users(include_inactive=True) == []
    audit = await store.audit(limit=1000)
    assert "李静" not in str(audit)
    assert NUMBER not in str(audit)
    assert {r.action for r in audit} >= {"agent_put", "agent_added", "user_added", "agent_erased"}
    assert await store.agent_day("li", T0, T0 + DAY) == before
    await store.put_agent(AgentRow("wang", "王强", "hubei", ("hubei",), "mobile", NUMBER), **AT)


async def test_nothing_of_it_stays_in_the_file(sqlite_store: Store, tmp_path: Path) -> None:
    await ten_days(sqlite_store)
    files = [tmp_path / "seats.db", tmp_path / "seats.db-wal"]

    def found(number: str) -> int:
        return sum(file.read_bytes().count(number.encode()) for file in files if file.exists())

    assert found(OTHER) >= 10
    await sqlite_store.erase_caller(OTHER, **AT)
    assert found(OTHER) == 0
    await sqlite_store.erase_before(T0 + 100 * DAY, **AT)
    async with sqlite_store.database.write() as connection:
        await connection.execute(text("UPDATE requests SET ended_at = 1 WHERE id = 'pbx1:0.3'"))
    await sqlite_store.erase_before(T0 + 100 * DAY, **AT)
    assert found(NUMBER) == 0


def test_national() -> None:
    assert {national(n) for n in ("02788886666", "+862788886666", "00862788886666", "86 27 8888 6666")} == {
        "2788886666"
    }
    assert national("8613800") == "8613800"  # a local number that begins so
