"""``seats simulate`` as people call it."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from seats.main import app

SMALL = ["simulate", "overload", "--size", "50", "--hours", "1", "--days", "2", "--workers", "1"]
TWO = ["--policy", "ours", "--policy", "fifo"]


def test_json_says_all() -> None:
    done = CliRunner().invoke(app, [*SMALL, *TWO, "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert set(said["policies"]) == {"ours", "fifo"}
    assert said["agents"] == 50
    assert 0.7 < said["bound_total"] <= 1.0
    hubei = said["policies"]["fifo"]["provinces"]["hubei"]
    assert hubei["objective"] == 0.99
    assert hubei["rate"]["low"] <= hubei["rate"]["mean"] <= hubei["rate"]["high"]


def test_the_table_has_a_row_for_each_policy_and_the_bound() -> None:
    done = CliRunner().invoke(app, [*SMALL, *TWO])
    assert done.exit_code == 0, done.output
    for word in ("ours", "fifo", "fluid bound", "hubei", "objectives met"):
        assert word in done.stdout


def test_the_same_seed_gives_the_same_figures_whatever_the_workers() -> None:
    one = CliRunner().invoke(app, [*SMALL, *TWO, "--json"]).stdout
    two = CliRunner().invoke(app, [*SMALL[:-1], "2", *TWO, "--json"]).stdout
    assert json.loads(one) == json.loads(two)


def test_the_picture_is_svg_with_every_province(tmp_path: Path) -> None:
    path = tmp_path / "rates.svg"
    done = CliRunner().invoke(app, [*SMALL, *TWO, "--picture", str(path)])
    assert done.exit_code == 0, done.output
    text = path.read_text(encoding="utf-8")
    root = ElementTree.fromstring(text)
    assert root.tag.endswith("svg")
    assert text.count("<title>") == 2 * text.count('transform="rotate')
    assert "湖北" in text
    assert "ours" in text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["simulate"], "case: is missing; allowed: overload"),
        (["simulate", "overload", "--policy", "magic"], "'magic' does not exist; allowed: ours"),
        (["simulate", "overload", "--picture", "x.gif"], "x.gif has an unknown ending; allowed: .svg"),
        (["simulate", "--csv", "none.csv"], "wants --agents FILE"),
        (["simulate", "--csv", "none.csv", "--agents", "no.csv"], "none.csv: file: cannot be read"),
    ],
)
def test_what_is_wrong_is_said_with_what_is_allowed(arguments: list[str], says: str) -> None:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    assert says in done.stderr
