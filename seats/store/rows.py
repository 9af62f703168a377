"""What the store gives back. Times are Unix seconds (UTC), durations seconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class LedgerRow(NamedTuple):
    """One request of the ledger. ``outcome`` is None while it is open."""

    id: str
    node: str
    arrived_at: float
    province: str
    source: str
    confidence: str
    did: str
    number: str
    outcome: str | None
    queue: float | None
    ring: float | None
    talk: float | None
    agent: str | None
    ended_by: str | None
    disposition: str | None
    reconstructed: bool
    offers: int
    klass: str = ""
    """The caller's priority class on arrival; empty for everybody."""


class OpenRow(NamedTuple):
    """A request or call that has not ended, as far as the ledger knows."""

    id: str
    node: str
    channel: str
    uniqueid: str
    linkedid: str
    did: str
    number: str
    province: str
    source: str
    confidence: str
    arrived_at: float
    outcome: str | None
    agent: str | None
    answered_at: float | None
    klass: str


class OfferRow(NamedTuple):
    """One attempt to ring one agent for one request."""

    id: str
    request: str
    agent: str
    pool: str
    ring: int
    why: str
    made_at: float
    rang_at: float | None
    ended_at: float | None
    result: str | None
    detail: str | None


class TimelineRow(NamedTuple):
    """One thing that happened to a request."""

    at: float
    kind: str
    data: Mapping[str, Any]


class CohortRow(NamedTuple):
    """A request as figures need it; ``waited`` is queue + ring."""

    arrived_at: float
    province: str
    outcome: str | None
    waited: float


class Waits(NamedTuple):
    """Waits of a province's decided requests: how many were ≤ each bound, their total and number."""

    buckets: tuple[int, ...]
    total: float
    number: int


class AgentDay(NamedTuple):
    """One agent's own figures; durations in seconds."""

    offers: int
    connected: int
    missed: int
    talk_s: float
    wrap_up_s: float
    ready_s: float
    not_ready_s: float


class AgentRow(NamedTuple):
    """A person who takes calls; ``seat_kind`` is browser, sip or mobile."""

    id: str
    name: str
    province: str
    pools: tuple[str, ...]
    seat_kind: str
    seat_address: str
    active: bool = True
    skills: tuple[tuple[str, int], ...] = ()
    """(skill, level 0 to 10), by skill."""


class StateRow(NamedTuple):
    """An agent's state from ``at`` on."""

    at: float
    agent: str
    chosen: str
    machine: str
    reason: str
    cause: str
    wrap_up_until: float | None
    reserved: str | None
    reserved_reason: str | None


class User(NamedTuple):
    """Someone who may sign in. ``role`` is ``agent``, ``supervisor`` or ``admin``."""

    login: str
    name: str
    role: str
    agent_id: str | None


class VersionRow(NamedTuple):
    """One stored version of the routing."""

    version: int
    at: float
    actor: str
    comment: str


class AuditRow(NamedTuple):
    """One recorded change; ``subject`` is ``request/ID``, ``agent/ID``, ``user/LOGIN`` or ``routing/N``."""

    seq: int
    at: float
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any]
