"""The alert rules, run by promtool over made-up series: who is woken, when, and who is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from metrics.definition.alerts import alerts
from metrics.definition.burn import wilson_expr
from metrics.definition.timing import Timing
from seats.domain.regions import PROVINCES
from seats.domain.tally import wilson
from tests.unit.rulestory import Story, counter, gauge, needs_promtool, province

pytestmark = needs_promtool

BURN = "Seats(Province|Nation)Burn.*"
HERE = Path(__file__).parents[2]


def test_one_of_four_lost_is_silent(tmp_path: Path) -> None:
    series = province("qinghai", [(10, 0.3), (60, 0)], [(10, 0.1), (60, 0)], 0.95)
    story = Story(series)
    for minute in (3, 10, 12, 30, 40):
        story.firing(minute, of=BURN)
    story.check(tmp_path)


def test_six_of_six_lost_page(tmp_path: Path) -> None:
    series: dict[str, str] = {}
    for code, objective in (("qinghai", 0.95), ("ningxia", 0.99)):
        series |= province(code, [(10, 0), (20, 0)], [(10, 0.6), (20, 0)], objective)
    story = Story(series).firing(3, of=BURN).firing(10, "SeatsProvinceBurnFast*2", of="SeatsProvinceBurnFast")
    story.firing(25, of="SeatsProvinceBurnFast")  # over, and quiet for five minutes
    story.check(tmp_path)


def test_a_fifth_of_busy_traffic_lost_pages_within_five_minutes(tmp_path: Path) -> None:
    series: dict[str, str] = {}
    busy = {
        "hubei": (240, 0.99),
        "hunan": (60, 0.99),
        "henan": (20, 0.99),
        "gansu": (20, 0.95),
        "jilin": (60, 0.95),
    }
    for code, (per_minute, objective) in busy.items():
        good = [(75.0, float(per_minute)), (6.0, per_minute * 0.8)]
        series |= province(code, good, [(75, 0), (6, per_minute * 0.2)], objective)
    story = Story(series).firing(75, of=BURN)
    # 45 s more until the page is sent (metrics.render.alertmanager), 30 s for scrape and evaluation
    busy_ones = '{alertname="SeatsProvinceBurnFast",alertstate="firing",province=~"hubei|hunan|jilin"}'
    story.expect(78.75, f"count(ALERTS{busy_ones})", ("{}", 3))
    story.firing(80, "SeatsProvinceBurnFast*5", of="SeatsProvinceBurnFast").check(tmp_path)


def test_what_is_over_wakes_nobody(tmp_path: Path) -> None:
    """Ninety seconds lost in full, then good again: five minutes later nothing stands."""
    good = [(20.0, 60.0), (1.5, 0.0), (20.0, 60.0)]
    series = province("hubei", good, [(20, 0), (1.5, 60), (20, 0)], 0.95)
    story = Story(series).firing(20, of=BURN).firing(22, "SeatsProvinceBurnFast", of="SeatsProvinceBurnFast")
    story.firing(30, of="SeatsProvinceBurnFast").check(tmp_path)


def test_a_province_at_its_objective_wakes_nobody(tmp_path: Path) -> None:
    series = province("hunan", [(75, 57)], [(75, 3)], 0.95)
    story = Story(series)
    for minute in (5, 30, 60, 74):
        story.firing(minute, of=BURN)
    story.check(tmp_path)


def test_slow_burn_pages_and_the_ticket_waits_for_days(tmp_path: Path) -> None:
    """8 % of Hubei's calls: below the fast threshold, above the slow one."""
    pace = Timing(0.1)
    series = province("hubei", [(60, 92)], [(60, 8)], 0.99)
    story = Story(series, pace).firing(59, "SeatsProvinceBurnSlow", "SeatsProvinceBurnTicket", of=BURN)
    story.check(tmp_path)


def test_many_provinces_at_once_are_one_alert_more_that_stands_for_all(tmp_path: Path) -> None:
    series: dict[str, str] = {}
    for p in PROVINCES[:8]:
        series |= province(p.code, [(10, 0)], [(10, 5)], 0.95)
    story = Story(series)
    story.firing(8, "SeatsNationBurnFast", "SeatsProvinceBurnFast*8", of=".*BurnFast").check(tmp_path)


