"""The lab itself: starts, stops, leaves nothing, stands abuse."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from telephony.lab import LabError, LabPbx, root
from telephony.lab.folders import sweep
from telephony.lab.pbx import PREFIX
from tests.integration.phone import Phone
from tests.integration.rawami import RawAmi

pytestmark = [pytest.mark.pbx, pytest.mark.aside]


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def test_it_starts_clean_and_leaves_nothing() -> None:
    said: list[str] = []
    async with LabPbx([("browser", "web001"), ("sip", "sip001")], on_progress=said.append) as lab:
        home, pid = lab.home, lab.pid
        assert int(lab.version.split(".")[0]) >= 20
        assert lab.start_s < 10
        assert listens(lab.ami_port)
        assert listens(lab.http_port)
        assert "ERROR" not in lab.log()
        assert "WARNING" not in lab.log()
        endpoints = await lab.asterisk_cli("pjsip show endpoints")
        assert "web001" in endpoints
        assert "sip001" in endpoints
    assert not home.exists()
    assert not alive(pid)
    assert not listens(lab.ami_port)
    assert any("started in" in line for line in said)


async def test_several_labs_run_at_once() -> None:
    async with LabPbx([("sip", "a1")]) as one, LabPbx([("sip", "b1")]) as two:
        assert len({*one.ports, *two.ports}) == 8
        assert "a1" in await one.asterisk_cli("pjsip show endpoints")
        assert "b1" in await two.asterisk_cli("pjsip show endpoints")


async def test_a_lab_that_fails_to_start_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    lab = LabPbx(pack=tmp_path)
    with pytest.raises((LabError, FileNotFoundError)):
        async with lab:
            pass
    assert not lab.home.exists()


async def test_a_request_survives_a_restart_and_a_kill() -> None:
    async with LabPbx() as lab:
        async with RawAmi(lab) as ami:
            await ami.setvar("SEATS_HEARTBEAT", int(time.time()) + 60)
            async with Phone(lab.sip_port, did="4001") as phone:
                await phone.until(183)
                made = (await ami.user_event("SeatsRequest"))["Request"]
                await asyncio.sleep(1.5)  # AstDB is written to disk at most a second later
                await lab.kill()
                phone.ended.set()
        assert not lab.running
        await lab.start()
        assert f"/seats/{made} " in await lab.asterisk_cli("database show seats")
        await lab.restart()
        assert f"/seats/{made} " in await lab.asterisk_cli("database show seats")


def stopped(pid: int) -> bool:
    """Whether all threads stand still: each stops when it next looks at its signals."""
    return all("State:\tT" in (t / "status").read_text() for t in Path(f"/proc/{pid}/task").iterdir())


async def test_a_frozen_pbx_accepts_but_does_not_answer() -> None:
    async with LabPbx() as lab, RawAmi(lab) as ami:
        lab.freeze()
        async with asyncio.timeout(20):
            while not stopped(lab.pid):  # noqa: ASYNC110 - /proc tells nobody
                await asyncio.sleep(0.01)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await ami.call(Action="Ping")
        assert listens(lab.ami_port)
        lab.thaw()
        assert (await ami.call(Action="Ping"))["Response"] == "Success"


def test_the_pbx_dies_with_a_killed_test_process() -> None:
    code = (
        "import asyncio\n"
        "from telephony.lab import LabPbx\n"
        "async def main():\n"
        "    async with LabPbx() as lab:\n"
        "        print(lab.pid, lab.home, flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    child = subprocess.Popen((sys.executable, "-c", code), stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        line = child.stdout.readline()
        pid, home = int(line.split()[0]), Path(line.split()[1])
        assert alive(pid)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    until = time.monotonic() + 20
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not alive(pid)
    sweep(home.parent, PREFIX)
    assert not home.exists()


def test_a_lab_of_a_living_process_is_not_swept(tmp_path: Path) -> None:
    mine = tmp_path / f"seats-lab-{os.getpid()}-0000"
    gone = tmp_path / "seats-lab-4194304-0000"
    mine.mkdir()
    gone.mkdir()
    sweep(tmp_path, PREFIX)
    assert mine.exists()
    assert not gone.exists()


def test_a_missing_builder_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(root.shutil, "which", lambda program: None)
    with pytest.raises(LabError, match=r"mmdebstrap is not installed; install it with: apt-get install"):
        root.ensure_root(tmp_path / "asterisk", lambda line: None)


def test_an_expired_release_is_tried_once_more_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []

    def build(target: Path, mirror: str, *more: str) -> str | None:
        asked.append(more)
        if not more:
            return "E: Release file for http://x/InRelease is expired (invalid since 3d). Updates refused."
        (target / "usr/sbin").mkdir(parents=True)
        (target / "usr/sbin/asterisk").touch()
        (target / "etc").mkdir()
        return None

    monkeypatch.setattr(root, "_mmdebstrap", build)
    monkeypatch.setattr(root.shutil, "which", lambda program: program)
    said: list[str] = []
    made = root.ensure_root(tmp_path / "asterisk", said.append)
    assert [bool(more) for more in asked] == [False, True]
    assert any("expired" in line for line in said)
    assert "hosts: files" in (made / "etc/nsswitch.conf").read_text()
    root.ensure_root(made, said.append)
    assert len(asked) == 2


def test_a_failed_build_leaves_nothing_and_gives_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(root, "_mmdebstrap", lambda *arguments: "I: chatter\nE: no such suite\nE: more")
    monkeypatch.setattr(root.shutil, "which", lambda program: program)
    with pytest.raises(LabError, match="could not be installed: E: no such suite"):
        root.ensure_root(tmp_path / "asterisk", lambda line: None)
    assert [path.name for path in tmp_path.iterdir()] == ["asterisk.lock"]
