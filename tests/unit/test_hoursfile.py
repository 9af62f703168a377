"""Opening hours in a routing file: what is read, and what is refused with line, key and what is allowed."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from seats.domain.errors import PlanError
from seats.domain.hours import Span
from seats.errors import PlanFileError
from seats.hoursfile import calendars_from_json, calendars_to_json, known_until
from seats.planfile import load_plan
from seats.settings import default_file

OFFICE: dict[str, Any] = {
    "zone": "Asia/Shanghai",
    "week": {"mon-fri": ["09:00-12:00", "13:30-18:00"], "sat": ["09:00-12:00"]},
    "holidays": "china",
    "days": {"2026-12-31": ["09:00-12:00"], date(2027, 1, 2): []},
}


def test_a_calendar_of_a_file() -> None:
    office = calendars_from_json({"office": {**OFFICE, "days": {"2026-12-31": ["09:00-12:00"]}}})["office"]
    assert office.week[4] == (Span(540, 720), Span(810, 1080))
    assert office.week[5:] == ((Span(540, 720),), ())
    assert office.days == {date(2026, 12, 31): (Span(540, 720),)}


def test_chinas_holidays_and_the_days_worked_for_them() -> None:
    office = calendars_from_json({"office": {"week": {"mon-fri": ["09:00-18:00"]}, "holidays": "china"}})[
        "office"
    ]
    assert {date(2026, 10, 1), date(2026, 2, 17)} <= office.closed
    assert {date(2026, 2, 14), date(2026, 10, 10)} <= office.worked
    assert date(2026, 11, 22) not in office.closed  # an ordinary Sunday: the week's own business
    assert known_until() >= date(2026, 12, 31)


def test_json_and_back() -> None:
    calendars = calendars_from_json(
        {
            "office": {**OFFICE, "days": {"2026-12-31": ["09:00-24:00"], "2027-01-02": []}},
            "plain": {"week": {"daily": ["08:00-20:00"]}, "holidays": ["2026-05-01"]},
        }
    )
    assert calendars_from_json(calendars_to_json(calendars)) == calendars


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"zone": "Asia/Wuhan"}, "hours.office.zone"),
        ({"zone": 8}, "hours.office.zone"),
        ({"week": {"mon": ["9-12"]}}, "hours.office.week.mon[1]"),
        ({"week": {"mon": [540]}}, "hours.office.week.mon[1]"),
        ({"week": {"mon": "09:00-12:00"}}, "hours.office.week.mon"),
        ({"week": {"mon": ["18:00-09:00"]}}, "hours.office.week.mon[1]"),
        ({"week": {"mon": ["20:00-24:30"]}}, "hours.office.week.mon[1]"),
        ({"week": {"mon-wed": ["09:00-10:00", "09:30-11:00"]}}, "hours.office.week.mon-wed[2]"),
        ({"week": {"mon-wed": [], "wed": []}}, "hours.office.week.wed"),
        ({"week": {"fri-mon": []}}, "hours.office.week.fri-mon"),
        ({"week": {"monday": []}}, "hours.office.week.monday"),
        ({"holidays": "france"}, "hours.office.holidays"),
        ({"holidays": ["2026-02-30"]}, "hours.office.holidays[1]"),
        ({"days": {"tomorrow": []}}, "hours.office.days.tomorrow"),
        ({"days": {"2026-12-31": ["10:00-09:00"]}}, "hours.office.days.2026-12-31[1]"),
        ({"open": True}, "hours.office.open"),
    ],
)
def test_what_is_refused(change: dict[str, Any], where: str) -> None:
    with pytest.raises(PlanError) as caught:
        calendars_from_json({"office": {**OFFICE, "days": {}, **change}})
    assert caught.value.where == where
    assert caught.value.allowed


def test_a_file_is_refused_with_its_line(tmp_path: Path) -> None:
    text = default_file("routing.yaml").read_text(encoding="utf-8")
    broken = tmp_path / "routing.yaml"
    hours = 'hours:\n  office:\n    week:\n      mon-fri: ["09:00-12:00", "11:00-18:00"]\n'
    broken.write_text(hours + text, encoding="utf-8")
    with pytest.raises(PlanFileError, match=r"\.yaml:4: hours\.office\.week\.mon-fri\[2\]: .*overlaps"):
        load_plan(broken)
    named = text.replace("hubei: {objective: 0.99,", "hubei: {hours: late, objective: 0.99,")
    broken.write_text(hours.replace("11:00", "13:00") + named, encoding="utf-8")
    with pytest.raises(PlanFileError, match=r"provinces\.hubei\.hours: unknown calendar 'late'; .*office"):
        load_plan(broken)