def test_closed_hours_are_no_loss_and_no_requests_no_ratio(tmp_path: Path) -> None:
    series = province("hubei", [(20, 0)], [(20, 10)], 0.99, how="excluded_closed")
    Story(series).firing(19, of=BURN).expect(19, "seats:loss:ratio").check(tmp_path)


def test_service_levels_are_of_all_decided_requests(tmp_path: Path) -> None:
    """60 a minute after a quiet hour: 6 are lost, 10 wait longer than 15 s, 6 of these longer than 20 s."""
    series = province("hubei", [(65, 0), (60, 54)], [(65, 0), (60, 6)])
    for le, per_minute in (("15.0", 44), ("20.0", 48), ("30.0", 54), ("+Inf", 54)):
        name = f'seats_request_wait_seconds_bucket{{province="hubei",le="{le}"}}'
        series[name] = counter((65, 0), (60, per_minute))
    level = "seats:service_level:ratio"
    rows = [
        (f'{{province="hubei",seconds="{s}",window="1h"}}', v)
        for s, v in ((15, 0.7333), (20, 0.8), (30, 0.9))
    ]
    story = Story(series).expect(100, f"round({level}, 0.0001)", *rows)
    story.check(tmp_path)


def test_wilson_bounds_in_promql_are_those_of_the_board(tmp_path: Path) -> None:
    low, high = wilson(20, 100)
    story = Story({"k": "20x10", "n": "100x10"})
    story.expect(1, f"round({wilson_expr('k', 'n', '-')}, 0.0001)", ("{}", round(low, 4)))
    story.expect(1, f"round({wilson_expr('k', 'n', '+')}, 0.0001)", ("{}", round(high, 4)))
    story.check(tmp_path)


def test_totals_that_continue_across_a_restart_count_no_call_twice(tmp_path: Path) -> None:
    finished = 'seats_requests_finished_total{province="hubei",outcome="abandoned"}'
    connected = 'seats_requests_finished_total{province="hubei",outcome="connected"}'
    gap = " ".join(["_"] * 8)
    series = {
        finished: f"{counter((5, 0), start=50_000)} {gap} {counter((5, 0), start=50_000)}",
        connected: f"{counter((5, 12), start=900_000)} {gap} {counter((5, 12), start=900_084)}",
        'seats_connection_objective_ratio{province="hubei"}': gauge((13, 0.99)),
    }
    Story(series).firing(9, of=BURN).expect(9, 'seats:lost:increase{window="5m"}',
        ('seats:lost:increase{province="hubei",window="5m"}', 0)).check(tmp_path)  # fmt: skip


def test_no_requests_against_the_same_hour_last_week(tmp_path: Path) -> None:
    pace = Timing(0.01)  # a week is 100.8 minutes, an hour 36 seconds
    busy, small = [(103.0, 200.0), (9.0, 0.0)], [(103.0, 4.0), (9.0, 0.0)]
    series = province("hubei", busy, [(103, 0), (9, 0)]) | province("macau", small, [(103, 0), (9, 0)])
    series |= province("hunan", [(112, 200)], [(112, 0)])
    story = Story(series, pace).firing(102, of="SeatsNoRequests")
    story.expect(106, 'count by (province, zh) (ALERTS{alertname="SeatsNoRequests"})',
                 ('{province="hubei",zh="湖北"}', 1)).check(tmp_path)  # fmt: skip


def test_a_dead_link_says_so_and_seats_and_service(tmp_path: Path) -> None:
    series = {
        'seats_ami_connected{node="pbx1"}': gauge((5, 1), (2, 0), (10, 1)),
        'seats_ami_connected{node="pbx2"}': gauge((17, 1)),
        'up{job="seats",instance="a"}': gauge((17, 1)),
        "seats_leader": gauge((17, 1)),
    }
    story = Story(series).firing(4.9).firing(5.5, "SeatsLinkDown")
    story.firing(11, "SeatsLinkDown").firing(13.5)  # stays until its losses have left the short window
    story.check(tmp_path)


