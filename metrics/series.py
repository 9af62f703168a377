"""The series of the contract, fed by domain events and the tally, seeded from the ledger.

Labels are province codes, pools, states and nodes: never a phone number, never an agent. Every series exists
from the start, and totals go on from the ledger after a restart, so ``increase()`` is right across it. For
that they must never run ahead of the ledger: feed :meth:`Series.sink` with events that are written.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from metrics.definition.catalogue import AGENT_STATES, BY_NAME, CALLBACK_ENDS, REPAIRS, WAIT_BUCKETS
from seats.domain.agents import Chosen, Machine
from seats.domain.events import (
    AgentAdded,
    AgentChanged,
    AgentRemoved,
    CallbackChanged,
    Event,
    OfferEnded,
    Repaired,
    RequestDecided,
    RequestOpened,
)
from seats.domain.plan import Plan
from seats.domain.requests import OfferResult, Outcome
from seats.domain.tally import Figures, Tally, rate

__all__ = ["AGENT_STATES", "REPAIRS", "WAIT_BUCKETS", "Distribution", "Series", "Totals"]

Key = tuple[str, ...]
"""Label values, in the catalogue's order."""

MetricFamily = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily


class Totals(NamedTuple):
    """What the ledger holds for ever, for one province."""

    requests: int
    in_progress: int
    finished: Mapping[str, int]
    """Outcome → count."""
    waits: Sequence[int]
    """Connected requests by wait: not cumulated, one count per bucket of ``WAIT_BUCKETS`` and one above."""
    wait_sum: float


