"""Where the lab's Asterisk comes from: the host's own, or a private root built once."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from telephony.lab.errors import LabError, MissingToolError

OLDEST = 20
"""Oldest Asterisk that will do."""
SUITE = "forky"
"""Debian suite that carries a complete Asterisk."""
_DEFAULT_MIRROR = "http://deb.debian.org/debian"
_SOURCES = re.compile(r"^(?:URIs:\s*|deb\s+(?:\[[^\]]*\]\s+)?)(\S+)", re.MULTILINE)
_EXPIRED = re.compile(r"Release file .* (?:is|has) expired|E: Release file .* expired", re.IGNORECASE)

Progress = Callable[[str], None]
"""Told, in one line, what is being done."""


class Installation(NamedTuple):
    """One Asterisk that can be started. ``root`` is the host folder that it sees as ``/``."""

    launcher: tuple[str, ...]
    root: Path
    labs: Path
    """Host folder for the labs' own folders."""
    directories: tuple[tuple[str, str], ...] = ()
    """Entries of asterisk.conf [directories] that tell it where its modules and data are."""

    def inside(self, path: Path) -> str:
        """The host path as this Asterisk sees it."""
        return str(path) if self.root == Path("/") else f"/{path.relative_to(self.root)}"


def find_installation(on_progress: Progress) -> Installation:
    """The Asterisk to use; builds the private root when there is none. Blocking. Raises LabError."""
    if not os.environ.get("SEATS_LAB_ROOT"):
        own = host_asterisk()
        if own is not None:
            return own
    return installed_root(ensure_root(root_path(), on_progress))


def host_asterisk() -> Installation | None:
    """The host's own Asterisk, when it is new enough."""
    program = shutil.which("asterisk")
    if program is None:
        return None
    said = subprocess.run((program, "-V"), capture_output=True, text=True, check=False).stdout
    found = re.search(r"Asterisk (?:certified[/-])?(\d+)", said)
    if found is None or int(found[1]) < OLDEST:
        return None
    return Installation((program,), Path("/"), Path(tempfile.gettempdir()))


def root_path() -> Path:
    """``$SEATS_LAB_ROOT``, or ``seats/asterisk`` in the user's cache folder."""
    chosen = os.environ.get("SEATS_LAB_ROOT")
    if chosen:
        return Path(chosen).absolute()
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser().absolute() / "seats" / "asterisk"


def installed_root(root: Path) -> Installation:
    """How to start the Asterisk of a root: chroot as root, else by the root's own loader."""
    if os.geteuid() == 0:
        return Installation(("chroot", str(root), "/usr/sbin/asterisk"), root, root / "tmp")
    libraries = _one(root, "usr/lib/*/asterisk/modules").parent.parent
    loader = _one(root, "usr/lib*/ld-linux-*.so.*", "usr/lib/*/ld-linux-*.so.*")
    return Installation(
        (str(loader), "--library-path", str(libraries), str(root / "usr/sbin/asterisk")),
        Path("/"),
        Path(tempfile.gettempdir()),
        (
            ("astmoddir", f"{libraries}/asterisk/modules"),
            ("astdatadir", f"{root}/usr/share/asterisk"),
            ("astvarlibdir", f"{root}/var/lib/asterisk"),
        ),
    )


def ensure_root(root: Path, on_progress: Progress) -> Path:
    """Build the root unless it is there; two builders do not collide. Blocking. Raises LabError."""
    if not _is_complete(root):
        root.parent.mkdir(parents=True, exist_ok=True)
        with _locked(root.with_name(root.name + ".lock"), on_progress):
            if not _is_complete(root):
                _build(root, on_progress)
    return root


def _is_complete(root: Path) -> bool:
    return (root / "usr/sbin/asterisk").exists() and (root / "etc/seats-lab").exists()


def _build(root: Path, on_progress: Progress) -> None:
    if (root / "usr/sbin/asterisk").exists():
        _settle(root)
        return
    if shutil.which("mmdebstrap") is None:
        raise MissingToolError("mmdebstrap", "mmdebstrap")
    building = root.with_name(f"{root.name}.building")
    shutil.rmtree(building, ignore_errors=True)
    mirror = apt_mirror()
    on_progress(f"building a private Asterisk in {root} (about 320 MB, once; a minute or so)")
    failure = _mmdebstrap(building, mirror)
    if failure is not None and _EXPIRED.search(failure):
        on_progress("the mirror's Release file has expired: trying once more without that check")
        shutil.rmtree(building, ignore_errors=True)
        failure = _mmdebstrap(building, mirror, '--aptopt=Acquire::Check-Valid-Until "false"')
    if failure is not None:
        shutil.rmtree(building, ignore_errors=True)
        raise LabError(f"Asterisk could not be installed: {_last_error(failure)}")
    _settle(building)
    building.rename(root)
    on_progress("Asterisk is there")


def _mmdebstrap(target: Path, mirror: str, *more: str) -> str | None:
    """None when it worked, else what it said."""
    done = subprocess.run(
        ("mmdebstrap", "--variant=apt", "--include=asterisk", *more, SUITE, str(target), mirror),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return None if done.returncode == 0 else done.stderr or f"mmdebstrap ended with {done.returncode}"


def _settle(root: Path) -> None:
    """No resolver inside: with a dead one, PJSIP blocks for seconds inside an outgoing INVITE."""
    (root / "etc/hosts").write_text(f"127.0.0.1 localhost {os.uname().nodename}\n")
    (root / "etc/nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files\n")
    (root / "etc/seats-lab").write_text("complete\n")


def apt_mirror() -> str:
    """The Debian mirror of the machine's own apt sources."""
    etc = Path("/etc/apt")
    files = [etc / "sources.list", *sorted(etc.glob("sources.list.d/*"))]
    text = "\n".join(file.read_text(errors="replace") for file in files if file.is_file())
    for url in _SOURCES.findall(text):
        if url.rstrip("/").endswith("/debian"):
            return str(url)
    return _DEFAULT_MIRROR


def _last_error(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("E:")]
    return (errors or lines or ["no reason given"])[0]


def _one(root: Path, *patterns: str) -> Path:
    for pattern in patterns:
        for path in sorted(root.glob(pattern)):
            return path
    raise LabError(f"{root} is not a complete root: nothing like {patterns[0]}; remove it to build it anew")


@contextmanager
def _locked(path: Path, on_progress: Progress) -> Iterator[None]:
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_progress("waiting: another process is building the private Asterisk")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
