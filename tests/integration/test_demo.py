"""``seats demo`` as a person starts it: what it reports, and that it leaves nothing running."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from telephony.lab.ports import free_port

pytestmark = [pytest.mark.pbx, pytest.mark.aside]

SECONDS = 180


async def demo(*arguments: str, port: int | None = None) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from seats.main import app; app()",
        "demo",
        "--port",
        str(port or free_port()),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )


def descendants(pid: int) -> set[int]:
    """The processes below one, which may have sessions of their own."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    try:
        found = {int(child) for child in children.read_text().split()}
    except OSError:
        return set()
    return found.union(*(descendants(child) for child in found)) if found else set()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_the_report_and_the_callers_own_count_agree() -> None:
    process = await demo("--for", "5", "--rate", "3", "--json")
    async with asyncio.timeout(SECONDS):
        out, said = await process.communicate()
    assert process.returncode == 0, said.decode()
    report = json.loads(out.splitlines()[-1])
    assert report["requests"] == report["callers"]["placed"] > 0
    assert report["outcomes"]["connected"] == report["callers"]["answered"] > 0
    assert sum(report["outcomes"].values()) == report["requests"]
    assert sum(p["requests"] for p in report["provinces"].values()) == report["requests"]
    for figures in report["provinces"].values():
        assert figures["rate"] == pytest.approx(figures["connected"] / figures["requests"], abs=1e-4)


async def in_progress(port: int) -> float:
    """Requests in progress, as the demo's own metrics say."""
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return sum(float(x.rpartition(" ")[2]) for x in lines if x.startswith("seats_requests_in_progress{"))


async def test_ctrl_c_amid_calls_ends_everything_that_was_started() -> None:
    port = free_port()
    process = await demo("--rate", "4", port=port)
    assert process.stderr is not None
    async with asyncio.timeout(SECONDS):
        while b"Ctrl-C" not in await process.stderr.readline():
            assert process.returncode is None
        started = descendants(process.pid)
        assert len(started) >= 2, "Asterisk and sipp at least"
        while await in_progress(port) < 3:  # noqa: ASYNC110  # nor of calls
            await asyncio.sleep(0.2)
        os.kill(process.pid, signal.SIGINT)
        _, said = await process.communicate()
        while any(alive(pid) for pid in started):  # noqa: ASYNC110  # the system tells of no end
            await asyncio.sleep(0.05)
    assert (process.returncode, b"Error" in said) == (0, False), said.decode()
