"""Shared by the tests that need a real Asterisk."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from telephony.lab import LabPbx
from tests.integration.rawami import RawAmi

SEATS = [("browser", "web001"), *(("sip", f"sip{n:03d}") for n in range(8))]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if shutil.which("sipp"):
        return
    for item in items:
        if item.get_closest_marker("pbx"):
            item.add_marker(pytest.mark.skip(reason="sipp is not installed: apt-get install sip-tester"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def lab() -> AsyncIterator[LabPbx]:
    """One lab for all tests; tests use different seats or leave them as they were."""
    async with LabPbx(SEATS, full_log=True, qualify_s=1.0) as pbx:
        yield pbx


@pytest_asyncio.fixture(loop_scope="session")
async def ami(lab: LabPbx) -> AsyncIterator[RawAmi]:
    """A raw AMI connection to the shared lab."""
    async with RawAmi(lab) as connection:
        yield connection


@pytest_asyncio.fixture(loop_scope="session")
async def heartbeat(ami: RawAmi) -> AsyncIterator[None]:
    """The service is alive, as far as the dialplan can tell."""
    await ami.setvar("SEATS_HEARTBEAT", int(time.time()))
    task = asyncio.create_task(_beat(ami))
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _beat(ami: RawAmi) -> None:
    while True:
        await asyncio.sleep(0.5)
        await ami.setvar("SEATS_HEARTBEAT", int(time.time()))
