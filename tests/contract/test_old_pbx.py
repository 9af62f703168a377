"""A PBX that was away when the service started, and is too old when it comes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from seats.service import serve
from telephony.fakepbx import FakePbx
from tests.contract.test_second_service import settings


@pytest.mark.parametrize(("version", "told"), [("18.26.4", True), ("certified/20.7-cert2", False)])
async def test_a_pbx_that_is_too_old_is_told_of_at_every_link_up(
    tmp_path: Path, version: str, told: bool
) -> None:
    async with FakePbx() as pbx:
        pbx.version = version
        with capture_logs() as logs:
            async with serve(settings(pbx, f"sqlite:///{tmp_path / 'seats.db'}")) as service:
                async with asyncio.timeout(20):
                    while not service.ready()[0]:  # noqa: ASYNC110 - readiness has no event of its own
                        await asyncio.sleep(0.01)
                await service.nodes[0].link.refresh()
        said = [line["version"] for line in logs if line["event"] == "pbx_unsupported"]
        assert bool(said) == told
        assert set(said) <= {"Asterisk 18.26.4; allowed: 20 or newer"}
