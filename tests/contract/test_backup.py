"""Backup → wipe → restore with the commands of docs/operations.md, on both databases: the same figures."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from seats.backup import postgresql_environment
from seats.domain.events import Event
from seats.domain.requests import Outcome
from seats.main import app
from seats.store import LedgerWriter, Store
from seats.store.database import parse_url
from tests.contract.postgres import Postgres
from tests.contract.story import T0, connected_call, lost_call, opened


class Operator:
    """Types commands, with the database of a ``url``."""

    def __init__(self, url: str, folder: Path, path: str = "") -> None:
        self.url = url
        variables = {"SEATS_DATABASE_URL": url, "PATH": f"{path}:{os.environ['PATH']}"}
        self._environ = {**os.environ, **variables, **postgresql_environment(parse_url(url))}
        self._folder = folder

    def seats(self, *words: str) -> str:
        done = self.seats_tried(*words)
        assert done.exit_code == 0, done.output
        return done.stdout

    def seats_tried(self, *words: str) -> Result:
        """In this process, for imports take seconds; in a thread of its own, for it runs a loop."""
        with ThreadPoolExecutor(1) as pool, chdir(self._folder):
            return pool.submit(CliRunner().invoke, app, words, env=self._environ).result()

    def run(self, *command: str) -> str:
        done = self.tried(*command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def tried(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self._folder, env=self._environ, capture_output=True, text=True, check=False
        )

    def figures(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.seats("db", "figures"))
        return found


def names(folder: Path, pattern: str) -> list[str]:
    return sorted(p.name for p in folder.glob(pattern))


def calls(count: int, start: int = 0) -> list[Event]:
    events: list[Event] = []
    lost = (
        Outcome.ABANDONED,
        Outcome.TIMEOUT,
        Outcome.EXCLUDED_SHORT,
        Outcome.EXCLUDED_CLOSED,
        Outcome.NO_SEAT,
    )
    for n in range(start, start + count):
        province, at = ("hubei", "hunan", "unknown")[n % 3], T0 + n
        if n % 4:
            events += connected_call(f"pbx1:{n}", at, province)
        else:
            events += lost_call(f"pbx1:{n}", lost[n % len(lost)], at, province)
    return [*events, opened(f"pbx1:{start}.open", T0 + start)]


async def write(url: str, events: Sequence[Event]) -> None:
    store = await Store.open(url)
    writer = LedgerWriter(store.database, group_seconds=0.0)
    writer.start()
    writer.append(events)
    await writer.close()
    await store.close()


async def test_sqlite_backup_wipe_restore(tmp_path: Path) -> None:
    ledger = tmp_path / "seats.db"
    operator = Operator(f"sqlite:///{ledger}", tmp_path)
    operator.seats("db", "upgrade")
    await write(operator.url, calls(600))
    before = operator.figures()
    assert before["requests"] == 601
    assert before["provinces"]["hubei"]["strict"]["n"] > before["provinces"]["hubei"]["strict"]["k"] > 100
    said = await asyncio.to_thread(operator.seats, "db", "backup", "copy.db")
    copy = tmp_path / "copy.db"
    assert said == f"wrote copy.db, {copy.stat().st_size} bytes\n"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert names(tmp_path, "copy*") == ["copy.db"]

    await write(operator.url, calls(9, 1000))  # what came after the backup is not in it
    assert operator.figures() != before
    for name in names(tmp_path, "seats.db*"):
        (tmp_path / name).unlink()
    shutil.copy(copy, ledger)
    assert operator.figures() == before
    await write(operator.url, calls(9, 2000))  # and the ledger goes on
    assert operator.figures()["requests"] == 611


async def test_the_copy_is_of_one_moment_while_the_ledger_is_written(tmp_path: Path) -> None:
    ledger = tmp_path / "seats.db"
    operator = Operator(f"sqlite:///{ledger}", tmp_path)
    operator.seats("db", "upgrade")
    store = await Store.open(operator.url)
    writer = LedgerWriter(store.database, group_seconds=0.0)
    writer.start()
    writer.append(calls(400, 5000))
    await writer.flush()
    backup = asyncio.create_task(asyncio.to_thread(operator.seats, "db", "backup", "copy.db"))
    n = 0
    while not backup.done():
        writer.append([*connected_call(f"pbx1:{n}", T0 + n)])
        n += 1
        await asyncio.sleep(0.002)
    await backup
    await writer.close()
    await store.close()
    with sqlite3.connect(tmp_path / "copy.db") as copy:
        rows, outcomes = copy.execute("SELECT count(*), count(outcome) FROM requests").fetchone()
        decided = copy.execute("SELECT count(*) FROM audit WHERE action = 'request_decided'").fetchone()[0]
    assert 401 <= rows <= 401 + n
    assert decided == outcomes  # a decision and its audit row are written together, or not at all


def test_a_backup_never_goes_over_a_file_and_leaves_none_behind(tmp_path: Path) -> None:
    operator = Operator(f"sqlite:///{tmp_path}/seats.db", tmp_path)
    refused = operator.seats_tried("db", "backup", "a.db")
    assert refused.exit_code == 2
    assert "is not there" in refused.stderr
    (tmp_path / "b.db").write_text("precious")
    operator.seats("db", "upgrade")
    refused = operator.seats_tried("db", "backup", "b.db")
    assert refused.exit_code == 2
    assert "exists" in refused.stderr
    assert (tmp_path / "b.db").read_text() == "precious"
    with (tmp_path / "seats.db").open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * 4096)
    refused = operator.seats_tried("db", "backup", "c.db")
    assert refused.exit_code == 2
    assert {p.name for p in tmp_path.iterdir()} <= {"seats.db", "seats.db-wal", "seats.db-shm", "b.db"}


async def test_postgresql_backup_wipe_restore(tmp_path: Path, postgres: Postgres) -> None:
    url = await postgres.new_database()
    operator = Operator(url, tmp_path, str(postgres.programs))
    operator.seats("db", "upgrade")
    await write(url, calls(600))
    before = operator.figures()
    assert before["requests"] == 601
    operator.seats("db", "backup", "copy.dump")
    assert (tmp_path / "copy.dump").stat().st_mode & 0o777 == 0o600

    name = parse_url(url).database
    assert name is not None
    operator.run("dropdb", name)
    operator.run("createdb", name)
    assert operator.seats_tried("db", "figures").exit_code == 2
    operator.run("pg_restore", "--no-owner", "--exit-on-error", "--dbname", name, "copy.dump")
    assert operator.figures() == before
    await write(url, calls(9, 2000))
    assert operator.figures()["requests"] == 611


def test_secrets_of_the_database_go_by_environment() -> None:
    url = parse_url("postgresql://seats:p%40ss@db.example:5433/ledger")
    assert postgresql_environment(url) == {
        "PGHOST": "db.example",
        "PGPORT": "5433",
        "PGUSER": "seats",
        "PGPASSWORD": "p@ss",
        "PGDATABASE": "ledger",
    }


@pytest.mark.parametrize("words", [(), ("--number", "13812345678", "--older-than", "3")])
def test_erase_wants_one_thing(tmp_path: Path, words: tuple[str, ...]) -> None:
    operator = Operator(f"sqlite:///{tmp_path}/seats.db", tmp_path)
    refused = operator.seats_tried("db", "erase", *words)
    assert refused.exit_code == 2
    assert "one of --number and --older-than" in refused.stderr
