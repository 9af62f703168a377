"""Opening hours: weekly intervals, special days and holidays in a time zone. Without a calendar: 7×24.

Pure: which dates are holidays is plain data here; the files and libraries that know are at the edge
(``seats.hoursfile``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

from seats.domain.errors import PlanError

DAY = 24 * 60
"""Minutes of a day."""

HORIZON = 370
"""Days looked ahead for the next change; what stays as it is for longer is looked at again then."""

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

OVER_MIDNIGHT = "an end after the beginning, at most 24:00; over midnight: one to 24:00, one from 00:00"


class Span(NamedTuple):
    """An open interval of a local day, minutes from midnight: ``begin`` ≤ t < ``end`` ≤ 1440."""

    begin: int
    end: int


Spans = tuple[Span, ...]


class Calendar(NamedTuple):
    """Named opening hours. Days of one's own go before holidays, and those before the week."""

    id: str
    zone: str
    week: tuple[Spans, ...]
    """Monday first."""
    days: Mapping[date, Spans] = MappingProxyType({})
    """Special days with hours of their own; none: closed."""
    national: str = ""
    """Whose public holidays hold (``china``); ``closed`` and ``worked`` are the dates they come to."""
    closed: frozenset[date] = frozenset()
    worked: frozenset[date] = frozenset()
    """Working days made up for a holiday (调休): open as on a Monday."""


class Opening(NamedTuple):
    """Open or closed, and from when to when it stays so (Unix seconds, ``since`` ≤ t < ``until``)."""

    open: bool
    since: float
    until: float


def spans_of(calendar: Calendar, day: date) -> Spans:
    """The open intervals of a local day."""
    if day in calendar.days:
        return calendar.days[day]
    if day in calendar.closed:
        return ()
    return calendar.week[0 if day in calendar.worked else day.weekday()]


def opening(calendar: Calendar, at: float) -> Opening:
    """Whether it is open at a time (Unix seconds), and when that changes next."""
    zone = _zone(calendar.zone)
    today = datetime.fromtimestamp(at, zone).date()
    since = _midnight(today - timedelta(1), zone)
    for begin, end in _joined(_instants(calendar, today, zone)):
        if at < begin:
            return Opening(False, since, begin)
        if at < end:
            return Opening(True, begin, end)
        since = end
    return Opening(False, since, _midnight(today + timedelta(HORIZON), zone))


def next_opening(calendar: Calendar, at: float) -> float:
    """The first time from ``at`` on when it is open (Unix seconds), or the horizon if there is none."""
    found = opening(calendar, at)
    return at if found.open else found.until


def check_calendar(where: str, calendar: Calendar) -> None:
    """Raise :class:`PlanError` for an unknown zone, or intervals that are inverted or overlap."""
    try:
        _zone(calendar.zone)
    except (KeyError, ValueError, OSError):
        raise PlanError(
            f"{where}.zone",
            f"no time zone is called {calendar.zone[:40]!r}",
            "a name of the tz database, such as Asia/Shanghai",
        ) from None
    for name, spans in zip(WEEKDAYS, calendar.week, strict=True):
        check_spans(f"{where}.week.{name}", spans)
    for day, spans in calendar.days.items():
        check_spans(f"{where}.days.{day.isoformat()}", spans)


def check_spans(where: str, spans: Spans) -> None:
    """Raise :class:`PlanError` unless the intervals of a day are in order and apart."""
    before: Span | None = None
    for n, span in enumerate(spans, 1):
        at = f"{where}[{n}]"
        if not 0 <= span.begin < span.end <= DAY:
            raise PlanError(at, f"{show(span)} ends before it begins", OVER_MIDNIGHT)
        if before is not None and span.begin < before.end:
            raise PlanError(
                at,
                f"{show(span)} overlaps {show(before)}",
                f"a beginning from {clock(before.end)} on: intervals in order, each after the one before",
            )
        before = span


def show(span: Span) -> str:
    """``09:00-12:00``."""
    return f"{clock(span.begin)}-{clock(span.end)}"


def clock(minutes: int) -> str:
    """``09:00``."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _instants(calendar: Calendar, today: date, zone: ZoneInfo) -> Iterator[tuple[float, float]]:
    """Open intervals as Unix seconds, from yesterday's on: one hour of the night may come twice."""
    for ahead in range(-1, HORIZON):
        day = today + timedelta(ahead)
        for span in spans_of(calendar, day):
            yield _instant(day, span.begin, zone, fold=0), _instant(day, span.end, zone, fold=1)


def _joined(intervals: Iterable[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Intervals that touch made one."""
    current: tuple[float, float] | None = None
    for begin, end in intervals:
        if current is not None and begin <= current[1]:
            current = (current[0], max(current[1], end))
            continue
        if current is not None:
            yield current
        current = (begin, end)
    if current is not None:
        yield current


def _instant(day: date, minutes: int, zone: ZoneInfo, fold: int) -> float:
    extra, minute = divmod(minutes, DAY)
    local = datetime.combine(day + timedelta(extra), time(minute // 60, minute % 60, fold=fold), zone)
    return local.timestamp()


def _midnight(day: date, zone: ZoneInfo) -> float:
    return _instant(day, 0, zone, fold=0)


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
