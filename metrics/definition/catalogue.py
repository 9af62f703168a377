"""Every series the service exports: name, kind, labels and how many values a label can take.

Names follow Prometheus' conventions: base units, ``_total`` for counters, ``_info`` for facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Literal, NamedTuple

from seats.domain.callback_book import OPEN, CallbackState
from seats.domain.requests import OfferResult, Outcome

WAIT_BUCKETS = (1.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Seconds; 15, 20 and 30 are the service levels in use."""

DECISION_BUCKETS = (0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.005, 0.025, 0.1)
"""Seconds of one step of the core and of handing its effects to the PBX."""

LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
"""Seconds by which the event loop was late."""

AGENT_STATES = (
    "ready", "offered", "talking", "wrap_up", "not_ready", "resting", "unreachable", "signed_out",
)  # fmt: skip
"""One word per agent, as on the board."""

REPAIRS = ("caller_found", "caller_gone", "leg_gone", "offer_found", "request_settled")
"""Kinds of repair known from the start; others appear when they happen."""

WINDOWS = ("15m", "1h", "today")
"""Windows of the arrival-cohort rates."""

DEFINITIONS = ("strict", "reported")

CALLBACK_STATES = tuple(state.value for state in CallbackState if state in OPEN)
CALLBACK_ENDS = tuple(state.value for state in CallbackState if state not in OPEN)

RESPONSES = ("1xx", "2xx", "3xx", "4xx", "5xx")

Kind = Literal["counter", "gauge", "histogram"]


class Family(NamedTuple):
    """One metric family. ``official`` ones continue from the ledger and are exported by the leader alone."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    official: bool = False
    buckets: tuple[float, ...] = ()
    fixed: int = 0
    """Series of the family where labels are not independent; 0: the product of the labels' bounds."""


