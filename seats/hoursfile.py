"""Opening hours as YAML and JSON, and which dates are public holidays.

``{office: {zone: Asia/Shanghai, week: {mon-fri: ["09:00-18:00"]}, holidays: china,
days: {"2026-12-31": ["09:00-12:00"]}}}``. ``holidays`` may also be a list of dates on which it is closed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from chinese_calendar import constants, get_holiday_detail

from seats import yamlfile
from seats.domain.errors import PlanError
from seats.domain.hours import WEEKDAYS, Calendar, Span, Spans, check_calendar, check_spans, show

CHINA = "china"
DEFAULT_ZONE = "Asia/Shanghai"
_KEYS = ("zone", "week", "holidays", "days")
_SPAN = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])")
_SPANS = 'a list of intervals such as ["09:00-12:00", "13:30-18:00"]; [] is closed'
_DAYS = f"days of the week ({', '.join(WEEKDAYS)}), ranges such as mon-fri, or daily"
_MOST_DAYS = 4000


def calendars_from_json(data: object) -> dict[str, Calendar]:
    """Build and check the named calendars. Raise :class:`PlanError` with the key as ``where``."""
    named = _mapping(data, "hours", None)
    return {name: _calendar(name, value, f"hours.{name[:60]}") for name, value in named.items()}


def calendars_to_json(calendars: Mapping[str, Calendar]) -> dict[str, Any]:
    """Plain data; :func:`calendars_from_json` gives the same calendars back."""
    return {name: _to_json(calendar) for name, calendar in calendars.items()}


def known_until() -> date:
    """The last day for which China's holidays are known: they are announced each November."""
    return date(max(day.year for day in constants.holidays), 12, 31)


def _to_json(calendar: Calendar) -> dict[str, Any]:
    holidays: object = calendar.national or sorted(day.isoformat() for day in calendar.closed)
    return {
        "zone": calendar.zone,
        "week": {
            name: [show(s) for s in spans]
            for name, spans in zip(WEEKDAYS, calendar.week, strict=True)
            if spans
        },
        "holidays": holidays,
        "days": {day.isoformat(): [show(s) for s in spans] for day, spans in calendar.days.items()},
    }


def _calendar(name: str, data: object, where: str) -> Calendar:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", name):
        raise PlanError(where, "is no calendar name", "1 to 40 of a-z 0-9 _ -, not - or _ first")
    fields = _mapping(data, where, _KEYS)
    if "week" not in fields:
        raise PlanError(f"{where}.week", "is missing", _DAYS)
    national, closed, worked = _holidays(fields.get("holidays", []), f"{where}.holidays")
    calendar = Calendar(
        id=name,
        zone=_text(fields.get("zone", DEFAULT_ZONE), f"{where}.zone"),
        week=_week(fields["week"], f"{where}.week"),
        days=_days(fields.get("days", {}), f"{where}.days"),
        national=national,
        closed=closed,
        worked=worked,
    )
    check_calendar(where, calendar)
    return calendar


def _week(data: object, where: str) -> tuple[Spans, ...]:
    week: dict[int, Spans] = {}
    for key, value in _mapping(data, where, None).items():
        at = f"{where}.{key[:40]}"
        spans = _spans(value, at)
        for day in _weekdays(key, at):
            if day in week:
                raise PlanError(at, f"{WEEKDAYS[day]} has its hours already", "each day of the week once")
            week[day] = spans
    return tuple(week.get(day, ()) for day in range(7))


def _weekdays(key: str, where: str) -> range:
    if key == "daily":
        return range(7)
    first, _, last = key.partition("-")
    if first not in WEEKDAYS or (last or first) not in WEEKDAYS:
        raise PlanError(where, "is no day of the week", _DAYS)
    begin, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
    if end < begin:
        raise PlanError(where, f"{last} comes before {first} in a week", _DAYS)
    return range(begin, end + 1)


def _days(data: object, where: str) -> dict[date, Spans]:
    days = _mapping(data, where, None)
    return {
        _date(key, f"{where}.{key[:40]}"): _spans(value, f"{where}.{key[:40]}") for key, value in days.items()
    }


def _spans(data: object, where: str) -> Spans:
    if not isinstance(data, list):
        raise PlanError(where, f"is {yamlfile.shape(data)[:60]}", _SPANS)
    spans = tuple(_span(item, f"{where}[{n}]") for n, item in enumerate(data, 1))
    check_spans(where, spans)
    return spans


def _span(data: object, where: str) -> Span:
    found = _SPAN.fullmatch(data) if isinstance(data, str) else None
    if found is None:
        raise PlanError(where, f"is {yamlfile.shape(data)[:60]}", "HH:MM-HH:MM, 00:00 to 24:00")
    hour, minute, end_hour, end_minute = map(int, found.groups())
    return Span(hour * 60 + minute, end_hour * 60 + end_minute)


def _holidays(data: object, where: str) -> tuple[str, frozenset[date], frozenset[date]]:
    if data == CHINA:
        return CHINA, *_china()
    if not isinstance(data, list) or len(data) > _MOST_DAYS:
        raise PlanError(where, f"is {yamlfile.shape(data)[:60]}", f"{CHINA}, or a list of dates")
    return "", frozenset(_date(day, f"{where}[{n}]") for n, day in enumerate(data, 1)), frozenset()


@lru_cache(maxsize=1)
def _china() -> tuple[frozenset[date], frozenset[date]]:
    """Public holidays of China and the working days made up for them, as far as they are announced."""
    closed, worked = set[date](), set[date]()
    day = date(known_until().year - 2, 1, 1)
    while day <= known_until():
        holiday, name = get_holiday_detail(day)
        if name is not None:
            (closed if holiday else worked).add(day)
        day += timedelta(1)
    return frozenset(closed), frozenset(worked)


def _date(value: object, where: str) -> date:
    if type(value) is date:  # YAML reads a bare date as one
        return value
    try:
        return date.fromisoformat(str(value) if isinstance(value, str) else "")
    except ValueError:
        raise PlanError(where, f"is {yamlfile.shape(value)[:60]}", "a date, YYYY-MM-DD") from None


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise PlanError(where, f"is {yamlfile.shape(value)[:60]}", "text")
    return value


def _mapping(data: object, where: str, keys: tuple[str, ...] | None) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise PlanError(
            where, f"is {yamlfile.shape(data)[:60]}", f"a mapping of {', '.join(keys or ('names',))}"
        )
    for key in data:
        if keys is not None and key not in keys:
            raise PlanError(f"{where}.{str(key)[:60]}", "is not a key here", ", ".join(keys))
    return data
