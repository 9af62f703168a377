"""A killed service's spool comes into the ledger: all of it, each entry once."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from seats.domain.events import Event
from seats.domain.requests import Outcome
from seats.service import serve
from seats.settings import Settings
from seats.store import LedgerWriter, Store
from seats.store.errors import UnreachableDatabaseError
from seats.store.replay import replay
from seats.store.schema import upgrade
from seats.store.spool import Spool
from telephony.lab.ports import free_port
from tests.contract.story import T0, connected_call, lost_call, opened
from tests.contract.test_store_callbacks import asked

CALLS = 150


async def count(store: Store, table: str) -> int:
    async with store.database.read() as connection:
        return int(await connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)


async def leave(store: Store, folder: Path, events: Sequence[Event], *, written: int = 0) -> None:
    """A service that dies with the database away: the first events are in the ledger, the others are not."""
    writer = LedgerWriter(store.database, spool=Spool(folder))
    await writer.register()
    writer.append(events[:written])
    if written:
        writer.start()
        await writer.flush()
        writer._task.cancel()  # type: ignore[union-attr]
    else:
        writer._spool.start()  # type: ignore[union-attr]
    writer.append(events[written:])
    writer._spool.close()  # type: ignore[union-attr]


KILLED = """
import asyncio, sys
from pathlib import Path
from seats.store import LedgerWriter, Store
from seats.store.errors import UnreachableDatabaseError
from seats.store.spool import Spool
from tests.contract.story import connected_call

def away():
    raise UnreachableDatabaseError("db", "is away", "another")

async def main():
    store, folder = await Store.open(sys.argv[1]), Path(sys.argv[2])
    writer = LedgerWriter(store.database, spool=Spool(folder), group_seconds=0.001)
    await writer.register()
    writer.start()
    for n in range(int(sys.argv[3])):
        writer.append(connected_call(f"pbx1:{n}"))
        if n == 50:
            await writer.flush()
            store.database.write = away
    while sum(path.read_bytes().count(b"\\n") for path in folder.iterdir()) < writer.pending:
        await asyncio.sleep(0.01)
    print("told", writer.written, writer.pending, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_a_service_killed_with_the_database_away_loses_nothing(
    store: Store, url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "spool"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", KILLED, url, str(folder), str(CALLS)),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    async for line in process.stdout:
        if line.startswith(b"told"):
            break
    written, pending = map(int, line.split()[1:])
    process.kill()
    await process.wait()
    assert (written, pending) == (51 * 11, (CALLS - 51) * 11)
    assert await count(store, "requests") == 51
    assert await replay(folder, store.database) == pending
    assert await store.totals() == {("hubei", "connected"): CALLS}
    assert await count(store, "audit") == CALLS * 11
    assert list(folder.iterdir()) == []
    assert await replay(folder, store.database) == 0


async def test_a_replay_that_is_cut_off_goes_on_where_it_was(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A callback counts its requests, an audit row has no key: twice would show."""
    calls: list[Event] = [event for n in range(CALLS) for event in connected_call(f"pbx1:{n}", T0 + n)]
    same = [asked("1", request="pbx1:0"), asked("1", request="pbx1:1")]
    folder = tmp_path / "spool"
    await leave(store, folder, [*same, *calls])
    real, groups = store.database.write, 0

    @asynccontextmanager
    async def cut_off() -> Any:
        nonlocal groups
        groups += 1
        if groups > 2:
            await asyncio.sleep(60)
        async with real() as connection:
            yield connection

    monkeypatch.setattr(store.database, "write", cut_off)
    task = asyncio.create_task(replay(folder, store.database))
    async with asyncio.timeout(20):
        while groups < 3:  # noqa: ASYNC110 - watched from outside
            await asyncio.sleep(0.01)
    task.cancel()
    monkeypatch.undo()
    assert await count(store, "audit") == 500
    assert await replay(folder, store.database) == len(calls) + 2 - 500
    assert await count(store, "audit") == len(calls) + 2
    async with store.database.read() as connection:
        assert await connection.scalar(text("SELECT requests FROM callbacks")) == 2
    assert list(folder.iterdir()) == []


async def test_what_the_ledger_has_of_a_file_is_not_written_again(store: Store, tmp_path: Path) -> None:
    await leave(store, tmp_path, connected_call("pbx1:1"), written=7)
    assert await count(store, "audit") == 7
    assert await replay(tmp_path, store.database) == 4
    assert await count(store, "audit") == 11


async def test_a_file_of_another_database_is_left_alone(store: Store, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/other.db"
    await upgrade(url)
    other = await Store.open(url)
    folder = tmp_path / "spool"
    await leave(store, folder, connected_call("pbx1:1"))
    assert await replay(folder, other.database) == 0
    assert await count(other, "audit") == 0
    assert await replay(folder, store.database) == 11
    await other.close()


async def test_what_is_torn_or_no_entry_holds_up_nothing(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    await leave(store, folder, connected_call("pbx1:1"))
    [path] = folder.glob("*.entries")
    whole = path.read_bytes().splitlines(keepends=True)
    bad = [b"x {}\n", b'3 {"of_a_later_version":[]}\n', b"\n", b'4 {"add_request":[{"id":1}]}\n']
    path.write_bytes(b"".join([*whole[:2], *bad, *whole[2:-1], whole[-1][:-1]]))
    await replay(folder, store.database)
    assert await store.totals() == {("hubei", "connected"): 1}
    assert await count(store, "audit") == 10, "all but the last, which was never finished"
    assert list(folder.iterdir()) == []


async def test_an_unreadable_folder_is_no_reason_not_to_start(store: Store, tmp_path: Path) -> None:
    (tmp_path / "w-1.entries").mkdir()
    async with store.database.write() as connection:
        await connection.execute(text("INSERT INTO writers VALUES ('w', 0, 0)"))
    assert await replay(tmp_path, store.database) == 0


async def test_a_database_that_is_away_is_told_before_anything_is_taken(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await leave(store, tmp_path, connected_call("pbx1:1"))

    def away() -> Any:
        raise UnreachableDatabaseError("db", "is away", "another")

    monkeypatch.setattr(store.database, "read", away)
    with pytest.raises(UnreachableDatabaseError):
        await replay(tmp_path, store.database)
    monkeypatch.undo()
    assert await replay(tmp_path, store.database) == 11


async def test_a_service_takes_up_what_the_last_could_not_write(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/seats.db"
    settings = Settings.model_validate(
        {"database_url": url, "http": {"port": free_port()}, "pbx": [{"port": free_port(), "secret": "s"}]}
    )
    await upgrade(url)
    store = await Store.open(url)
    gone = lost_call("pbx1:1.2", Outcome.ABANDONED)
    await leave(store, settings.spool, [opened("pbx1:1.1"), *gone])
    async with serve(settings) as service:
        assert list(service.engine.state.requests) == ["pbx1:1.1"]
        assert service.ready()[1]["database"]["spool_error"] == ""
        service.engine.announce(opened("pbx1:1.3"))
        assert await store.totals() == {("hubei", "in_progress"): 1, ("hubei", "abandoned"): 1}
        await service.writer.flush()
        assert sum((await store.totals()).values()) == 3
    assert list(settings.spool.iterdir()) == []
    await store.close()
