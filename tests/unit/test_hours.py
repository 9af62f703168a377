"""Opening hours, each rule with an example an admin could read."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seats.domain.errors import PlanError
from seats.domain.hours import DAY, Calendar, Span, Spans, check_calendar, next_opening, opening

SHANGHAI = ZoneInfo("Asia/Shanghai")
OFFICE = (Span(9 * 60, 12 * 60), Span(13 * 60 + 30, 18 * 60))
WORK = Calendar("work", "Asia/Shanghai", (OFFICE,) * 5 + ((), ()))


def at(text: str, zone: str = "Asia/Shanghai") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("time", "is_open", "until"),
    [
        ("2026-11-24 08:59:59", False, "2026-11-24 09:00"),
        ("2026-11-24 09:00", True, "2026-11-24 12:00"),
        ("2026-11-24 12:00", False, "2026-11-24 13:30"),
        ("2026-11-24 17:59:59", True, "2026-11-24 18:00"),
        ("2026-11-27 18:00", False, "2026-11-30 09:00"),  # Friday evening, until Monday
        ("2026-11-29 11:00", False, "2026-11-30 09:00"),
    ],
)
def test_a_working_week(time: str, is_open: bool, until: str) -> None:
    found = opening(WORK, at(time))
    assert (found.open, found.until) == (is_open, at(until))
    assert found.since <= at(time)


def test_a_holiday_is_closed_and_a_made_up_saturday_is_like_a_monday() -> None:
    calendar = WORK._replace(closed=frozenset({date(2026, 10, 1)}), worked=frozenset({date(2026, 10, 10)}))
    assert not opening(calendar, at("2026-10-01 10:00")).open
    assert opening(calendar, at("2026-10-10 10:00")).open
    assert not opening(WORK, at("2026-10-10 10:00")).open


def test_a_day_of_ones_own_goes_before_a_holiday() -> None:
    day = date(2026, 10, 1)
    calendar = WORK._replace(days={day: (Span(600, 660),)}, closed=frozenset({day}))
    assert opening(calendar, at("2026-10-01 10:30")).open
    assert opening(calendar, at("2026-10-01 11:00")) == (
        False,
        at("2026-10-01 11:00"),
        at("2026-10-02 09:00"),
    )


def test_over_midnight_there_is_no_moment_between() -> None:
    night: Spans = (Span(0, 6 * 60), Span(22 * 60, DAY))
    calendar = Calendar("night", "Asia/Shanghai", (night,) * 7)
    found = opening(calendar, at("2026-11-24 23:00"))
    assert found == (True, at("2026-11-24 22:00"), at("2026-11-25 06:00"))


def test_the_night_in_which_an_hour_comes_twice() -> None:
    """In Berlin 02:30 comes twice on 2026-10-25: an interval that ends then ends at the second one."""
    early: Spans = (Span(60, 150),)
    calendar = Calendar("early", "Europe/Berlin", (early,) * 7)
    first = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    assert opening(calendar, first.timestamp() + 60).open
    assert not opening(calendar, first.replace(fold=1).timestamp()).open


def test_always_open_and_never_open_have_a_far_end() -> None:
    always = Calendar("always", "UTC", ((Span(0, DAY),),) * 7)
    never = Calendar("never", "UTC", ((),) * 7)
    now = at("2026-11-24 10:00")
    assert opening(always, now).open
    assert not opening(never, now).open
    for calendar in (always, never):
        assert opening(calendar, now).until - now > timedelta(days=365).total_seconds()


def test_the_next_opening() -> None:
    assert next_opening(WORK, at("2026-11-24 10:00")) == at("2026-11-24 10:00")
    assert next_opening(WORK, at("2026-11-27 20:00")) == at("2026-11-30 09:00")


@st.composite
def days(draw: st.DrawFn) -> Spans:
    edges = sorted(draw(st.sets(st.integers(0, DAY), max_size=6)))
    return tuple(Span(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False))


@given(
    st.tuples(*[days()] * 7),
    st.dictionaries(st.dates(date(2026, 3, 1), date(2026, 4, 10)), days(), max_size=3),
    st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Pacific/Apia", "UTC"]),
    st.integers(at_seconds := 1_772_323_200, at_seconds + 40 * 86400),
    st.floats(0.0, 1.0, exclude_max=True),
)
def test_it_stays_as_it_is_until_it_says_and_changes_then(
    week: tuple[Spans, ...], special: dict[date, Spans], zone: str, moment: int, part: float
) -> None:
    calendar = Calendar("c", zone, week, special)
    check_calendar("hours.c", calendar)
    found = opening(calendar, moment)
    assert found.since <= moment < found.until
    between = moment + part * (found.until - moment) * 0.999
    assert opening(calendar, between).open == found.open
    if found.until - moment < 360 * 86400:
        assert opening(calendar, found.until).open != found.open


@given(st.tuples(*[days()] * 7), st.integers(1_772_323_200, 1_774_323_200))
def test_without_clock_changes_it_is_what_the_wall_clock_says(week: tuple[Spans, ...], moment: int) -> None:
    local = datetime.fromtimestamp(moment, SHANGHAI)
    minute = local.hour * 60 + local.minute
    expected = any(s.begin <= minute < s.end for s in week[local.weekday()])
    assert opening(Calendar("c", "Asia/Shanghai", week), moment).open == expected


@pytest.mark.parametrize(
    ("spans", "where", "what"),
    [
        ((Span(600, 600),), "hours.c.week.mon[1]", "ends before it begins"),
        ((Span(600, 540),), "hours.c.week.mon[1]", "ends before it begins"),
        ((Span(600, 1500),), "hours.c.week.mon[1]", "ends before it begins"),
        ((Span(540, 720), Span(700, 800)), "hours.c.week.mon[2]", "11:40-13:20 overlaps 09:00-12:00"),
        ((Span(800, 900), Span(540, 600)), "hours.c.week.mon[2]", "overlaps"),
    ],
)
def test_intervals_that_are_refused(spans: Spans, where: str, what: str) -> None:
    with pytest.raises(PlanError) as caught:
        check_calendar("hours.c", Calendar("c", "UTC", (spans,) + ((),) * 6))
    assert caught.value.where == where
    assert what in caught.value.what
    assert caught.value.allowed


def test_an_unknown_zone_is_refused() -> None:
    for zone in ("Asia/Wuhan", "", "../etc/passwd"):
        with pytest.raises(PlanError) as caught:
            check_calendar("hours.c", Calendar("c", zone, ((),) * 7))
        assert caught.value.where == "hours.c.zone"
