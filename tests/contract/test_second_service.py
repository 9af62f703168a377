"""Two services on one PBX and one database: the second is refused in a clear line, the first goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from seats.settings import Settings
from telephony.fakepbx import FakePbx
from telephony.lab.ports import free_port
from tests.chaos.processes import ServiceProcess, until
from tests.contract.postgres import Postgres


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'seats.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return await server.new_database()


def settings(pbx: FakePbx, database: str) -> Settings:
    node = {"name": "n1", "host": "127.0.0.1", "port": pbx.port, "username": "seats", "secret": "secret"}
    return Settings.model_validate(
        {
            "database_url": database,
            "http": {"port": free_port()},
            "pbx": [node],
            "phone": {"master_secret": "0123456789abcdef"},
        }
    )


async def test_the_second_is_refused_and_may_follow_when_the_first_has_died(
    tmp_path: Path, database: str
) -> None:
    async with FakePbx() as pbx:
        first = ServiceProcess(settings(pbx, database), tmp_path)
        (tmp_path / "second").mkdir()
        second = ServiceProcess(settings(pbx, database), tmp_path / "second")
        try:
            await first.start()
            await until(first.ready, 30, "the first is not ready")
            assert await second.try_once() == 2
            said = second.log.read_text()
            assert "another service is running on this database" in said
            assert "stop it first" in said
            assert await first.ready()
            await first.kill()
            await second.start()
            await until(second.ready, 30, "the second does not follow")
        finally:
            await first.kill()
            await second.kill()