class Distribution:
    """Counts by bucket: cheap enough for the ring path."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def set(self, counts: Sequence[int], total: float) -> None:
        """Start from counts that are not cumulated."""
        self.counts[:] = counts
        self.total = total

    def cumulated(self) -> list[tuple[str, float]]:
        """(``le``, count) of every bucket."""
        rows, n = [], 0
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            n += count
            rows.append((bound, float(n)))
        return rows


class Series:
    """All series of one service. :meth:`text` answers a scrape."""

    def __init__(
        self,
        provinces: Sequence[str],
        tally: Tally,
        plan: Callable[[], Plan],
        now: Callable[[], float],
        leading: Callable[[], bool] = lambda: True,
    ) -> None:
        self.registry = CollectorRegistry()
        self._provinces, self._tally, self._plan, self._now = provinces, tally, plan, now
        self._requests = dict.fromkeys(provinces, 0)
        self._in_progress = dict.fromkeys(provinces, 0)
        self._finished: dict[Key, float] = {(p, o.value): 0 for p in provinces for o in Outcome}
        self._wait = {p: Distribution(WAIT_BUCKETS) for p in provinces}
        self._offers = {r.value: 0 for r in OfferResult}
        self._repairs = dict.fromkeys(REPAIRS, 0)
        self._callbacks: dict[Key, float] = {(p, end): 0 for p in provinces for end in CALLBACK_ENDS}
        self._agents: dict[str, _Agent] = {}
        self._readers: dict[str, list[Callable[[], Mapping[Key, float]]]] = {}
        self._distributions: dict[str, Distribution] = {}
        self.registry.register(_Collected(self._collect, leading))
        ProcessCollector(namespace="seats", registry=self.registry)

    def seed(self, totals: Mapping[str, Totals], offers: Mapping[str, int]) -> None:
        """Set what the ledger holds: province → totals, offer result → count. Again at each take-over."""
        for province, t in totals.items():
            self._requests[province] = t.requests
            self._in_progress[province] = t.in_progress
            for outcome in Outcome:
                self._finished[province, outcome.value] = t.finished.get(outcome.value, 0)
            self._wait[province].set(t.waits, t.wait_sum)
        for result, n in offers.items():
            self._offers[result] = n

    def seed_callbacks(self, totals: Mapping[tuple[str, str], int]) -> None:
        """Set how many callbacks the ledger holds as ended, by (province, state)."""
        for key in self._callbacks:
            self._callbacks[key] = totals.get((key[0], key[1]), 0)

    def read(self, name: str, value: Callable[[], float | None], *labels: str) -> None:
        """A series of the catalogue whose value is asked for at each scrape; None: no sample then."""

        def one() -> Mapping[Key, float]:
            found = value()
            return {} if found is None else {labels: found}

        self.read_all(name, one)

    def read_all(self, name: str, values: Callable[[], Mapping[Key, float]]) -> None:
        """A family of the catalogue: label values → value, asked for at each scrape."""
        self._readers.setdefault(name, []).append(values)

    def distribution(self, name: str) -> Distribution:
        """The distribution behind a histogram of the catalogue without labels."""
        return self._distributions.setdefault(name, Distribution(BY_NAME[name].buckets))

    def sink(self, events: Iterable[Event]) -> None:
        """Count what happened."""
        for event in events:
            count = _COUNTERS.get(type(event))
            if count is not None:
                count(self, event)

    def scrape(self, accept: str = "") -> tuple[Callable[[], bytes], str]:
        """This moment's values, in the format the scraper asks for, and its content type.

        What is returned writes them out: about 20 ms of work that needs no live state, for a thread.
        """
        encoder, content_type = choose_encoder(accept)
        taken = _Taken(list(self.registry.collect()))
        return lambda: encoder(taken), content_type

    def text(self, accept: str = "") -> tuple[bytes, str]:
        """The exposition and its content type, at once."""
        encode, content_type = self.scrape(accept)
        return encode(), content_type

    def _collect(self) -> Iterator[MetricFamily]:
        yield _simple("seats_requests_total", {(p,): n for p, n in self._requests.items()})
        yield _simple("seats_requests_finished_total", self._finished)
        yield _simple("seats_requests_in_progress", {(p,): n for p, n in self._in_progress.items()})
        yield _histogram("seats_request_wait_seconds", {(p,): d for p, d in self._wait.items()})
        yield _simple("seats_offers_total", {(r,): n for r, n in self._offers.items()})
        yield _simple("seats_callbacks_finished_total", self._callbacks)
        yield _simple("seats_reconcile_repairs_total", {(k,): n for k, n in self._repairs.items()})
        yield from self._rates()
        yield from self._staff()
        for name, readers in self._readers.items():
            rows: dict[Key, float] = {}
            for each in readers:
                rows.update(each())
            yield _simple(name, rows)
        for name, distribution in self._distributions.items():
            yield _histogram(name, {(): distribution})

    def _rates(self) -> Iterator[MetricFamily]:
        """Rates, objectives and budgets, from the tally. No requests: no rate, and n = 0."""
        rates: dict[Key, float] = {}
        numbers: dict[Key, float] = {}
        budgets: dict[Key, float] = {}
        now, routes = self._now(), self._plan().routes
        self._tally.roll(now)
        for code in self._provinces:
            day = self._tally.day(code)
            windows = {"15m": self._tally.quarter(code, now), "1h": self._tally.hour(code, now), "today": day}
            for window, figures in windows.items():
                for definition, share in (("strict", figures.strict), ("reported", figures.reported)):
                    found = rate(share)
                    numbers[code, definition, window] = found.n
                    if found.rate is not None:
                        rates[code, definition, window] = found.rate
            left = budget_left(day, routes[code].objective)
            if left is not None:
                budgets[code,] = left
        yield _simple("seats_connection_rate", rates)
        yield _simple("seats_connection_rate_requests", numbers)
        yield _simple("seats_error_budget_remaining", budgets)
        yield _simple(
            "seats_connection_objective_ratio", {(c,): routes[c].objective for c in self._provinces}
        )
        yield _simple("seats_wait_bound_seconds", {(): self._plan().max_wait})

    def _staff(self) -> Iterator[MetricFamily]:
        """Every pool × state and every province × state."""
        pools: dict[Key, float] = {(pool, s): 0 for pool in self._plan().pools for s in AGENT_STATES}
        homes: dict[Key, float] = {(p, s): 0 for p in self._provinces for s in AGENT_STATES}
        for agent in self._agents.values():
            homes[agent.province, agent.state] = homes.get((agent.province, agent.state), 0) + 1
            for pool in agent.pools:
                if (pool, agent.state) in pools:
                    pools[pool, agent.state] += 1
        yield _simple("seats_agents", pools)
        yield _simple("seats_staff", homes)

    def _opened(self, event: RequestOpened) -> None:
        self._requests[event.province] += 1
        self._in_progress[event.province] += 1

    def _decided(self, event: RequestDecided) -> None:
        self._in_progress[event.province] -= 1
        self._finished[event.province, event.outcome.value] += 1
        if event.outcome is Outcome.CONNECTED:
            self._wait[event.province].observe(event.queue + event.ring)

    def _offer_ended(self, event: OfferEnded) -> None:
        self._offers[event.result.value] += 1

    def _callback_changed(self, event: CallbackChanged) -> None:
        key = (event.province, event.state.value)
        if key in self._callbacks:
            self._callbacks[key] += 1

    def _repaired(self, event: Repaired) -> None:
        self._repairs[event.kind] = self._repairs.get(event.kind, 0) + 1

    def _agent_added(self, event: AgentAdded) -> None:
        known = self._agents.get(event.agent)
        state = known.state if known else "signed_out"
        self._agents[event.agent] = _Agent(event.province, event.pools, state)

    def _agent_changed(self, event: AgentChanged) -> None:
        known = self._agents.get(event.agent)
        if known is not None:
            state = state_word(event.chosen, event.machine)
            self._agents[event.agent] = known._replace(state=state)

    def _agent_removed(self, event: AgentRemoved) -> None:
        self._agents.pop(event.agent, None)


class _Agent(NamedTuple):
    province: str
    pools: tuple[str, ...]
    state: str


def state_word(chosen: Chosen, machine: Machine) -> str:
    """One word for an agent's two states; what the machine is doing goes before what the person chose."""
    if machine in (Machine.TALKING, Machine.WRAP_UP, Machine.OFFERED):
        return machine.value
    if chosen is Chosen.SIGNED_OUT:
        return "signed_out"
    if machine in (Machine.UNREACHABLE, Machine.RESTING):
        return machine.value
    return chosen.value


