"""The judge of chaos: a run in which all is well has no faults, and each kind of fault is caught."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from seats.settings import Settings
from telephony.lab.agents import Ring
from tests.chaos.evidence import Evidence, Seen, _logged
from tests.chaos.judge import (
    BESIDE,
    CLOCK,
    HUNG_UP,
    NO_TALK,
    WHOLE_SECONDS,
    _story,
    judge,
)
from tests.chaos.storm import Order, Run, Span

T = 1_000_000.0
JUST = 0.001


def answered(**more: Any) -> Seen:
    """A caller who was answered by sip001 and hung up after five seconds."""
    row = {"id": "lab:1.1", "province": "hubei", "outcome": "connected", "agent": "sip001", "talk_s": 5.0}
    row |= {"arrived_at": T, "decided_at": T + 2, "ended_at": T + 7, "ended_by": "caller", "reason": ""}
    seen = Seen("02712340001", T, T, T + 2, ended=T + 7, ended_by="caller", recorded="1.1")
    seen.rows = [row | {"reconstructed": False, "number": seen.number}]
    for what, at in (("ring", T + 1), ("answer", T + 2), ("bye", T + 7)):
        seen.rings.append(Ring(what, "sip001", "1x1", "027****0001", at))
    return _with(seen, more)


def gave_up(**more: Any) -> Seen:
    """A caller who gave up after ten seconds."""
    row = {"id": "lab:1.2", "province": "hunan", "outcome": "abandoned", "agent": None, "talk_s": None}
    row |= {"arrived_at": T, "decided_at": T + 10, "ended_at": T + 10, "ended_by": None, "reason": ""}
    seen = Seen("073112340002", T, T, abandoned=T + 10, recorded="1.2")
    seen.rows = [row | {"reconstructed": False, "number": seen.number}]
    return _with(seen, more)


def _with(seen: Seen, changes: dict[str, Any]) -> Seen:
    row = {name: value for name, value in changes.items() if name in seen.rows[0]}
    seen.rows[0] |= row
    for name in changes.keys() - row.keys():
        setattr(seen, name, changes[name])
    return seen


def evidence(*calls: Seen, spans: tuple[Span, ...] = (), **rest: Any) -> Evidence:
    """What is left behind where the service shows what the ledger holds, and nothing is left over."""
    rows = [row for seen in calls for row in seen.rows]
    totals = Counter((row["province"], row["outcome"]) for row in rows)
    metrics = "".join(
        f'seats_requests_finished_total{{outcome="{outcome}",province="{province}"}} {n}.0\n'
        for (province, outcome), n in totals.items()
    )
    provinces = []
    for code in sorted({province for province, _ in totals}):
        of = {outcome: n for (province, outcome), n in totals.items() if province == code}
        strict = {"k": of.get("connected", 0), "n": sum(of.values())}
        provinces.append({"code": code, "rate": {"strict": {"today": strict}}})
    at_rest = {"talking": (2, []), "open": [], "machines": {"idle": 40}, "channels": "0 active channels"}
    at_rest |= {"records": "0 results", "ready": True, "exit": 0, "metrics": metrics}
    at_rest |= {"provinces": {"provinces": provinces}} | rest
    rings = sorted((ring for seen in calls for ring in seen.rings), key=lambda ring: ring.at)
    settings = Settings.model_validate({"database_url": f"sqlite:///{Path('chaos.db')}"})
    run = Run(Order(1, 2, 1, "sqlite"), list(spans), [], rings, "", T + 99, settings, 1, 99.0, at_rest)
    audit = {row["id"]: Counter(request_opened=1, request_decided=1) for row in rows}
    return Evidence(run, {seen.number: seen for seen in calls}, [], [], audit, Counter())


def faults(*calls: Seen, spans: tuple[Span, ...] = (), **rest: Any) -> list[str]:
    return judge(evidence(*calls, spans=spans, **rest)).faults


def test_where_all_is_well_there_are_no_faults() -> None:
    assert faults(answered(), gave_up()) == []


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        (answered(outcome="abandoned"), "counts as abandoned, the caller was answered"),
        (answered(agent="sip002"), "I3: connected with 'sip002', answered by ['sip001']"),
        (answered(outcome="lost"), "I1: lab:1.1 has outcome lost"),
        (answered(ended_at=None), "I1: lab:1.1 has outcome connected, ended at None"),
        (answered(rows=[]), "reached the dialplan and is not in the ledger"),
        (answered(recorded="", held=None), "is in the ledger and did not reach the dialplan"),
        (answered(rows=answered().rows * 2), "has 2 rows"),
        (gave_up(outcome="connected", talk_s=0.0014), "counts as connected, the caller was not answered"),
        (gave_up(outcome="failed"), "counts as failed, and no PBX died under it"),
        (gave_up(outcome="callback"), "counts as callback, the caller gave up"),
        (gave_up(outcome="callback", failed="486"), "counts as callback, the caller got 486"),
    ],
)
def test_what_the_ledger_says_and_the_caller_did_not_meet_is_caught(call: Seen, fault: str) -> None:
    assert any(fault in found for found in faults(call)), faults(call)


@pytest.mark.parametrize(
    ("rest", "fault"),
    [
        ({"talking": (2, ["sip001"])}, "PBX and service differ about who talks"),
        ({"open": ["lab:1.1"]}, "open in the ledger at the end"),
        ({"machines": {"idle": 39, "offered": 1}}, "agents at the end"),
        ({"channels": "1 active channel"}, "1 active channel on the PBX at the end"),
        ({"records": "/seats/1.1 : v1|..."}, "records that nobody trimmed"),
        ({"ready": False}, "ready False"),
        ({"exit": -9}, "exit status -9"),
        ({"metrics": ""}, "I9: /metrics shows {}"),
        (
            {
                "provinces": {
                    "provinces": [{"code": "hubei", "rate": {"strict": {"today": {"k": 0, "n": 1}}}}]
                }
            },
            "I9: the board shows 0 of 1 in hubei",
        ),
    ],
)
def test_what_is_left_over_or_shown_otherwise_is_caught(rest: dict[str, Any], fault: str) -> None:
    assert any(fault in found for found in faults(answered(), **rest)), faults(answered(), **rest)


@pytest.mark.parametrize(("off", "caught"), [(WHOLE_SECONDS - JUST, False), (WHOLE_SECONDS + JUST, True)])
def test_a_talk_of_another_length_is_caught_but_for_whole_seconds_and_the_pbxs_sleep(
    off: float, caught: bool
) -> None:
    nap = Span("pbx", "freeze", T + 3, T + 4)
    assert bool(faults(answered(talk_s=5.0 - off))) is caught
    assert bool(faults(answered(talk_s=5.0 + off))) is caught
    assert bool(faults(answered(talk_s=5.0 + off + 1.0), spans=(nap,))) is caught


@pytest.mark.parametrize(
    ("talk", "completed", "caught"),
    [(NO_TALK - JUST, True, False), (NO_TALK + JUST, True, True), (NO_TALK - JUST, False, True)],
)
def test_an_answered_call_is_no_abandon_but_by_the_record_for_an_instant(
    talk: float, completed: bool, caught: bool
) -> None:
    call = answered(outcome="abandoned", reconstructed=completed, ended=T + 2 + talk)
    assert bool(faults(call)) is caught


@pytest.mark.parametrize(
    ("later", "caught"),
    [(HUNG_UP - JUST, False), (HUNG_UP + JUST, True), (-BESIDE + JUST, False), (-BESIDE - JUST, True)],
)
def test_a_call_that_ended_by_nobody_is_dropped(later: float, caught: bool) -> None:
    call = answered()
    call.ended_by = "callee"
    call.rings[-1] = Ring("hangup", "sip001", "1x1", "027****0001", T + 7 - later)
    assert bool(faults(call)) is caught
    call.rings.pop()
    assert faults(call) == [f"calls: {_story(call)} was dropped"]


@pytest.mark.parametrize(("since", "excused"), [(1.0 - JUST, True), (1.0 + JUST, False)])
def test_whom_a_dying_pbx_did_not_cut_off_must_be_told_right(since: float, excused: bool) -> None:
    wrong = gave_up(outcome="connected")
    crash = Span("pbx", "kill", T + 10 + since, T + 15)
    assert (faults(wrong, spans=(crash,)) == []) is excused
    nap = Span(
        "pbx", "freeze", T + 9, T + 14
    )  # asleep when they left, and hardly awake before it slept again
    again = Span("pbx", "freeze", T + 14.2, T + 18)
    crash = Span("pbx", "kill", T + 18.5 + since, T + 22)
    assert (faults(wrong, spans=(again, nap, crash)) == []) is excused


def test_a_phone_rung_for_two_callers_is_caught() -> None:
    beside = gave_up(rings=[Ring("ring", "sip001", "1x2", "073****0002", T + 3)])
    assert [fault.split(" at ")[0] for fault in faults(answered(), beside)] == ["phones: I2: sip001 is rung"]


def test_a_request_that_is_not_in_the_ledger_is_caught_whoever_died_with_it() -> None:
    crash = Span("pbx", "kill", T + 0.1, T + 3)
    deaf = Span("service", "kill", T - 1, T + 9)
    for call in (answered(rows=[]), answered(rows=[], recorded="")):
        assert any("is not in the ledger" in fault for fault in faults(call, spans=(crash, deaf)))


@pytest.mark.parametrize(("by", "caught"), [(0.0, False), (-1.0, True), (CLOCK + JUST, True)])
def test_a_request_recorded_beside_the_time_is_caught(by: float, caught: bool) -> None:
    assert bool(faults(answered(mistaken=by))) is caught
    nap = Span("pbx", "freeze", T + 0.1, T + 1.1)  # between the look at the clock and the line of the log
    assert faults(answered(mistaken=-1.0), spans=(nap,)) == []


def test_the_pbx_log_is_read_in_whatever_zone_it_is_written() -> None:
    assert _logged("2026-11-29 20:22:35.246", 1795983755.0) == pytest.approx(1795983755.246)
    assert _logged("2026-11-30 01:52:35.246", 1795983755.0) == pytest.approx(1795983755.246)  # +05:30
