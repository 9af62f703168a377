"""Recorded callers and rosters: good files are read, bad ones named by file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from seats.planfile import load_plan
from seats.settings import default_file
from seats.simulation.compare import compare
from seats.simulation.recorded import RecordError, read_agents, read_callers, recorded

PLAN = load_plan(default_file("routing.yaml"))
CALLERS = """time,province,patience,handling
2020-02-10T09:00:00+08:00,hubei,60,180
1581296405,湖北,30.5,60
1581296410,beijing,90,120
"""
AGENTS = "agent,province,pools\nwang,hubei,\nli,北京,beijing;nation\nzhao,hubei,\n"


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_good_pair_runs(tmp_path: Path) -> None:
    callers, agents = write(tmp_path / "c.csv", CALLERS), write(tmp_path / "a.csv", AGENTS)
    scenario = recorded(PLAN, callers, agents, answer=3.0)
    assert [(c.at, c.province) for c in scenario.source.day(1)] == [
        (0.0, "hubei"),
        (5.0, "hubei"),
        (10.0, "beijing"),
    ]
    assert sorted((c.home, c.pools, c.counts) for c in scenario.crews) == [
        ("beijing", ("beijing", "nation"), (1,)),
        ("hubei", ("hubei", "central", "nation"), (2,)),
    ]
    found = compare(scenario, ["ours", "app_queue"], 1)
    assert [run.days[0].sum("connected") for run in found.runs] == [3, 3]


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    assert len(read_callers(write(tmp_path / "c.csv", b"\xef\xbb\xbf" + CALLERS.encode()), PLAN)) == 3


@pytest.mark.parametrize(
    ("line", "where", "what"),
    [
        ("1,hubei,60,", ":2: handling: ", "is empty"),
        ("1,hubei,60", ":2: row: ", "has 3 cells"),
        ("", ":2: row: ", "is empty"),
        ("-1,hubei,60,60", ":2: time: ", "is negative"),
        ("1,hubei,-0.5,60", ":2: patience: ", "is negative"),
        ("1,atlantis,60,60", ":2: province: ", "'atlantis' does not exist"),
        ("1,hubei,nan,60", ":2: patience: ", "no number"),
        ("1,hubei,inf,60", ":2: patience: ", "more than a week"),
        ("1,hubei,60,soon", ":2: handling: ", "'soon' is no number"),
        ("yesterday,hubei,60,60", ":2: time: ", "'yesterday' is no time"),
        ('1,"hubei" x,60,60', ":2: row: ", "is not CSV"),
    ],
)
def test_a_bad_caller_is_named(tmp_path: Path, line: str, where: str, what: str) -> None:
    path = write(tmp_path / "c.csv", f"time,province,patience,handling\n{line}\n1,hubei,1,1\n")
    with pytest.raises(RecordError) as caught:
        read_callers(path, PLAN)
    first = str(caught.value).splitlines()[0]
    assert first.startswith(f"{path}{where}")
    assert what in first
    assert "; allowed: " in first


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", ":1: time: is missing"),
        (b"time,province,patience\n", ":1: handling: is missing"),
        (b"time,time,province,patience,handling\n", ":1: time: comes twice"),
        (b"time,province,patience,handling,mood\n", ":1: mood: is no column here"),
        (b"time,province,patience,handling\n", ": file: has no callers"),
        ("time,province,patience,handling\n1,湖北,1,1\n".encode("gbk"), ":2: file: is not UTF-8"),
        ("time,province".encode("utf-16"), ":1: file: is not UTF-8"),
        (b"time,province,patience,handling\n0,hubei,1,1\n99999999,hubei,1,1\n", ": time: spans more than"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, data: bytes, what: str) -> None:
    path = write(tmp_path / "c.csv", data)
    with pytest.raises(RecordError) as caught:
        read_callers(path, PLAN)
    assert str(caught.value).startswith(f"{path}{what}")
    assert "; allowed: " in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"cannot be read .*; allowed: a readable file"):
        read_callers(tmp_path / "none.csv", PLAN)


def test_only_the_first_faults_are_shown(tmp_path: Path) -> None:
    bad = "time,province,patience,handling\n" + "-1,hubei,1,1\n" * 50
    with pytest.raises(RecordError) as caught:
        read_callers(write(tmp_path / "c.csv", bad), PLAN)
    lines = str(caught.value).splitlines()
    assert len(lines) == 21
    assert lines[-1].endswith("and 30 more")


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("wang,hubei,", ":3: agent: 'wang' stands here twice"),
        ("li,hubei,moon", ":3: pools: unknown pool 'moon'"),
        ("li,unknown,", ":3: province: 'unknown' does not exist"),
        (",hubei,", ":3: agent: is empty"),
    ],
)
def test_a_bad_agent_is_named(tmp_path: Path, row: str, what: str) -> None:
    path = write(tmp_path / "a.csv", f"agent,province,pools\nwang,hubei,\n{row}\n")
    with pytest.raises(RecordError) as caught:
        read_agents(path, PLAN)
    assert str(caught.value).startswith(f"{path}{what}")
    assert "; allowed: " in str(caught.value)
