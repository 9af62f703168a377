from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from zoneinfo import ZoneInfo

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as classic

from metrics.definition.catalogue import FAMILIES, Size, cardinality
from metrics.series import AGENT_STATES, Distribution, Series, Totals, budget_left, state_word
from seats.domain.agents import Chosen, Machine
from seats.domain.callback_book import CallbackState
from seats.domain.events import (
    AgentAdded,
    AgentChanged,
    CallbackChanged,
    Event,
    OfferEnded,
    RequestDecided,
    RequestOpened,
)
from seats.domain.expected import Guess
from seats.domain.messages import CallbackRecalled
from seats.domain.reducer import step
from seats.domain.regions import PROVINCES, UNKNOWN
from seats.domain.requests import Confidence, OfferResult, Origin, Outcome
from seats.domain.state import State, Steer
from seats.domain.tally import Figures, Tally
from seats.operating import Written, add_callbacks, add_steering
from seats.planfile import load_plan
from seats.settings import default_file

CODES = (*(p.code for p in PROVINCES), UNKNOWN)
NOW = 1_790_000_000.0
NUMBER = "13812345678"


class Rig:
    def __init__(self) -> None:
        self.tally = Tally(CODES, ZoneInfo("Asia/Shanghai"))
        self.tally.roll(NOW)
        self.leads = True
        plan = load_plan(default_file("routing.yaml"))
        self.series = Series(CODES, self.tally, lambda: plan, lambda: NOW, lambda: self.leads)

    def happen(self, *events: Event) -> None:
        self.tally.apply(events)
        self.series.sink(events)

    def value(self, name: str, **labels: str) -> float | None:
        return self.series.registry.get_sample_value(name, labels)


def opened(request: str, province: str = "hubei") -> RequestOpened:
    origin = Origin(province, "area_code", Confidence.CERTAIN)
    return RequestOpened(NOW, request, "pbx1", "c", "u", "l", "95500", NUMBER, province, origin)


def decided(request: str, outcome: Outcome, wait: float = 3.0, province: str = "hubei") -> RequestDecided:
    return RequestDecided(NOW + wait, request, province, NOW, outcome, "a1", wait, 0.0, "")


def added(agent: str, province: str, *pools: str) -> AgentAdded:
    return AgentAdded(NOW, agent, agent, province, pools, "sip", agent)


def changed(agent: str, chosen: Chosen, machine: Machine) -> AgentChanged:
    return AgentChanged(NOW, agent, chosen, machine, "", "test", None, None, None, None)


def test_every_province_and_outcome_exists_at_zero_from_the_start() -> None:
    rig = Rig()
    for code in CODES:
        assert rig.value("seats_requests_total", province=code) == 0
        assert rig.value("seats_requests_in_progress", province=code) == 0
        assert rig.value("seats_request_wait_seconds_bucket", province=code, le="15.0") == 0
        for outcome in Outcome:
            assert rig.value("seats_requests_finished_total", province=code, outcome=outcome.value) == 0
    for result in OfferResult:
        assert rig.value("seats_offers_total", result=result.value) == 0


def test_callbacks_end_in_one_of_four_ways_and_go_on_from_the_ledger() -> None:
    rig = Rig()
    ends = {"province": "hubei", "state": "done"}
    assert rig.value("seats_callbacks_finished_total", **ends) == 0
    rig.series.seed_callbacks({("hubei", "done"): 4, ("hubei", "waiting"): 9})
    for state in (CallbackState.CALLING, CallbackState.WAITING, CallbackState.DONE):
        rig.happen(CallbackChanged(NOW, "b1", "hubei", state, NOW, 1, "a1", "talked"))
    assert rig.value("seats_callbacks_finished_total", **ends) == 5
    assert rig.value("seats_callbacks_finished_total", province="hubei", state="waiting") is None


def test_open_callbacks_are_counted_in_every_province() -> None:
    rig = Rig()
    state = State(load_plan(default_file("routing.yaml")))
    row = ("b1", NUMBER, "hubei", "95500", "n1", "c1", "chosen", NOW, NOW, 0, "", False)
    step(state, CallbackRecalled(*row), NOW)
    add_callbacks(rig.series, state, CODES)
    assert rig.value("seats_callbacks", province="hubei", state="waiting") == 1
    assert rig.value("seats_callbacks", province="gansu", state="calling") == 0


