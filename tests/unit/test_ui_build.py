"""The pages' own checks: types, and the tests that run in Node.js."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

import hatch_build
from seats.domain import rank
from seats.web.pages import STATIC

UI = STATIC.parent / "ui"


def npm(script: str) -> str:
    try:
        node = hatch_build.node_command()
    except hatch_build.UiBuildError as error:
        pytest.skip(str(error))
    if hatch_build.packages_are_old(UI):
        pytest.skip("the pages' packages are not installed: python hatch_build.py")
    done = subprocess.run(
        [*hatch_build.npm_command(node), "run", "--silent", script],
        cwd=UI,
        env={**os.environ, "PATH": os.pathsep.join((str(node.parent), os.environ.get("PATH", "")))},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_bands_of_the_order_of_service_are_the_engines() -> None:
    source = (UI / "src" / "board" / "why.ts").read_text(encoding="utf-8")
    bands = [-int(n.replace("_", "")) for n in re.findall(r"priority <= -([0-9_]+)", source)]
    assert bands == [rank.RESCUED, rank.RETURNED, rank.BOUND, rank._CLASS]


def test_types() -> None:
    npm("check")


def test_units() -> None:
    passed = re.search(r"(?:#|ℹ) pass (\d+)", npm("test"))
    assert passed and int(passed[1]) >= 20


def test_what_is_served_was_built_from_these_sources() -> None:
    if not STATIC.exists():
        pytest.skip("the pages are not built: python hatch_build.py")
    assert not hatch_build.is_stale(UI, STATIC), "older than their sources: python hatch_build.py"


def test_no_page_ever_makes_html_of_a_text() -> None:
    """A name such as ``<img src=x onerror=…>`` stays a name."""
    ways = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function")
    pages = [*UI.glob("*.html"), *(UI / "src").rglob("*.ts"), *(UI / "src").rglob("*.tsx")]
    assert len(pages) > 30
    assert [str(page) for page in pages if ways.search(page.read_text(encoding="utf-8"))] == []
