"""Runs ``seats check`` and ``seats run`` as a person would, on configurations that cannot work."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from telephony.fakepbx import FakePbx
from telephony.lab.ports import free_port

SECONDS = 60
"""What a busy machine may take for a command that ends by itself."""

COMMANDS = f"""
import json, os, signal, sys
from seats.main import app
for line in sys.stdin:
    asked = json.loads(line)
    if not (child := os.fork()):
        signal.alarm({SECONDS})
        os.chdir(asked["folder"])
        os.environ.update(asked["environment"])
        out = os.open(asked["out"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(out, stream)
        sys.argv = ["seats", *asked["arguments"]]
        app()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""Imports the program once and runs each command in a child of its own: much faster than to start anew."""


class Said(NamedTuple):
    """How a command ended, and all that it said, in one line."""

    status: int
    text: str


class CommandLine:
    """``async with`` it; then it runs commands, one at a time."""

    async def __aenter__(self) -> CommandLine:
        self._process = await program("-c", COMMANDS, stdin=asyncio.subprocess.PIPE)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()

    async def run(self, folder: Path, out: Path, *arguments: str, **environment: str) -> Said:
        """Run to the end."""
        assert self._process.stdin is not None and self._process.stdout is not None
        asked = {"folder": str(folder), "out": str(out), "arguments": arguments, "environment": environment}
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        status = int(await self._process.stdout.readline())
        return Said(status, " ".join((await asyncio.to_thread(out.read_text)).split()))


class Place:
    """A folder with a settings file for the fake PBX."""

    def __init__(self, folder: Path, pbx: FakePbx, commands: CommandLine) -> None:
        self.folder = folder / "place"
        self.folder.mkdir()
        self._out, self._commands = folder / "said", commands
        self.file = self.folder / "seats.yaml"
        self.database = self.folder / "seats.db"
        self.port = free_port()
        self.settings: dict[str, Any] = {
            "database_url": f"sqlite:///{self.database}",
            "http": {"port": self.port},
            "pbx": [{"host": "127.0.0.1", "port": pbx.port, "username": "seats", "secret": "secret"}],
        }

    def write(self, **changes: Any) -> None:
        """Write the settings file, with changes at its top level."""
        self.file.write_text(yaml.safe_dump(self.settings | changes, allow_unicode=True), encoding="utf-8")

    def files(self) -> dict[str, bytes]:
        """Everything that is in the folder."""
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in found}

    async def said(self, *arguments: str, **environment: str) -> Said:
        """Run a command of ``seats`` here, to its end."""
        config = ("--config", str(self.file))
        return await self._commands.run(self.folder, self._out, *arguments, *config, **environment)

    async def service(self) -> asyncio.subprocess.Process:
        """``seats run``, which does not end by itself."""
        start = "from seats.main import app; app()"
        return await program("-c", start, "run", "--config", str(self.file), cwd=self.folder)

    async def refused(self, *words: str) -> None:
        """``check`` and ``run`` both say these words, exit with 2 and touch nothing."""
        before = self.files()
        for command in ("check", "run"):
            said = await self.said(command)
            assert said.status == 2, (command, said)
            assert "Traceback" not in said.text, (command, said.text)
            assert [word for word in words if word not in said.text] == [], (command, said.text)
        assert self.files() == before


async def program(*arguments: str, **options: Any) -> asyncio.subprocess.Process:
    """Python with an environment without settings; all that it says goes to one pipe."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        env={k: v for k, v in os.environ.items() if not k.startswith("SEATS_")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        **options,
    )
