"""The Prometheus series of the contract, fed by domain events and the tally, seeded from the ledger.

Labels are province codes, pools, states and nodes: never a phone number, never an agent. Every series exists
from the start, and totals go on from the ledger after a restart, so ``increase()`` is right across it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from seats.domain.agents import Chosen, Machine
from seats.domain.events import (
    AgentAdded,
    AgentChanged,
    AgentRemoved,
    Event,
    OfferEnded,
    Repaired,
    RequestDecided,
    RequestOpened,
)
from seats.domain.plan import Plan
from seats.domain.requests import OfferResult, Outcome
from seats.domain.tally import Figures, Tally, rate

WAIT_BUCKETS = (5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Seconds; 15, 20 and 30 are the service levels in use."""

AGENT_STATES = (
    "ready", "offered", "talking", "wrap_up", "not_ready", "resting", "unreachable", "signed_out",
)  # fmt: skip
"""One word per agent, as on the board."""

REPAIRS = ("caller_gone", "caller_found", "leg_gone")
"""Kinds of repair known from the start; others appear when they happen."""


class Totals(NamedTuple):
    """What the ledger holds for ever, for one province."""

    requests: int
    in_progress: int
    finished: Mapping[str, int]
    """Outcome → count."""
    waits: Sequence[int]
    """Connected requests by wait: not cumulated, one count per bucket of ``WAIT_BUCKETS`` and one above."""
    wait_sum: float


class Series:
    """All series of one service. Subscribe :meth:`sink` to the engine; :meth:`text` answers a scrape."""

    def __init__(
        self, provinces: Sequence[str], tally: Tally, plan: Callable[[], Plan], now: Callable[[], float]
    ) -> None:
        self.registry = CollectorRegistry()
        self._agents: dict[str, tuple[tuple[str, ...], str]] = {}
        reg = self.registry
        self._requests = Counter("seats_requests", "Requests for a human.", ["province"], registry=reg)
        self._finished = Counter(
            "seats_requests_finished",
            "Requests whose outcome is known.",
            ["province", "outcome"],
            registry=reg,
        )
        self._in_progress = Gauge(
            "seats_requests_in_progress", "Requests whose outcome is still open.", ["province"], registry=reg
        )
        self._wait = Histogram(
            "seats_request_wait_seconds",
            "Queue and ring time of connected requests.",
            ["province"],
            buckets=WAIT_BUCKETS,
            registry=reg,
        )
        self._offers = Counter("seats_offers", "Offers to agents by result.", ["result"], registry=reg)
        self._repairs = Counter(
            "seats_reconcile_repairs", "Differences with the PBX that were repaired.", ["kind"], registry=reg
        )
        self._create(provinces)
        reg.register(_Rates(provinces, tally, plan, now))
        reg.register(_Agents(plan, self._agents))

    def seed(self, totals: Mapping[str, Totals], offers: Mapping[str, int]) -> None:
        """Start from what the ledger holds: province → totals, offer result → count."""
        for province, t in totals.items():
            self._requests.labels(province).inc(t.requests)
            self._in_progress.labels(province).inc(t.in_progress)
            for outcome, n in t.finished.items():
                self._finished.labels(province, outcome).inc(n)
            wait = self._wait.labels(province)
            for bucket, n in zip(wait._buckets, t.waits, strict=True):
                bucket.inc(n)
            wait._sum.inc(t.wait_sum)
        for result, n in offers.items():
            self._offers.labels(result).inc(n)

    def gauge(self, name: str, text: str, read: Callable[[], float], **labels: str) -> None:
        """A gauge read at each scrape, for one set of labels; call again for the next set."""
        gauge = self.registry._names_to_collectors.get(name)
        if not isinstance(gauge, Gauge):
            gauge = Gauge(name, text, list(labels), registry=self.registry)
        (gauge.labels(**labels) if labels else gauge).set_function(read)

    def sink(self, events: Iterable[Event]) -> None:
        """Count what happened."""
        for event in events:
            count = _COUNTERS.get(type(event))
            if count is not None:
                count(self, event)

    def text(self, accept: str = "") -> tuple[bytes, str]:
        """The exposition and its content type, in the format the scraper asks for."""
        encoder, content_type = choose_encoder(accept)
        return encoder(self.registry), content_type

    def _create(self, provinces: Sequence[str]) -> None:
        for province in provinces:
            self._requests.labels(province)
            self._in_progress.labels(province)
            self._wait.labels(province)
            for outcome in Outcome:
                self._finished.labels(province, outcome.value)
        for result in OfferResult:
            self._offers.labels(result.value)
        for kind in REPAIRS:
            self._repairs.labels(kind)

    def _opened(self, event: RequestOpened) -> None:
        self._requests.labels(event.province).inc()
        self._in_progress.labels(event.province).inc()

    def _decided(self, event: RequestDecided) -> None:
        self._in_progress.labels(event.province).dec()
        self._finished.labels(event.province, event.outcome.value).inc()
        if event.outcome is Outcome.CONNECTED:
            self._wait.labels(event.province).observe(event.queue + event.ring)

    def _offer_ended(self, event: OfferEnded) -> None:
        self._offers.labels(event.result.value).inc()

    def _repaired(self, event: Repaired) -> None:
        self._repairs.labels(event.kind).inc()

    def _agent_added(self, event: AgentAdded) -> None:
        state = self._agents.get(event.agent, ((), "signed_out"))[1]
        self._agents[event.agent] = (event.pools, state)

    def _agent_changed(self, event: AgentChanged) -> None:
        pools = self._agents.get(event.agent, ((), ""))[0]
        self._agents[event.agent] = (pools, state_word(event.chosen, event.machine))

    def _agent_removed(self, event: AgentRemoved) -> None:
        self._agents.pop(event.agent, None)