FAMILIES: tuple[Family, ...] = (
    Family("seats_requests_total", "counter", "Requests for a human.", ("province",), True),
    Family(
        "seats_requests_finished_total",
        "counter",
        "Requests whose outcome is known.",
        ("province", "outcome"),
        True,
    ),
    Family(
        "seats_requests_in_progress",
        "gauge",
        "Requests whose outcome is still open.",
        ("province",),
        True,
    ),
    Family(
        "seats_request_wait_seconds",
        "histogram",
        "Queue and ring time of connected requests.",
        ("province",),
        True,
        WAIT_BUCKETS,
    ),
    Family(
        "seats_connection_rate",
        "gauge",
        "Connected over decided requests that arrived in the window; absent without requests.",
        ("province", "definition", "window"),
        True,
    ),
    Family(
        "seats_connection_rate_requests",
        "gauge",
        "Decided requests that seats_connection_rate stands on: its n.",
        ("province", "definition", "window"),
        True,
    ),
    Family(
        "seats_connection_objective_ratio",
        "gauge",
        "Connection rate the province must hold.",
        ("province",),
        True,
    ),
    Family(
        "seats_error_budget_remaining",
        "gauge",
        "Share of today's allowed losses not used yet; negative once the objective is broken.",
        ("province",),
        True,
    ),
    Family(
        "seats_steering_level",
        "gauge",
        "What is done for the objective: 0 the plan, 1 rings early, 2 priority, 3 and 4 reserves, 5 breaks ended.",
        ("province",),
        True,
    ),
    Family(
        "seats_objective_feasible",
        "gauge",
        "1 if the objective can be held with the agents there are, else 0.",
        ("province",),
        True,
    ),
    Family(
        "seats_agents_missing",
        "gauge",
        "Agents that the objective lacks in the rings of the province; 0 while it is feasible.",
        ("province",),
        True,
    ),
    Family(
        "seats_expected_wait_seconds",
        "gauge",
        "Wait that a caller who comes now must expect.",
        ("province",),
        True,
    ),
    Family(
        "seats_expected_wait_error_seconds",
        "gauge",
        "Mean absolute error of the last expected waits; absent before the first was judged.",
        ("province",),
        True,
    ),
    Family(
        "seats_oldest_wait_seconds",
        "gauge",
        "Age of the oldest request that still waits; 0 when none does.",
        ("province",),
        True,
    ),
    Family(
        "seats_callbacks",
        "gauge",
        "Callers to be called back who were not reached yet.",
        ("province", "state"),
        True,
    ),
    Family(
        "seats_callbacks_finished_total",
        "counter",
        "Callbacks that ended: done, cancelled, expired or failed.",
        ("province", "state"),
        True,
    ),
    Family("seats_wait_bound_seconds", "gauge", "Longest wait the routing allows.", (), True),
    Family("seats_agents", "gauge", "Agents by pool and state.", ("pool", "state"), True),
    Family(
        "seats_staff",
        "gauge",
        "Agents by home province and state, each counted once.",
        ("province", "state"),
        True,
    ),
    Family("seats_offers_total", "counter", "Offers to agents by result.", ("result",), True),
    Family(
        "seats_reconcile_repairs_total",
        "counter",
        "Differences with the PBX that were repaired.",
        ("kind",),
    ),
    Family("seats_leader", "gauge", "This process decides."),
    Family("seats_build_info", "gauge", "Version of the program and of Python.", ("version", "python")),
    Family("seats_ami_connected", "gauge", "Link to the node is up.", ("node",)),
    Family("seats_ami_event_lag_seconds", "gauge", "How late the node's events reach us.", ("node",)),
    Family("seats_ami_reconnects_total", "counter", "Times the link came up again.", ("node",)),
    Family("seats_ami_events_total", "counter", "Typed events received.", ("node",)),
    Family("seats_ami_actions_total", "counter", "Actions sent.", ("node",)),
    Family(
        "seats_ami_action_failures_total",
        "counter",
        "Actions refused, cut off or without an answer in time.",
        ("node",),
    ),
    Family("seats_pbx_restarts_total", "counter", "Restarts of the PBX seen by this process.", ("node",)),
    Family("seats_ledger_unreconciled", "gauge", "Requests by which the live count and the ledger differ."),
    Family("seats_ledger_up", "gauge", "The last attempt to write to the ledger succeeded."),
    Family(
        "seats_ledger_spool_up",
        "gauge",
        "What the ledger does not have yet is on this machine's own disk.",
    ),
    Family("seats_ledger_pending_events", "gauge", "Events not written yet."),
    Family("seats_ledger_written_events_total", "counter", "Events dealt with: written, or refused."),
    Family("seats_ledger_lost_events_total", "counter", "Events dropped because the queue was full."),
    Family("seats_ledger_rejected_events_total", "counter", "Events the database refused for their content."),
    Family(
        "seats_ledger_disk_free_bytes",
        "gauge",
        "Free space where the SQLite ledger lies; absent with PostgreSQL.",
    ),
    Family("seats_ledger_disk_size_bytes", "gauge", "Size of the file system of the SQLite ledger."),
    Family(
        "seats_decision_duration_seconds",
        "histogram",
        "One step of the core and the handing over of its effects.",
        buckets=DECISION_BUCKETS,
    ),
    Family(
        "seats_event_loop_lag_seconds",
        "histogram",
        "How late the event loop woke, sampled twice a second.",
        buckets=LAG_BUCKETS,
    ),
    Family("seats_feed_clients", "gauge", "Open live feeds (boards and desks)."),
    Family("seats_feed_lag_snapshots_total", "counter", "Snapshots sent because a client had fallen behind."),
    Family("seats_web_responses_total", "counter", "Answers of the web server by class.", ("code",)),
    Family(
        "seats_certificate_expiry_timestamp_seconds",
        "gauge",
        "When the web server's certificate expires; absent without TLS.",
    ),
    Family("seats_process", "gauge", "Of the process: processor time, memory, open files.", (), False, (), 7),
)

BY_NAME: Mapping[str, Family] = {f.name: f for f in FAMILIES}


class Size(NamedTuple):
    """What the number of series depends on. Agents are not in it: no label names one."""

    provinces: int = 35
    """34 and unknown."""
    pools: int = 43
    """As shipped: the nation, 8 regions, 34 provinces."""
    nodes: int = 4


def bounds(size: Size) -> dict[str, int]:
    """The most values each label can take."""
    return {
        "province": size.provinces,
        "pool": size.pools,
        "node": size.nodes,
        "outcome": len(Outcome),
        "state": len(AGENT_STATES),
        "result": len(OfferResult),
        "definition": len(DEFINITIONS),
        "window": len(WINDOWS),
        "kind": len(REPAIRS) + 3,
        "code": len(RESPONSES),
        "version": 1,
        "python": 1,
    }


def series_of(family: Family, size: Size) -> int:
    """The most series a family can have; a histogram has its buckets, ``+Inf``, sum and count."""
    if family.fixed:
        return family.fixed
    most = bounds(size)
    each = len(family.buckets) + 3 if family.kind == "histogram" else 1
    return prod(most[label] for label in family.labels) * each


def cardinality(size: Size) -> int:
    """The most series one service can export."""
    return sum(series_of(f, size) for f in FAMILIES)