def test_steering_and_expected_waits_of_every_province() -> None:
    rig = Rig()
    state = State(load_plan(default_file("routing.yaml")))
    state.steers["hubei"] = Steer("hubei", -2.0, NOW, level=5)
    state.steers["gansu"] = Steer("gansu", -9.0, NOW, feasible=False, missing=3, cause="agents")
    state.expected.entered("hubei", 12.0, Guess(15.0, 11.0))
    add_steering(rig.series, state, CODES, lambda: NOW)

    def found(province: str) -> list[float | None]:
        names = ("steering_level", "objective_feasible", "agents_missing", "expected_wait_seconds",
                 "expected_wait_error_seconds")  # fmt: skip
        return [rig.value(f"seats_{name}", province=province) for name in names]

    assert found("hubei") == [5, 1, 0, 0, 1.0], "nobody waits: the head of the line says 0, and erred less"
    assert found("gansu") == [0, 0, 3, 0, None]
    assert found("beijing") == [0, 1, 0, 0, None]


def test_no_requests_no_rate_but_n_is_zero() -> None:
    rig = Rig()
    labels = {"province": "hubei", "definition": "strict", "window": "today"}
    assert rig.value("seats_connection_rate", **labels) is None
    assert rig.value("seats_connection_rate_requests", **labels) == 0
    assert rig.value("seats_error_budget_remaining", province="hubei") is None


def test_requests_are_counted_where_they_arrived_and_how_they_ended() -> None:
    rig = Rig()
    rig.happen(opened("1"), opened("2"), opened("3"), opened("4", "hunan"))
    rig.happen(decided("1", Outcome.CONNECTED, 12.0), decided("2", Outcome.ABANDONED))
    assert rig.value("seats_requests_total", province="hubei") == 3
    assert rig.value("seats_requests_in_progress", province="hubei") == 1
    assert rig.value("seats_requests_finished_total", province="hubei", outcome="connected") == 1
    assert rig.value("seats_request_wait_seconds_bucket", province="hubei", le="10.0") == 0
    assert rig.value("seats_request_wait_seconds_bucket", province="hubei", le="15.0") == 1
    assert rig.value("seats_request_wait_seconds_sum", province="hubei") == 12.0
    labels = {"province": "hubei", "definition": "strict", "window": "today"}
    assert rig.value("seats_connection_rate", **labels) == 0.5
    assert rig.value("seats_connection_rate_requests", **labels) == 2
    assert rig.value("seats_requests_total", province="hunan") == 1


def test_totals_continue_from_the_ledger_and_seeding_again_changes_nothing() -> None:
    rig = Rig()
    totals = {
        "hubei": Totals(10, 1, {"connected": 8, "failed": 1}, [0, 0, 1, 2, 5, 0, 0, 0, 0, 0, 0, 0], 60.0)
    }
    for _ in range(2):
        rig.series.seed(totals, {"connected": 8})
    rig.happen(opened("x"))
    assert rig.value("seats_requests_total", province="hubei") == 11
    assert rig.value("seats_requests_in_progress", province="hubei") == 2
    assert rig.value("seats_requests_finished_total", province="hubei", outcome="failed") == 1
    assert rig.value("seats_request_wait_seconds_count", province="hubei") == 8
    assert rig.value("seats_request_wait_seconds_bucket", province="hubei", le="10.0") == 3
    assert rig.value("seats_offers_total", result="connected") == 8


def test_agents_count_in_each_pool_and_once_at_home() -> None:
    rig = Rig()
    rig.happen(added("a1", "hubei", "hubei", "central", "nation"), added("a2", "hunan", "nation"))
    rig.happen(changed("a1", Chosen.READY, Machine.IDLE), changed("a2", Chosen.READY, Machine.UNREACHABLE))
    assert rig.value("seats_agents", pool="nation", state="ready") == 1
    assert rig.value("seats_agents", pool="hubei", state="ready") == 1
    assert rig.value("seats_staff", province="hubei", state="ready") == 1
    assert rig.value("seats_staff", province="hunan", state="unreachable") == 1
    assert sum(rig.value("seats_staff", province=c, state=s) or 0 for c in CODES for s in AGENT_STATES) == 2