def test_no_instance_answers(tmp_path: Path) -> None:
    series = {'up{job="seats",instance="a"}': gauge((5, 1), (5, 0)), "seats_leader": gauge((5, 1), (5, "_"))}
    Story(series).firing(4).firing(6, "SeatsServiceDown").check(tmp_path)


@pytest.mark.parametrize("leaders", [0, 2])
def test_not_one_leader(tmp_path: Path, leaders: int) -> None:
    series = {
        'seats_leader{instance="a"}': gauge((2, 1), (5, min(leaders, 1))),
        'seats_leader{instance="b"}': gauge((2, 0), (5, leaders // 2)),
        'up{job="seats",instance="a"}': gauge((7, 1)),
    }
    Story(series).firing(1.9).firing(3, "SeatsNoSingleLeader").check(tmp_path)


UP = {'up{job="seats",instance="a"}': gauge((30, 1))}

SINGLE = {
    "SeatsWaitBeyondBound": (
        {'seats_oldest_wait_seconds{province="hubei"}': gauge((5, 20), (5, 620)),
         "seats_wait_bound_seconds": gauge((10, 600))}, 9, ("SeatsWaitLong",)),
    "SeatsWaitLong": (
        {'seats_oldest_wait_seconds{province="hubei"}': gauge((5, 20), (5, 320)),
         "seats_wait_bound_seconds": gauge((10, 600))}, 9, ()),
    "SeatsObjectiveOutOfReach": (
        {'seats_agents_missing{province="hubei"}': gauge((5, 0), (15, 3)),
         'seats_objective_feasible{province="hubei"}': gauge((5, 1), (15, 0)),
         'seats_agents_missing{province="hunan"}': gauge((20, 2)),
         'seats_objective_feasible{province="hunan"}': gauge((20, 1))}, 16, ()),
    "SeatsPbxRestarted": (
        {'seats_pbx_restarts_total{node="pbx1"}': gauge((5, 0), (5, 1))}, 7, ()),
    "SeatsLinkFlapping": (
        {'seats_ami_reconnects_total{node="pbx1"}': counter((5, 0), (5, 1), (2, 0))}, 12, ()),
    "SeatsEventLag": (
        {'seats_ami_event_lag_seconds{node="pbx1"}': gauge((5, 0.01), (5, 3))}, 9, ()),
    "SeatsLedgerUnreconciled": ({"seats_ledger_unreconciled": gauge((5, 0), (5, 2))}, 9, ()),
    "SeatsLedgerNotWriting": ({"seats_ledger_up": gauge((5, 1), (5, 0))}, 9, ()),
    "SeatsSpoolNotWriting": ({"seats_ledger_spool_up": gauge((5, 1), (5, 0))}, 9, ()),
    "SeatsLedgerLosing": (
        {"seats_ledger_lost_events_total": gauge((5, 0), (5, 9)),
         "seats_ledger_rejected_events_total": gauge((10, 0))}, 9, ()),
    "SeatsDiskAlmostFull": (
        {"seats_ledger_disk_free_bytes": gauge((5, 50), (10, 2)),
         "seats_ledger_disk_size_bytes": gauge((15, 100))}, 9, ()),
    "SeatsDiskFilling": (
        {"seats_ledger_disk_free_bytes": gauge((30, 8)),
         "seats_ledger_disk_size_bytes": gauge((30, 100))}, 20, ()),
    "SeatsCertificateEnds": (
        {"seats_certificate_expiry_timestamp_seconds": gauge((10, 173_100))}, 9, ()),
    "SeatsCertificateEndsSoon": (
        {"seats_certificate_expiry_timestamp_seconds": gauge((9, 900_000))}, 8, ()),
    "SeatsLoopSlow": (
        {'seats_event_loop_lag_seconds_bucket{le="0.1"}': counter((15, 0)),
         'seats_event_loop_lag_seconds_bucket{le="0.25"}': counter((15, 120)),
         'seats_event_loop_lag_seconds_bucket{le="+Inf"}': counter((15, 120))}, 14, ()),
    "SeatsWebErrors": (
        {'seats_web_responses_total{code="5xx"}': counter((20, 4)),
         'seats_web_responses_total{code="2xx"}': counter((20, 40))}, 19, ()),
    "SeatsInstanceDown": ({'up{job="seats",instance="b"}': gauge((2, 1), (10, 0))}, 9, ()),
    "SeatsLostTogether": (
        {'seats_staff{province="hubei",state="unreachable"}': gauge((10, 1), (10, 6)),
         'seats_staff{province="hubei",state="ready"}': gauge((10, 9), (10, 4))}, 12, ()),
    "SeatsLostTogetherNation": (
        {'seats_staff{province="hubei",state="unreachable"}': gauge((10, 0), (10, 20)),
         'seats_staff{province="hubei",state="ready"}': gauge((10, 40), (10, 20))},
        12, ("SeatsLostTogether",)),
}  # fmt: skip


@pytest.mark.parametrize("alert", SINGLE)
def test_each_of_the_others_stands_when_it_should_and_not_before(tmp_path: Path, alert: str) -> None:
    series, minute, beside = SINGLE[alert]
    pace = Timing(0.1 if alert == "SeatsCertificateEndsSoon" else 1.0)  # this one holds for an hour
    story = Story({"seats_leader": gauge((30, 1))} | UP | series, pace).firing(1)
    story.firing(minute, alert, *beside).check(tmp_path)


def test_seats_that_sign_out_or_leave_one_by_one_wake_nobody(tmp_path: Path) -> None:
    series = {
        'seats_staff{province="hubei",state="unreachable"}': gauge((10, 1), (10, 2), (10, 3)),
        'seats_staff{province="hubei",state="ready"}': gauge((10, 9), (10, 4), (10, 3)),
        'seats_staff{province="hubei",state="signed_out"}': gauge((10, 0), (10, 4), (10, 4)),
    }
    Story(series | UP).firing(12).firing(22).check(tmp_path)


def test_a_start_at_which_nobody_knows_of_any_seat_yet_wakes_nobody(tmp_path: Path) -> None:
    series = {
        'seats_staff{province="hubei",state="unreachable"}': gauge((10, 0), (0.25, 40), (5, 0), (5, 20)),
        'seats_staff{province="hubei",state="ready"}': gauge((10, 40), (0.25, 0), (5, 40), (5, 20)),
        'seats_ami_connected{node="pbx1"}': gauge((10, 1), (0.25, 0), (10, 1)),
    }
    story = Story(series | UP).firing(10.0).firing(10.25).firing(14)
    story.firing(18, "SeatsLostTogether", "SeatsLostTogetherNation").check(tmp_path)


def test_every_alert_has_a_story() -> None:
    told = {*SINGLE, "SeatsProvinceBurnFast", "SeatsProvinceBurnSlow", "SeatsProvinceBurnTicket",
            "SeatsNationBurnFast", "SeatsNoRequests", "SeatsLinkDown", "SeatsServiceDown",
            "SeatsNoSingleLeader"}  # fmt: skip
    assert told == {a.name for a in alerts(Timing())}


def test_the_page_says_the_province_in_both_languages(tmp_path: Path) -> None:
    series = province("hubei", [(10, 0)], [(10, 6)], 0.99)
    labels = {"severity": "page", "kind": "rate", "province": "hubei", "zh": "湖北", "en": "Hubei"}
    texts = {
        "summary": "湖北 接通率快速下降:近 5 分钟 100% 未接通 · Hubei: connection rate falls fast, "
        "100% lost in the last 5 minutes",
        "runbook_url": "docs/runbooks/burn.md",
        "silence": "Planned: silence the province for the length of the work.",
    }
    Story(series).says(9, "SeatsProvinceBurnFast", labels, texts).check(tmp_path)


def test_every_runbook_is_there_and_names_its_alerts() -> None:
    for alert in alerts(Timing()):
        text = (HERE / "docs" / "runbooks" / f"{alert.runbook}.md").read_text()
        assert alert.name in text, f"{alert.runbook}.md does not mention {alert.name}"
        assert len(text.splitlines()) <= 60
    known = {a.runbook for a in alerts(Timing())}
    assert {p.stem for p in (HERE / "docs" / "runbooks").glob("*.md")} == known
