"""A private, real Asterisk on loopback, with the dialplan pack and simulated lines around it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from telephony.lab.conf import MOBILE_TRUNK, TRUNK, LabPlan, LabPorts, default_pack, write_config
from telephony.lab.errors import LabError, MissingToolError
from telephony.lab.folders import own_folder
from telephony.lab.music import write_music
from telephony.lab.ports import free_port, give_back
from telephony.lab.root import Installation, Progress, find_installation
from telephony.provisioning import PjsipSeat, seat_secret

PREFIX = "seats-lab-"
"""How the names of labs' folders begin."""
_BOOT_S = 30.0
_TRIES, _TAKEN = 3, "ddress already in use"
_STOP_S = 5.0


class LabPbx:
    """Async context manager: starts Asterisk for the given seats, and leaves nothing behind.

    ``seats`` are pairs of kind (``browser`` or ``sip``) and address; their SIP passwords follow
    from ``master_secret`` (:func:`telephony.provisioning.seat_secret`). With ``places_calls`` the account
    may call people back; SIP seats that send no sound for ``rtp_timeout_s`` are hung up. ``realtime`` is the
    priority that Debian's own unit gives Asterisk (``-p``); it needs CAP_SYS_NICE. Entering raises LabError.
    """

    host = "127.0.0.1"
    ami_host = "127.0.0.1"
    ws_path = "/ws"
    trunk, mobile_trunk = TRUNK, MOBILE_TRUNK

    def __init__(
        self,
        seats: Sequence[tuple[str, str]] = (),
        *,
        node: str = "lab",
        pack: Path | None = None,
        master_secret: str = "",
        answer_at_once: bool = False,
        music: bool = True,
        qualify_s: float = 0.0,
        full_log: bool = False,
        places_calls: bool = False,
        rtp_timeout_s: int = 0,
        realtime: bool = False,
        on_progress: Progress | None = None,
    ) -> None:
        self.node = node
        self.username, self.secret = "seats", secrets.token_hex(12)
        self.master_secret = master_secret or secrets.token_hex(16)
        self.seats = tuple(seats)
        self.version = ""
        self.start_s = 0.0
        """Seconds the last start took."""
        self._pack = pack
        self._answer_at_once, self._music = answer_at_once, music
        self._qualify_s, self._full_log = qualify_s, full_log
        self._places_calls = places_calls
        self._rtp_timeout_s = rtp_timeout_s
        self._realtime = realtime
        self._say: Progress = on_progress or (lambda line: None)
        self._process: asyncio.subprocess.Process | None = None
        self._installation: Installation | None = None
        self._home: Path | None = None
        self.ports = LabPorts(0, 0, 0, 0)

    @property
    def ami_port(self) -> int:
        """AMI, on 127.0.0.1."""
        return self.ports.ami

    @property
    def sip_port(self) -> int:
        """SIP over UDP: callers come here, SIP seats register here."""
        return self.ports.sip

    @property
    def http_port(self) -> int:
        """HTTP; browser seats use the web socket at :attr:`ws_url`."""
        return self.ports.http

    @property
    def mobile_port(self) -> int:
        """Where mobiles are rung: bind a simulated agent here (SIP over UDP)."""
        return self.ports.mobile

    @property
    def ws_url(self) -> str:
        """SIP over WebSocket."""
        return f"ws://{self.host}:{self.http_port}{self.ws_path}"

    @property
    def pid(self) -> int:
        """Process id of Asterisk. Raises LabError when it is not running."""
        return self._running().pid

    @property
    def home(self) -> Path:
        """Folder of this lab on the host: etc, db, log, run, spool. Raises LabError before the start."""
        if self._home is None:
            raise LabError("the lab has not been started")
        return self._home

    @property
    def running(self) -> bool:
        """The process is alive (it may be frozen)."""
        return self._process is not None and self._process.returncode is None

    def seat_secret(self, address: str) -> str:
        """SIP password of a seat."""
        return seat_secret(self.master_secret, address)

    def seat_secrets(self) -> dict[str, str]:
        """SIP passwords of all seats by address."""
        return {address: self.seat_secret(address) for _, address in self.seats}

    async def __aenter__(self) -> Self:
        for tries_left in reversed(range(_TRIES)):
            try:
                await self._prepare()
                await self.start()
            except BaseException:
                await self._leave()
                raise
            if _TAKEN not in self.log() or not tries_left:
                break
            await self._leave()  # another process took a port between our look and Asterisk's
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._leave()

    async def start(self) -> None:
        """Start Asterisk with the same folder and ports. Raises LabError."""
        if self.running:
            return
        began = time.monotonic()
        self._process = await asyncio.create_subprocess_exec(
            *self._command("-f", *(("-p",) if self._realtime else ())),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env=_environment(),
            start_new_session=True,
        )
        await self._booted(began + _BOOT_S)
        self.start_s = time.monotonic() - began
        self.version = (await self.asterisk_cli("core show version")).removeprefix("Asterisk ").split(" ")[0]
        self._say(f"Asterisk {self.version} started in {self.start_s:.1f} s")

    async def stop(self) -> None:
        """Stop Asterisk in order; the folder stays. Calls are cut."""
        if not self.running:
            return
        process = self._running()
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOP_S)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End Asterisk as a crash would: no goodbye to anyone."""
        if not self.running:
            return
        process = self._running()
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def restart(self) -> None:
        """Stop, and start again with the same ports, AstDB and registrations."""
        await self.stop()
        await self.start()

    def freeze(self) -> None:
        """Stop the process in its tracks: connections stay open, nothing answers."""
        self._running().send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen process go on."""
        self._running().send_signal(signal.SIGCONT)

    async def asterisk_cli(self, command: str, *, timeout_s: float = 10.0) -> str:
        """What the console answers; for tests and checks, not for the service. Raises LabError."""
        process = await asyncio.create_subprocess_exec(
            *self._command("-rx", command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(),
        )
        try:
            out, err = await asyncio.wait_for(process.communicate(), timeout_s)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise LabError(f"Asterisk's console did not answer {command!r} within {timeout_s:g} s") from None
        if process.returncode:
            said = (err or out).decode(errors="replace").strip()
            raise LabError(f"console command {command!r} failed: {said}")
        return out.decode(errors="replace").strip()

    def log(self) -> str:
        """Asterisk's own log so far: notices, warnings, errors (all, with ``full_log``)."""
        file = self.home / "log" / "full"
        return file.read_text(errors="replace") if file.exists() else ""

    async def _prepare(self) -> None:
        self._installation = await asyncio.to_thread(find_installation, self._say)
        self.ports = LabPorts(free_port(), free_port(), free_port(), free_port())
        await asyncio.to_thread(self._lay_out, self._installation)

    def _lay_out(self, installation: Installation) -> None:
        self._home = home = own_folder(installation.labs, PREFIX)
        for name in ("etc", "db", "keys/keys", "spool", "run", "log", "music"):
            (home / name).mkdir(parents=True)
        if self._music:
            write_music(home / "music" / "chords.wav")
        inside = installation.inside(home)
        seats = tuple(PjsipSeat(kind, address, self.seat_secret(address)) for kind, address in self.seats)
        plan = LabPlan(
            home=inside,
            music=f"{inside}/music",
            directories=installation.directories,
            ports=self.ports,
            username=self.username,
            secret=self.secret,
            seats=seats,
            answer_at_once=self._answer_at_once,
            qualify_s=self._qualify_s,
            full_log=self._full_log,
            places_calls=self._places_calls,
            rtp_timeout_s=self._rtp_timeout_s,
        )
        write_config(home / "etc", self._pack or default_pack(), plan)

    async def _leave(self) -> None:
        await self.stop()
        give_back(*self.ports)
        if self._home is not None:
            await asyncio.to_thread(shutil.rmtree, self._home, ignore_errors=True)

    def _command(self, *arguments: str) -> tuple[str, ...]:
        if self._installation is None:
            raise LabError("the lab has not been started")
        conf = self._installation.inside(self.home / "etc" / "asterisk.conf")
        return (*die_with_parent(), *self._installation.launcher, "-C", conf, *arguments)

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise LabError("Asterisk is not running")
        return self._process

    async def _booted(self, until: float) -> None:
        while time.monotonic() < until:
            if not self.running:
                code = self._running().returncode
                raise LabError(f"Asterisk ended at its start (status {code}): {self._last_words()}")
            if (self.home / "run" / "asterisk.ctl").exists():
                with contextlib.suppress(LabError):
                    if "fully booted" in await self.asterisk_cli("core waitfullybooted"):
                        return
            await asyncio.sleep(0.05)
        raise LabError(f"Asterisk was not ready within {_BOOT_S:g} s: {self._last_words()}")

    def _last_words(self) -> str:
        lines = self.log().strip().splitlines()
        return " | ".join(lines[-3:]) or "nothing in its log"


def die_with_parent() -> tuple[str, ...]:
    """Start of a command line that ends when this process does. Raises MissingToolError."""
    program = shutil.which("setpriv")
    if program is None:
        raise MissingToolError("setpriv", "util-linux")
    return (program, "--pdeathsig", "KILL")


def _environment() -> dict[str, str]:
    # glibc inside must not wait for a resolver that is not there
    return {"PATH": os.environ.get("PATH", os.defpath), "TZ": "UTC", "RES_OPTIONS": "timeout:1 attempts:1"}