def test_one_word_for_two_states() -> None:
    assert state_word(Chosen.NOT_READY, Machine.TALKING) == "talking"
    assert state_word(Chosen.SIGNED_OUT, Machine.UNREACHABLE) == "signed_out"
    assert state_word(Chosen.READY, Machine.RESTING) == "resting"
    assert state_word(Chosen.READY, Machine.IDLE) == "ready"


def test_a_standby_keeps_the_official_series_to_itself() -> None:
    rig = Rig()
    rig.series.read("seats_leader", lambda: float(rig.leads))
    rig.leads = False
    names = {m.name for m in rig.series.registry.collect()}
    assert "seats_leader" in names
    assert not {f.name.removesuffix("_total") for f in FAMILIES if f.official} & names


def test_both_formats_parse_and_say_the_same() -> None:
    rig = Rig()
    rig.happen(opened("1"), decided("1", Outcome.CONNECTED), OfferEnded(NOW, "o", "1", "hubei", "a1",
               OfferResult.CONNECTED, ""))  # fmt: skip
    plain, plain_type = rig.series.text()
    wanted = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
    modern, modern_type = rig.series.text(wanted)
    assert plain_type.startswith("text/plain")
    assert modern_type.startswith("application/openmetrics-text")
    assert modern.endswith(b"# EOF\n")
    first = {(s.name, *sorted(s.labels.items())): s.value for f in classic(plain.decode()) for s in f.samples}
    second = {(s.name, *sorted(s.labels.items())): s.value for f in openmetrics(modern.decode())
              for s in f.samples}  # fmt: skip
    assert {k: v for k, v in first.items() if "process" not in k[0]} == {
        k: v for k, v in second.items() if "process" not in k[0]
    }
    assert NUMBER.encode() not in plain


def test_ten_thousand_agents_cost_no_series() -> None:
    rig = Rig()
    before = series_count(rig)
    pools = [p.code for p in PROVINCES]
    for n in range(10_000):
        home = pools[n % len(pools)]
        rig.happen(added(f"a{n}", home, home, "nation"), changed(f"a{n}", Chosen.READY, Machine.IDLE))
    for code in CODES:  # the rates come into being with the first decided requests
        for n, outcome in enumerate(Outcome):
            rig.happen(opened(f"{code}{n}", code), decided(f"{code}{n}", outcome, province=code))
    after = series_count(rig)
    assert after <= cardinality(Size())
    assert after - before == 35 * (2 * 3 + 1)  # a rate per definition and window, and a budget


def series_count(rig: Rig) -> int:
    return sum(len(family.samples) for family in rig.series.registry.collect())


def test_every_exported_family_is_in_the_catalogue() -> None:
    rig = Rig()
    known = {f.name.removesuffix("_total") for f in FAMILIES}
    names = {m.name for m in rig.series.registry.collect() if not m.name.startswith("seats_process")}
    assert names <= known


def test_budget_left() -> None:
    assert budget_left(Figures(), 0.99) is None
    half = Figures(requests=1000, connected=995, abandoned=5)
    left = budget_left(half, 0.99)
    assert left is not None
    assert abs(left - 0.5) < 1e-9
    broken = budget_left(Figures(requests=100, connected=98, failed=2), 0.99)
    assert broken is not None
    assert broken < 0


def test_a_distribution_cumulates() -> None:
    d = Distribution((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 9.0):
        d.observe(value)
    assert d.cumulated() == [("1.0", 2.0), ("2.0", 3.0), ("+Inf", 4.0)]
    assert d.total == 12.0


def test_totals_never_run_ahead_of_the_ledger() -> None:
    seen: list[Event] = []

    def sink(events: Sequence[Event]) -> None:
        seen.extend(events)

    writer = SimpleNamespace(appended=1, written=0, healthy=True)
    written = Written(writer, sink)
    written.append([opened("1")])
    assert not seen
    writer.written = 1
    written.release()
    assert len(seen) == 1
    writer.appended = 2
    writer.healthy = False  # the database is away: alerts must go on seeing
    written.append([opened("2")])
    assert len(seen) == 2