def state_word(chosen: Chosen, machine: Machine) -> str:
    """One word for an agent's two states; what the machine is doing goes before what the person chose."""
    if machine in (Machine.TALKING, Machine.WRAP_UP, Machine.OFFERED):
        return machine.value
    if chosen is Chosen.SIGNED_OUT:
        return "signed_out"
    if machine in (Machine.UNREACHABLE, Machine.RESTING):
        return machine.value
    return chosen.value


_COUNTERS: dict[type, Callable[[Series, object], None]] = {
    RequestOpened: Series._opened,  # type: ignore[dict-item]  # the key says the event's type
    RequestDecided: Series._decided,  # type: ignore[dict-item]
    OfferEnded: Series._offer_ended,  # type: ignore[dict-item]
    Repaired: Series._repaired,  # type: ignore[dict-item]
    AgentAdded: Series._agent_added,  # type: ignore[dict-item]
    AgentChanged: Series._agent_changed,  # type: ignore[dict-item]
    AgentRemoved: Series._agent_removed,  # type: ignore[dict-item]
}


class _Rates(Collector):
    """Rates, objectives and budgets, read from the tally at each scrape. No requests: no sample."""

    def __init__(
        self, provinces: Sequence[str], tally: Tally, plan: Callable[[], Plan], now: Callable[[], float]
    ) -> None:
        self._provinces, self._tally, self._plan, self._now = provinces, tally, plan, now

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing to check for: the names are in no other collector."""
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The families of one scrape."""
        rates = GaugeMetricFamily(
            "seats_connection_rate",
            "Connected over decided requests that arrived in the window.",
            labels=["province", "definition", "window"],
        )
        budget = GaugeMetricFamily(
            "seats_error_budget_remaining",
            "Share of today's allowed losses not used yet; negative once the objective is broken.",
            labels=["province"],
        )
        objective = GaugeMetricFamily(
            "seats_connection_objective_ratio", "Connection rate the province must hold.", labels=["province"]
        )
        now, routes = self._now(), self._plan().routes
        self._tally.roll(now)
        for code in self._provinces:
            day = self._tally.day(code)
            windows = {"15m": self._tally.quarter(code, now), "1h": self._tally.hour(code, now), "today": day}
            for window, figures in windows.items():
                for definition, share in (("strict", figures.strict), ("reported", figures.reported)):
                    value = rate(share).rate
                    if value is not None:
                        rates.add_metric([code, definition, window], value)
            objective.add_metric([code], routes[code].objective)
            left = budget_left(day, routes[code].objective)
            if left is not None:
                budget.add_metric([code], left)
        yield from (rates, objective, budget)


def budget_left(figures: Figures, objective: float) -> float | None:
    """Share of the allowed losses not used yet, 1 when none is used; None without requests."""
    k, n = figures.strict
    allowed = n * (1 - objective)
    return 1 - (n - k) / allowed if allowed > 0 else None


class _Agents(Collector):
    """Agents by pool and state."""

    def __init__(self, plan: Callable[[], Plan], agents: dict[str, tuple[tuple[str, ...], str]]) -> None:
        self._plan, self._agents = plan, agents

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing to check for: the name is in no other collector."""
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The family of one scrape: every pool × state."""
        counts = dict.fromkeys(((pool, state) for pool in self._plan().pools for state in AGENT_STATES), 0)
        for pools, state in self._agents.values():
            for pool in pools:
                if (pool, state) in counts:
                    counts[pool, state] += 1
        family = GaugeMetricFamily("seats_agents", "Agents by pool and state.", labels=["pool", "state"])
        for (pool, state), n in counts.items():
            family.add_metric([pool, state], n)
        yield family