def budget_left(figures: Figures, objective: float) -> float | None:
    """Share of the allowed losses not used yet, 1 when none is used; None without requests."""
    k, n = figures.strict
    allowed = n * (1 - objective)
    return 1 - (n - k) / allowed if allowed > 0 else None


_COUNTERS: dict[type, Callable[[Series, object], None]] = {
    RequestOpened: Series._opened,  # type: ignore[dict-item]  # the key says the event's type
    RequestDecided: Series._decided,  # type: ignore[dict-item]
    OfferEnded: Series._offer_ended,  # type: ignore[dict-item]
    CallbackChanged: Series._callback_changed,  # type: ignore[dict-item]
    Repaired: Series._repaired,  # type: ignore[dict-item]
    AgentAdded: Series._agent_added,  # type: ignore[dict-item]
    AgentChanged: Series._agent_changed,  # type: ignore[dict-item]
    AgentRemoved: Series._agent_removed,  # type: ignore[dict-item]
}


class _Collected(Collector):
    """One scrape. A process that does not lead keeps the official series to itself: the leader tells them."""

    def __init__(self, collect: Callable[[], Iterator[MetricFamily]], leading: Callable[[], bool]) -> None:
        self._collect, self._leading = collect, leading

    def describe(self) -> Iterator[MetricFamily]:
        """Nothing to check for: the names are in no other collector."""
        return iter(())

    def collect(self) -> Iterator[MetricFamily]:
        """The families of one scrape."""
        leading = self._leading()
        for family in self._collect():
            if leading or _family_name(family) not in _OFFICIAL:
                yield family


class _Taken(CollectorRegistry):
    """Families of one moment, as a registry."""

    def __init__(self, families: Sequence[Metric]) -> None:
        super().__init__()
        self._families = families

    def collect(self) -> Iterator[Metric]:
        """The families."""
        return iter(self._families)


_OFFICIAL = frozenset(name for name, family in BY_NAME.items() if family.official)


def _family_name(family: MetricFamily) -> str:
    return f"{family.name}_total" if family.type == "counter" else str(family.name)


def _simple(name: str, rows: Mapping[Key, float]) -> MetricFamily:
    known = BY_NAME[name]
    kind = CounterMetricFamily if known.kind == "counter" else GaugeMetricFamily
    family: CounterMetricFamily | GaugeMetricFamily = kind(name, known.help, labels=known.labels)
    for key, value in rows.items():
        family.add_metric(list(key), value)
    return family


def _histogram(name: str, rows: Mapping[Key, Distribution]) -> MetricFamily:
    known = BY_NAME[name]
    family = HistogramMetricFamily(name, known.help, labels=known.labels)
    for key, distribution in rows.items():
        family.add_metric(list(key), distribution.cumulated(), distribution.total)
    return family
