"""One sipp process: started in a folder of its own, stopped, and read."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from pathlib import Path

from telephony.lab.errors import LabError, MissingToolError
from telephony.lab.folders import own_folder
from telephony.lab.pbx import die_with_parent
from telephony.lab.ports import free_port, give_back
from telephony.lab.voice import voice

_STARTED_S = 5.0
_ENDED = {0, 1, 97, 99}
"""Exit codes of a run that went to its end: all calls well, some failed, told to stop, no call."""

SDP = """v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio 9 RTP/AVP 0 8
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
"""
"""Audio that goes nowhere: port 9 discards it."""
SOUND_SDP = SDP.replace("audio 9", "audio [rtpstream_audio_port]")
"""Audio that comes from ``PLAY``."""
PLAY = '<exec rtp_stream="voice.ulaw,-1,0"/>'
"""Action: from here on the voice is sent, over and over."""


class Sipp:
    """A sipp process with its scenario; its log lines are written by the scenario's ``log`` actions."""

    def __init__(self, name: str, scenario: str, *, port: int = 0) -> None:
        self.name = name
        self._given = 0 if port else free_port()
        self.port = port or self._given
        self._scenario = scenario
        self._folder: Path | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._control = free_port()

    @property
    def running(self) -> bool:
        """The process is alive."""
        return self._process is not None and self._process.returncode is None

    async def start(self, *arguments: str, inject: str | None = None, sound: bool = False) -> None:
        """Start sipp; ``inject`` is the text of its CSV file, ``sound`` gives it a voice. Raises LabError."""
        program = shutil.which("sipp")
        if program is None:
            raise MissingToolError("sipp", "sip-tester")
        self._folder = folder = await asyncio.to_thread(self._lay_out, inject, sound)
        files = ("-inf", str(folder / "calls.csv")) if inject is not None else ()
        self._process = await asyncio.create_subprocess_exec(
            *die_with_parent(),
            program,
            *arguments,
            *("-sf", str(folder / "scenario.xml"), *files),
            *("-i", "127.0.0.1", "-bind_local", "-p", str(self.port), "-cp", str(self._control)),
            *(
                "-nostdin",
                "-trace_err",
                "-error_file",
                str(folder / "errors.log"),
                "-max_log_size",
                "1000000",
            ),
            *("-trace_logs", "-log_file", str(folder / "lines.log")),
            *("-trace_stat", "-stf", str(folder / "stat.csv"), "-fd", "1"),
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=(folder / "stderr.log").open("wb"),
            env={"PATH": os.environ.get("PATH", os.defpath), "TERM": "dumb"},
            start_new_session=True,
        )
        await self._bound()

    async def wait(self) -> None:
        """Until it ends by itself. Raises LabError when sipp itself failed."""
        if self._process is None:
            return
        code = await self._process.wait()
        if code >= 0 and (code not in _ENDED or (code == 1 and not self.lines())):
            raise LabError(f"sipp ({self.name}) failed with {code}: {self._complaint()}")

    def finish(self) -> None:
        """Begin nothing new and end when what is under way has ended."""
        self._signal(signal.SIGUSR1)

    async def kill(self) -> None:
        """End at once, without a word to the other side."""
        if self._process is not None and self.running:
            self._signal(signal.SIGKILL)
            await self._process.wait()

    async def close(self) -> None:
        """End at once and remove the folder; what it said is lost then."""
        await self.kill()
        give_back(self._given, self._control)
        if self._folder is not None:
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
            self._folder = None

    def lines(self) -> list[list[str]]:
        """Complete log lines so far, split at the semicolons."""
        text = self._read("lines.log")
        return [line.split(";") for line in text.split("\n")[:-1] if line]

    def stat(self, column: str) -> int:
        """A counter of sipp's statistics file as last written, by the name in its first line."""
        rows = [row.split(";") for row in self._read("stat.csv").split("\n")[:-1]]
        return int(rows[-1][rows[0].index(column)]) if len(rows) > 1 else 0

    def _lay_out(self, inject: str | None, sound: bool) -> Path:
        folder = own_folder(Path(tempfile.gettempdir()), "seats-sipp-")
        (folder / "scenario.xml").write_text(self._scenario)
        if inject is not None:
            (folder / "calls.csv").write_text(inject)
        if sound:
            (folder / "voice.ulaw").write_bytes(voice())
        return folder

    async def _bound(self) -> None:
        for _ in range(int(_STARTED_S / 0.02)):
            if not self.running or _is_bound(self.port):
                break
            await asyncio.sleep(0.02)
        if not self.running:
            await self.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self.running:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def _read(self, name: str) -> str:
        file = None if self._folder is None else self._folder / name
        return file.read_text(errors="replace") if file is not None and file.exists() else ""

    def _complaint(self) -> str:
        said = (self._read("errors.log") + self._read("stderr.log")).strip().splitlines()
        return said[-1] if said else "it said nothing"


class Script:
    """A scenario, built message by message."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._parts: list[str] = []
        self._written: list[str] = []

    def label(self, name: str) -> None:
        """Name the next message, as a target of ``next`` and ``ontimeout``."""
        self._parts.append(f'<label id="{name}"/>')

    def send(self, text: str, *, actions: str = "", **attributes: str) -> None:
        """Send a SIP message; ``retrans="500"`` makes sipp repeat it until it is answered."""
        self._add("send", attributes, message(text) + (f"<action>{actions}</action>" if actions else ""))

    def recv(self, *, actions: str = "", **attributes: str) -> None:
        """Wait for a message; ``optional="true"`` ones stand before the one that must come."""
        self._add("recv", attributes, f"<action>{actions}</action>" if actions else "")

    def do(self, *actions: str, **attributes: str) -> None:
        """Actions, or a branch."""
        self._add("nop", attributes, f"<action>{''.join(actions)}</action>" if actions else "")

    def pause(self, **attributes: str) -> None:
        """Wait; only globally optional messages may come meanwhile."""
        self._add("pause", attributes, "")

    def log(self, what: str, *fields: str) -> str:
        """Action that writes a line: what;seconds;microseconds;fields. Also usable in send and recv."""
        self._written += ["at", "us"]
        return (
            f'<gettimeofday assign_to="at,us"/><log message="{";".join((what, "[$at]", "[$us]", *fields))}"/>'
        )

    def written(self, *names: str) -> None:
        """Variables that may be only written: sipp refuses them otherwise."""
        self._written += names

    def text(self) -> str:
        """The scenario file."""
        names = ",".join(sorted(set(self._written)))
        body = "\n".join(self._parts)
        return (
            '<?xml version="1.0" encoding="UTF-8" ?>\n'
            f'<scenario name="{self._name}">\n{body}\n<Reference variables="{names}"/>\n</scenario>\n'
        )

    def _add(self, kind: str, attributes: dict[str, str], body: str) -> None:
        given = "".join(f' {name}="{value}"' for name, value in attributes.items())
        self._parts.append(f"<{kind}{given}>{body}</{kind}>")


def message(text: str) -> str:
    """A SIP message for a ``send`` element: CRLF and padding are sipp's business."""
    head, _, body = text.strip("\n").partition("\n\n")
    return f"<![CDATA[\n\n{head}\nContent-Length: [len]\n\n{body}\n]]>"


def _is_bound(port: int) -> bool:
    wanted = f"0100007F:{port:04X}"
    return any(line.split()[1] == wanted for line in Path("/proc/net/udp").read_text().splitlines()[1:])
