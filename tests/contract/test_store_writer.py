from __future__ import annotations

import asyncio
import sqlite3
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from seats.domain.agents import Chosen, Machine
from seats.domain.events import Event
from seats.domain.requests import Outcome
from seats.store import LedgerWriter, Store
from seats.store.database import Database
from seats.store.schema import upgrade
from tests.contract.postgres import running
from tests.contract.story import T0, connected_call, lost_call, opened, state


async def count(store: Store, table: str) -> int:
    async with store.database.read() as connection:
        return int(await connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the writer is watched from outside on purpose
            await asyncio.sleep(0.01)


async def test_events_are_written_soon_and_without_waiting(store: Store) -> None:
    writer = LedgerWriter(store.database)
    writer.start()
    writer.append(connected_call("pbx1:1"))
    assert writer.pending == 11  # not a word to the database yet
    await until(lambda: writer.pending == 0)
    assert await count(store, "audit") == 11
    assert (writer.appended, writer.written, writer.lost, writer.healthy) == (11, 11, 0, True)
    assert await writer.close() == 0


async def test_flush_waits_for_all_that_came_before(store: Store) -> None:
    writer = LedgerWriter(store.database, group_seconds=60.0, group_events=7)
    writer.start()
    await writer.flush()
    for n in range(20):
        writer.append(connected_call(f"pbx1:{n}", T0 + n))
    await asyncio.gather(*(writer.flush() for _ in range(3)))
    assert writer.pending == 0
    assert await count(store, "requests") == 20
    assert await count(store, "audit") == 220
    writer.append([opened("pbx1:last")])
    assert await writer.close() == 0
    assert await count(store, "requests") == 21


async def test_groups_keep_to_their_transaction(store: Store) -> None:
    writer = LedgerWriter(store.database, group_events=4)
    writer.append(connected_call("pbx1:1"))
    writer.start()
    await writer.close()
    async with store.database.read() as connection:
        assert await connection.scalar(text("SELECT batch FROM writers")) == 11, "the last event's number"


async def test_past_the_bound_events_are_counted_as_lost(store: Store) -> None:
    writer = LedgerWriter(store.database, bound=10)
    writer.append(connected_call("pbx1:1"))
    writer.append([opened("pbx1:2")])
    assert (writer.pending, writer.lost) == (10, 2)
    writer.start()
    await writer.flush()
    writer.append([opened("pbx1:3")])
    assert await writer.close() == 0
    assert (writer.pending, writer.lost) == (0, 2)
    assert await count(store, "requests") == 2


async def test_hostile_text_is_written_without_what_no_database_takes(store: Store) -> None:
    writer = LedgerWriter(store.database)
    writer.start()
    bad = opened("pbx1:1")._replace(number="13\0800\ud800'; DROP TABLE requests; --", did="\0" * 9)
    writer.append([bad, state(T0, "a\0", Chosen.READY, Machine.IDLE, "\udfff")])
    await writer.flush()
    await writer.close()
    rows, _ = await store.requests()
    assert rows[0].number == "13800?'; DROP TABLE requests; --"
    assert rows[0].did == ""
    assert writer.rejected == 0


async def test_an_event_the_database_refuses_does_not_hold_up_the_others(store: Store) -> None:
    writer = LedgerWriter(store.database)
    writer.start()
    broken = opened("pbx1:broken")._replace(at=None)  # type: ignore[arg-type]
    writer.append([opened("pbx1:1"), broken, *lost_call("pbx1:2", Outcome.TIMEOUT)])
    async with asyncio.timeout(30):
        await writer.flush()
    assert (writer.rejected, writer.written, writer.pending, writer.healthy) == (1, 4, 0, True)
    assert sorted(r.id for r in (await store.requests())[0]) == ["pbx1:1", "pbx1:2"]
    writer.append([opened("pbx1:3"), object()])  # type: ignore[list-item]
    assert await writer.close() == 0
    assert writer.rejected == 2
    assert await count(store, "requests") == 3


async def test_a_missing_table_is_waited_for(store: Store) -> None:
    """A restore in progress, say: nothing is given up that could be written later."""
    async with store.database.write() as connection:
        await connection.execute(text("ALTER TABLE audit RENAME TO away"))
    writer = LedgerWriter(store.database, group_seconds=0.0)
    writer.start()
    writer.append(connected_call("pbx1:1"))
    await until(lambda: not writer.healthy)
    assert "audit" in writer.last_error
    async with store.database.write() as connection:
        await connection.execute(text("ALTER TABLE away RENAME TO audit"))
    await writer.flush()
    assert (writer.rejected, writer.healthy) == (0, True)
    assert await count(store, "audit") == 11
    await writer.close()


async def contents(events: list[Event], group: int, folder: Path) -> list[list[tuple[object, ...]]]:
    """What the ledger's tables hold after these events, written in groups of this size."""
    url = f"sqlite:///{folder}/{uuid.uuid4().hex}.db"
    await upgrade(url)
    store = await Store.open(url)
    writer = LedgerWriter(store.database, group_seconds=0.0, group_events=group)
    writer.append(events)
    writer.start()
    await writer.close()
    async with store.database.read() as connection:
        tables = [
            [tuple(row) for row in await connection.execute(text(f"SELECT * FROM {table} ORDER BY 1"))]
            for table in ("requests", "offers", "agent_states", "audit")
        ]
    await store.close()
    return tables


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_the_size_of_groups_changes_nothing(data: st.DataObject, tmp_path: Path) -> None:
    stories = [
        connected_call("pbx1:1"),
        connected_call("pbx1:2", T0 + 2)[:-2],
        lost_call("pbx1:3", Outcome.ABANDONED, T0 + 1),
        [opened("pbx1:1", T0 + 9, reconstructed=True), state(T0, "a1", Chosen.READY, Machine.IDLE)],
        lost_call("pbx1:3", Outcome.TIMEOUT, T0 + 1, wait=30.0),
    ]
    events: list[Event] = []
    while any(stories):
        story = data.draw(st.sampled_from([s for s in stories if s]))
        events.append(story.pop(0))
    group = data.draw(st.integers(2, 40))
    assert await contents(events, group, tmp_path) == await contents(events, 1, tmp_path)


KILLED = """
import asyncio, sys
from seats.store import LedgerWriter, Store
from tests.contract.story import connected_call

async def main():
    store = await Store.open(sys.argv[1])
    writer = LedgerWriter(store.database, group_seconds=0.001, group_events=37)
    writer.start()
    for n in range(10**6):
        writer.append(connected_call(f"pbx1:{n}"))
        await asyncio.sleep(0)
        if n == 200:
            await writer.flush()
            print("written", flush=True)

asyncio.run(main())
"""


async def test_a_killed_process_leaves_whole_groups(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/seats.db"
    await upgrade(url)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, url, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"written\n"
    process.kill()
    await process.wait()
    store = await Store.open(url)
    async with store.database.read() as connection:
        assert await connection.scalar(text("PRAGMA integrity_check")) == "ok"
        opened_rows = await connection.scalar(
            text("SELECT count(*) FROM audit WHERE action = 'request_opened'")
        )
    assert await count(store, "audit") >= 201 * 11
    assert await count(store, "requests") == opened_rows >= 201
    await store.close()


async def test_two_writers_on_one_database(url: str) -> None:
    """A second process, such as the command line, writes while the service does."""
    stores = [await Store.open(url) for _ in range(2)]
    writers = [LedgerWriter(s.database, group_seconds=0.001, group_events=3) for s in stores]
    for n, writer in enumerate(writers):
        writer.start()
        for m in range(40):
            writer.append(connected_call(f"pbx1:{n}.{m}", T0 + m))
    assert [await w.close() for w in writers] == [0, 0]
    assert await count(stores[0], "requests") == 80
    assert await count(stores[0], "audit") == 880
    for opened_store in stores:
        await opened_store.close()


async def test_a_locked_database_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "seats.db"
    await upgrade(f"sqlite:///{path}")
    database = Database(f"sqlite:///{path}", busy_timeout_ms=20)
    writer = LedgerWriter(database, group_seconds=0.0)
    writer.start()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writer.append(connected_call("pbx1:1"))
    await until(lambda: not writer.healthy)
    assert "locked" in writer.last_error
    writer.append(connected_call("pbx1:2"))
    assert writer.pending == 22
    store = Store(database)
    assert (await store.requests())[0] == [], "reading goes on while another writes"
    other.execute("ROLLBACK")
    other.close()
    await writer.flush()
    assert (writer.healthy, writer.last_error, writer.pending) == (True, "", 0)
    assert await count(store, "audit") == 22
    assert await writer.close() == 0
    await database.close()


async def test_closing_with_the_database_away_says_what_stays_unwritten(tmp_path: Path) -> None:
    path = tmp_path / "seats.db"
    await upgrade(f"sqlite:///{path}")
    database = Database(f"sqlite:///{path}", busy_timeout_ms=10)
    writer = LedgerWriter(database)
    writer.start()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writer.append(connected_call("pbx1:1"))
    assert await writer.close(within=0.2) == 11
    other.close()
    await database.close()


@pytest.mark.parametrize("mode", ["immediate", "fast"])
async def test_a_postgresql_that_goes_and_comes_back_loses_nothing(mode: str) -> None:
    with running() as server:
        url = await server.new_database()
        await upgrade(url)
        store = await Store.open(url)
        writer = LedgerWriter(store.database, group_seconds=0.005, group_events=20)
        writer.start()
        events: list[Event] = []
        for n in range(60):
            events += connected_call(f"pbx1:{n}", T0 + n)
        for n in range(0, len(events), 11):
            writer.append(events[n : n + 11])
            await asyncio.sleep(0.002)
            if n == 220:
                await asyncio.to_thread(server.stop, mode)
        assert not writer.healthy
        assert writer.last_error
        await asyncio.to_thread(server.start)
        async with asyncio.timeout(20):
            await writer.flush()
        assert (writer.lost, writer.rejected, writer.pending) == (0, 0, 0)
        assert await store.totals() == {("hubei", "connected"): 60}
        assert await count(store, "audit") == len(events)
        assert await writer.close() == 0
        await store.close()


async def test_a_commit_whose_answer_was_lost_is_not_repeated(store: Store) -> None:
    writer = LedgerWriter(store.database, group_seconds=0.0)
    real, calls = store.database.write, 0

    class Lossy:
        """Commits, then breaks before the answer arrives."""

        async def __aenter__(self) -> object:
            self._door = real()
            return await self._door.__aenter__()

        async def __aexit__(self, *error: object) -> None:
            nonlocal calls
            await self._door.__aexit__(*error)  # type: ignore[arg-type]
            calls += 1
            if calls == 1:
                raise ConnectionResetError("gone")

    store.database.write = Lossy  # type: ignore[method-assign, assignment]
    writer.append(connected_call("pbx1:1"))
    writer.start()
    await writer.flush()
    assert calls == 2
    assert await count(store, "audit") == 11
    await writer.close()
