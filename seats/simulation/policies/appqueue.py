"""Asterisk's app_queue: what its source does (apps/app_queue.c of Asterisk 22), written anew.

- One queue for each province; all agents of its rings are members, with the ring's number as penalty, and a
  queue rule raises the caller's highest penalty when the ring opens.
- A waiting caller looks once a second, counted from its own arrival: nothing wakes it in between.
- ``autofill=yes``: it is a caller's turn if fewer callers stand before it than members of the queue are
  available, whatever their penalty.
- ``strategy=leastrecent``: of the members within the penalty the lowest penalty, then the one whose last
  call ended longest ago.
- ``weight``: the provinces put first have weight 1; a member is not rung for a lighter queue while one of
  its heavier queues has as many callers as available members, or more.
- After a ring without answer the caller sleeps ``retry`` (5 s), then looks again.
- A member who missed is not excluded; ``autopause`` is off.
"""

from __future__ import annotations

import heapq

from seats.simulation.floor import NEVER, Agent, Call, Floor

LOOK = 1.0
RETRY = 5.0


class AppQueue:
    """Callers who poll."""

    name = "app_queue"
    keeps_wrap_up = False

    def begin(self, floor: Floor) -> None:
        """Empty queues."""
        self.floor = floor
        self.heavy = frozenset(floor.scenario.priority)
        self.queues: dict[str, dict[int, Call]] = {code: {} for code in floor.plan.routes}
        self.idle: dict[str, dict[int, Agent]] = {crew.id: {} for crew in floor.scenario.crews}
        self.available = dict.fromkeys(self.queues, 0)
        self.last_call: dict[int, float] = {}
        self.looks: list[tuple[float, int, Call]] = []
        self.crews: dict[str, list[tuple[int, str]]] = {code: [] for code in self.queues}
        for crew in floor.scenario.crews:
            for province, level in floor.scenario.levels(crew).items():
                self.crews[province].append((level, crew.id))

    def agent_on(self, agent: Agent) -> None:
        """The member is not in use."""
        if not agent.busy:
            self.free(agent)

    def agent_off(self, agent: Agent) -> None:
        """The member is paused."""
        if not agent.busy:
            self._use(agent)

    def came(self, call: Call) -> None:
        """The caller joins and looks at once."""
        self.queues[call.caller.province][call.caller.n] = call
        self._look(call)

    def left(self, call: Call) -> None:
        """The caller is out of the queue."""
        self.queues[call.caller.province].pop(call.caller.n, None)

    def answered(self, call: Call) -> None:
        """The caller is out of the queue."""
        self.queues[call.caller.province].pop(call.caller.n, None)

    def missed(self, call: Call, agent: Agent) -> None:
        """The caller sleeps before the next try."""
        if agent.on:
            self.free(agent)
        self._later(call, RETRY)

    def ended(self, call: Call, agent: Agent) -> None:
        """The time of the member's last call."""
        self.last_call[agent.n] = self.floor.now

    def free(self, agent: Agent) -> None:
        """The device is not in use; no caller is woken by that."""
        self.idle[agent.crew.id][agent.n] = agent
        for province in agent.levels:
            self.available[province] += 1

    def due(self) -> float:
        """The next look."""
        return self.looks[0][0] if self.looks else NEVER

    def wake(self) -> None:
        """One caller looks."""
        call = heapq.heappop(self.looks)[2]
        if not call.gone and call.agent is None:
            self._look(call)

    def _look(self, call: Call) -> None:
        agent = self._member(call) if self._is_turn(call) else None
        if agent is None:
            self._later(call, LOOK)
        else:
            self._use(agent)
            self.floor.ring(call, agent)

    def _later(self, call: Call, seconds: float) -> None:
        heapq.heappush(self.looks, (self.floor.now + seconds, call.caller.n, call))

    def _is_turn(self, call: Call) -> bool:
        free = self.available[call.caller.province]
        ahead = 0
        for other in self.queues[call.caller.province].values():
            if ahead >= free:
                return False
            if other is call:
                return True
            ahead += other.agent is None
        return False

    def _member(self, call: Call) -> Agent | None:
        province = call.caller.province
        waited = self.floor.now - call.caller.at
        rings = self.floor.plan.routes[province].rings
        best: tuple[int, float, int] | None = None
        found = None
        for level, crew_id in self.crews[province]:
            if rings[level].after > waited:
                continue
            for agent in self.idle[crew_id].values():
                metric = (level, self.last_call.get(agent.n, -1.0), agent.n)
                if (best is None or metric < best) and not self._needed(agent, province):
                    best, found = metric, agent
        return found

    def _needed(self, agent: Agent, province: str) -> bool:
        """A heavier queue of the member's has callers for all its available members."""
        if not self.heavy or province in self.heavy:
            return False
        return any(
            code in agent.levels and self.queues[code] and len(self.queues[code]) >= self.available[code]
            for code in self.heavy
        )

    def _use(self, agent: Agent) -> None:
        del self.idle[agent.crew.id][agent.n]
        for province in agent.levels:
            self.available[province] -= 1
