"""The board: every row as last told, and which rows must be looked at again.

Events mark keys; :meth:`Board.collect` builds each marked row once and keeps only what differs, so that
what was told plus the deltas is always the present picture. Counts are kept as agents and requests
change: a collection costs what has changed, whatever the size of the house.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, get_args

import msgspec

from seats.domain.agents import Agent, Chosen
from seats.domain.events import Event, ProvinceSteered, RequestDecided, RequestOpened, RoutingChanged
from seats.domain.requests import Request, RequestState
from seats.domain.tally import NATION
from seats.engine.engine import Engine
from seats.web import views
from seats.web.views import Presence

COLLECT_AGENTS = 500
"""Agent rows built in one collection at most (about 4 ms); the rest stay marked for the next."""

encode = msgspec.json.Encoder().encode

Rows = dict[str, msgspec.Raw]
_NAMED: dict[type, tuple[str, ...]] = {
    kind: tuple(n for n in ("agent", "request", "province") if n in kind._fields) for kind in get_args(Event)
}
"""Where each kind of event names what it is about: no kind can be forgotten."""
_KNOWN = frozenset((*views.CODES, NATION))


class Delta(NamedTuple):
    """Rows that are new or changed, and keys that are gone, by section; ``totals`` is replaced whole."""

    rows: dict[str, Rows]
    gone: dict[str, list[str]]
    totals: msgspec.Raw | None

    @property
    def empty(self) -> bool:
        """Nothing changed."""
        return not self.rows and not self.gone and self.totals is None


class _AgentMark(NamedTuple):
    """What an agent added to the counts."""

    province: str
    ready: int
    signed_in: int


class Board:
    """Rows by section, kept current from events."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.sections: dict[str, Rows] = {"provinces": {}, "agents": {}, "waiting": {}, "link": {}}
        self.totals = msgspec.Raw(b"null")
        self._agents: set[str] = set()
        self._requests: set[str] = set()
        self._provinces: set[str] = set()
        self._queues: set[str] = set()
        """Provinces whose waiting list may stand in another order, though no request of it changed."""
        self._agent_marks: dict[str, _AgentMark] = {}
        self._places: dict[str, str] = {}
        self._shown: dict[str, set[str]] = {}
        self._queued: dict[str, dict[str, Request]] = {}
        self._talking: dict[str, set[str]] = {}
        self._presence: dict[str, Presence] = {code: Presence() for code in (*views.CODES, NATION)}
        self.touch_all()

    def touch_all(self) -> None:
        """Look at everything: what happened until now was not followed."""
        self._agents |= self._engine.state.agents.keys() | self.sections["agents"].keys()
        self._requests |= self._engine.state.requests.keys() | self._places.keys()
        self.touch_clock()

    def note(self, events: Sequence[Event]) -> set[str]:
        """Mark what these events may have changed; the agents among it."""
        agents: set[str] = set()
        marks = {"agent": agents, "request": self._requests, "province": self._provinces}
        for event in events:
            for name in _NAMED[type(event)]:
                if named := getattr(event, name):
                    marks[name].add(str(named))
            if isinstance(event, RequestOpened | RequestDecided):
                self._provinces.add(NATION)
            elif isinstance(event, ProvinceSteered):
                self._queues.add(event.province)
            elif isinstance(event, RoutingChanged):
                self.touch_clock()
                self._queues.update(self._queued)
        self._agents |= agents
        return agents

    def touch_agent(self, agent: str) -> None:
        """Look at this agent's row again."""
        self._agents.add(agent)

    def touch_clock(self) -> None:
        """Time passed: windows moved."""
        self._provinces.update(self._presence)

    @property
    def dirty(self) -> bool:
        """Something is marked."""
        return bool(self._agents or self._requests or self._provinces or self._queues)

    def collect(self) -> Delta:
        """Build what is marked and take it as told."""
        delta = Delta({}, {}, None)
        agents = self._take_agents()
        requests, self._requests = self._requests, set()
        self._put(delta, "agents", ((key, self._agent(key)) for key in agents))
        queues = self._move(requests) | self._queues
        self._queues = set()
        provinces, self._provinces = self._provinces, set()
        for code in queues:
            self._queue(delta, code)
        self._put(delta, "link", self._links())
        totals = self._figures(delta, provinces)
        return delta._replace(totals=totals)

    def snapshot(self) -> bytes:
        """The sections as one JSON object's members, as last told: ``"provinces":{…},…,"totals":{…}``."""
        return encode({**self.sections, "totals": self.totals})[1:-1]

    def presence(self, code: str) -> Presence:
        """Who is in a province, as of the last collection."""
        return self._presence.setdefault(code, Presence())

    # --- agents -----------------------------------------------------------------------------------

    def _take_agents(self) -> set[str]:
        if len(self._agents) <= COLLECT_AGENTS:
            taken, self._agents = self._agents, set()
            return taken
        return {self._agents.pop() for _ in range(COLLECT_AGENTS)}

    def _agent(self, key: str) -> msgspec.Raw | None:
        state = self._engine.state
        agent = state.agents.get(key)
        self._count_agent(key, agent)
        return _raw(views.agent_row(state, agent)) if agent else None

    def _count_agent(self, key: str, agent: Agent | None) -> None:
        old = self._agent_marks.pop(key, None)
        new = _mark(agent) if agent else None
        if new is not None:
            self._agent_marks[key] = new
        if old == new:
            return
        for mark, sign in ((old, -1), (new, 1)):
            if mark is not None:
                self._add(mark, sign)

    def _add(self, mark: _AgentMark, sign: int) -> None:
        for code in (mark.province, NATION):
            presence = self.presence(code)
            presence.ready += sign * mark.ready
            presence.agents_signed_in += sign * mark.signed_in
            self._provinces.add(code)

    # --- requests ---------------------------------------------------------------------------------

    def _move(self, keys: Iterable[str]) -> set[str]:
        """Put each request in its province's queue or among its talkers; the provinces touched."""
        touched: set[str] = set()
        for key in keys:
            request = self._engine.state.requests.get(key)
            self._take_out(key, touched)
            if request is not None:
                self._put_in(request, touched)
        for code in touched:
            self._recount(code)
        if touched:
            self._recount_nation()
        return touched

    def _take_out(self, key: str, touched: set[str]) -> None:
        code = self._places.pop(key, None)
        if code is not None:
            self._queued.get(code, {}).pop(key, None)
            self._talking.get(code, set()).discard(key)
            touched.add(code)

    def _put_in(self, request: Request, touched: set[str]) -> None:
        code = request.province
        if views.is_queued(request):
            self._queued.setdefault(code, {})[request.id] = request
        elif request.state is RequestState.TALKING:
            self._talking.setdefault(code, set()).add(request.id)
        else:
            return
        self._places[request.id] = code
        touched.add(code)

    def _recount(self, code: str) -> None:
        presence, queued = self.presence(code), self._queued.get(code, {})
        presence.waiting = len(queued)
        presence.longest_wait_since = min((r.arrived_at for r in queued.values()), default=None)
        presence.talking = len(self._talking.get(code, ()))
        self._provinces.add(code)

    def _recount_nation(self) -> None:
        nation = self.presence(NATION)
        parts = [p for code, p in self._presence.items() if code != NATION]
        nation.waiting = sum(p.waiting for p in parts)
        nation.talking = sum(p.talking for p in parts)
        nation.longest_wait_since = min(
            (p.longest_wait_since for p in parts if p.longest_wait_since is not None), default=None
        )
        self._provinces.add(NATION)

    def _queue(self, delta: Delta, code: str) -> None:
        """The waiting rows of one province: positions shift, so they are looked at together."""
        rows = {row.request: _raw(row) for row in views.waiting_rows(self._queued.get(code, {}).values())}
        gone: list[tuple[str, msgspec.Raw | None]] = [
            (key, None) for key in self._shown.get(code, set()) - rows.keys()
        ]
        self._shown[code] = set(rows)
        self._put(delta, "waiting", [*gone, *rows.items()])

    # --- provinces and links ----------------------------------------------------------------------

    def _figures(self, delta: Delta, codes: set[str]) -> msgspec.Raw | None:
        now = self._engine.now()
        self._put(delta, "provinces", ((c, self._province(c, now)) for c in codes & _KNOWN if c != NATION))
        totals = self._province(NATION, now)
        if NATION not in codes or totals == self.totals:
            return None
        self.totals = totals
        return totals

    def _province(self, code: str, now: float) -> msgspec.Raw:
        engine = self._engine
        return _raw(views.province_row(engine.state, engine.tally, code, self.presence(code), now))

    def _links(self) -> Iterator[tuple[str, msgspec.Raw | None]]:
        links = self._engine.links
        for node in self.sections["link"].keys() - links.keys():
            yield node, None
        for node, link in links.items():
            yield node, _raw(views.LinkRow(str(link.state), link.reason))

    # --- what differs -----------------------------------------------------------------------------

    def _put(self, delta: Delta, section: str, rows: Iterable[tuple[str, msgspec.Raw | None]]) -> None:
        told = self.sections[section]
        for key, row in rows:
            if row is None:
                if told.pop(key, None) is not None:
                    delta.gone.setdefault(section, []).append(key)
            elif told.get(key) != row:
                told[key] = row
                delta.rows.setdefault(section, {})[key] = row


def _raw(row: msgspec.Struct) -> msgspec.Raw:
    return msgspec.Raw(encode(row))


def _mark(agent: Agent) -> _AgentMark:
    return _AgentMark(agent.province, views.display(agent) == "ready", agent.chosen is not Chosen.SIGNED_OUT)
