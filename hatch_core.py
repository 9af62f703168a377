"""The compiled core: ``seats/domain`` made into machine code by mypyc, about ten times as fast.

The Python sources stay what is true and run as they are; compiling is optional. Wheels and plain installs
(``pip install .``) get the compiled core where a C compiler and Python's headers are; a working tree never
does, so that no old machine code can hide what was edited. ``SEATS_COMPILE=0`` leaves it out, ``SEATS_COMPILE=1``
stops where it cannot be made.

Run as a program, ``hatch_core.py FOLDER`` makes a second ``seats`` in a folder, its core compiled and everything
else linked to this tree; put that folder before the tree on PYTHONPATH. Nothing is done when it is up to date.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

CORE = Path("seats", "domain")
AS_THEY_ARE = frozenset({"__init__.py", "native.py"})
"""Modules of the core that are not compiled."""

NEEDS = ("mypy>=2.4", "setuptools>=65")
"""What it takes to compile, beside a C compiler and Python's headers."""

FLAGS = "-fvisibility=hidden"
"""For the compiler: what the core calls in itself it calls straight, not by way of the linker's table."""

_SETUP = """
import sys
from mypyc.build import mypycify
from setuptools import setup
modules = mypycify(["--follow-imports=silent", *sys.argv[1:]], opt_level="2", debug_level="0")
sys.argv[1:] = ["build_ext", "--inplace"]
setup(name="seats-core", packages=[], py_modules=[], ext_modules=modules)
"""


class CoreBuildError(Exception):
    """The core could not be compiled; the message says why."""


def missing() -> str:
    """What this machine lacks for compiling; empty if nothing."""
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None:
        return f"there is no C compiler ({compiler})"
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        return "Python's headers (python3-dev) are missing"
    return ""


def wanted() -> bool:
    """Whether an install is to compile the core. Raise :class:`CoreBuildError` if it must and cannot."""
    wish = os.environ.get("SEATS_COMPILE", "")
    if wish == "1" and missing():
        raise CoreBuildError(missing())
    return wish != "0" and not missing()


def compile_core(root: Path, work: Path) -> list[Path]:
    """Compile the core of a tree in an empty folder; the files made, relative to it.

    Raise :class:`CoreBuildError` when that fails.
    """
    (work / CORE).mkdir(parents=True)
    shutil.copy(root / "seats" / "__init__.py", work / "seats")
    for source in (root / CORE).glob("*.py"):
        shutil.copy(source, work / CORE)
    modules = sorted(str(CORE / p.name) for p in (root / CORE).glob("*.py") if p.name not in AS_THEY_ARE)
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", _SETUP, *modules],
        cwd=work,
        env={
            **os.environ,
            "MYPYPATH": str(work),
            "CFLAGS": f"{os.environ.get('CFLAGS', '')} {FLAGS}".strip(),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    made = [path.relative_to(work) for path in (*work.glob("*__mypyc*"), *(work / CORE).glob("*.so"))]
    if done.returncode or not made:
        said = " | ".join(line.strip() for line in done.stdout.splitlines() if line.strip())
        raise CoreBuildError(f"compiling the core failed: {said[-600:]}")
    return made


def refresh(root: Path, folder: Path) -> None:
    """A ``seats`` with a compiled core in a folder, made anew if the core has changed since."""
    stamp, now = folder / "stamp", _fingerprint(root)
    if stamp.is_file() and stamp.read_text() == now:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    compile_core(root, folder)
    for leftover in ("build", ".mypy_cache"):
        shutil.rmtree(folder / leftover, ignore_errors=True)
    (folder / "seats" / "__init__.py").unlink()
    for entry in (root / "seats").iterdir():
        if entry.name not in {CORE.name, "__pycache__"}:
            (folder / "seats" / entry.name).symlink_to(entry)
    stamp.write_text(now)


def _fingerprint(root: Path) -> str:
    """What the compiled core depends on."""
    found = hashlib.sha256(f"{sys.version} {root}".encode())
    for source in (*sorted((root / CORE).glob("*.py")), Path(__file__)):
        found.update(source.name.encode() + source.read_bytes())
    return found.hexdigest()


if __name__ == "__main__":
    if missing():
        raise SystemExit(f"seats: {missing()}")
    try:
        refresh(Path(__file__).resolve().parent, Path(sys.argv[1]).resolve())
    except CoreBuildError as problem:
        raise SystemExit(f"seats: {problem}") from None
