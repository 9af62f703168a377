"""The build hook: when it builds, with which Node.js, and what it says when it cannot."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

import hatch_build
from hatch_build import PAGES, BuildHook, UiBuildError


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree with one source at time 1000 and the pages at 2000; its core is not compiled."""
    monkeypatch.setenv("SEATS_COMPILE", "0")
    folder = tmp_path / "seats" / "web"
    (folder / "ui" / "src").mkdir(parents=True)
    (folder / "static").mkdir()
    write(folder / "ui" / "src" / "main.ts", 1000)
    for page in PAGES:
        write(folder / "static" / page, 2000)
    return folder


def write(file: Path, at: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    os.utime(file, (at, at))


def is_stale(web: Path) -> bool:
    return hatch_build.is_stale(web / "ui", web / "static")


def hook(web: Path) -> BuildHook:
    return BuildHook(str(web.parents[1]), {}, None, None, "", "wheel")  # type: ignore[arg-type]


def test_new_pages_are_left_alone(web: Path) -> None:
    assert not is_stale(web)
    write(web / "ui" / "node_modules" / "some" / "index.js", 9000)
    assert not is_stale(web)


@pytest.mark.parametrize("source", ["src/main.ts", "src/new.ts", "package-lock.json"])
def test_a_newer_source_asks_for_a_build(web: Path, source: str) -> None:
    write(web / "ui" / source, 3000)
    assert is_stale(web)


def test_a_missing_page_asks_for_a_build(web: Path) -> None:
    (web / "static" / PAGES[1]).unlink()
    assert is_stale(web)


def test_packages_follow_the_lock_file(web: Path) -> None:
    ui = web / "ui"
    write(ui / "package-lock.json", 1000)
    assert hatch_build.packages_are_old(ui)
    write(ui / "node_modules" / ".package-lock.json", 2000)
    assert not hatch_build.packages_are_old(ui)
    write(ui / "package-lock.json", 3000)
    assert hatch_build.packages_are_old(ui)


@pytest.mark.parametrize(
    ("version", "runs"),
    [
        ((18, 19), False),
        ((20, 18), False),
        ((20, 19), True),
        ((21, 7), False),
        ((22, 12), True),
        ((0,), False),
    ],
)
def test_versions_the_bundler_runs_on(version: tuple[int, ...], runs: bool) -> None:
    assert hatch_build.runs_bundler(version) is runs


def test_without_node_the_message_says_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr(hatch_build, "find_spec", lambda name: None)
    with pytest.raises(UiBuildError, match=r"Node\.js 20\.19.*none is on PATH"):
        hatch_build.node_command()


def test_a_failed_command_tells_its_last_words(tmp_path: Path) -> None:
    talk = "import sys; print('what went wrong'); sys.exit(3)"
    with pytest.raises(UiBuildError, match="it failed: what went wrong"):
        hatch_build.run([sys.executable, "-c", talk], tmp_path, Path(sys.executable), "it failed")


def test_the_hook_builds_only_what_is_old(web: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[Path] = []
    monkeypatch.delenv("SEATS_SKIP_UI", raising=False)
    monkeypatch.setattr(hatch_build, "build", built.append)
    hook(web).initialize("standard", {})
    assert built == []
    write(web / "ui" / "src" / "main.ts", 3000)
    hook(web).initialize("standard", {})
    assert built == [web / "ui"]
    monkeypatch.setenv("SEATS_SKIP_UI", "1")
    hook(web).initialize("standard", {})
    assert len(built) == 1


def test_a_build_that_fails_ends_in_one_line(web: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(ui: Path) -> None:
        raise UiBuildError("no luck")

    monkeypatch.delenv("SEATS_SKIP_UI", raising=False)
    monkeypatch.setattr(hatch_build, "build", fail)
    write(web / "ui" / "src" / "main.ts", 3000)
    with pytest.raises(SystemExit, match=r"^seats: no luck \(SEATS_SKIP_UI=1 installs without the pages\)$"):
        hook(web).initialize("standard", {})
