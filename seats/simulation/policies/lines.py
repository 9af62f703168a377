"""Rules of choice over lines of callers and idle agents: FIFO, priority, separate, ratios."""

from __future__ import annotations

from collections import deque

from seats.simulation.floor import NEVER, Agent, Call, Floor


class Lines:
    """First come, first served over all provinces an agent may serve; the longest idle agent first.

    An agent near the caller (an earlier ring) goes before one far off. Other rules override
    :meth:`rank`, :meth:`allows` and :meth:`may_take`.
    """

    name = "fifo"
    keeps_wrap_up = False

    def begin(self, floor: Floor) -> None:
        """Empty lines."""
        self.floor = floor
        self.lines: dict[str, deque[Call]] = {code: deque() for code in floor.plan.routes}
        self.idle: dict[str, deque[Agent]] = {crew.id: deque() for crew in floor.scenario.crews}
        self.idle_count = 0
        self.serves: dict[str, tuple[str, ...]] = {}
        """Crew → the provinces it may serve."""
        self.servers: dict[str, list[tuple[int, str]]] = {code: [] for code in self.lines}
        """Province → (ring, crew) of those who may serve it, nearest first."""
        for crew in floor.scenario.crews:
            levels = {p: n for p, n in floor.scenario.levels(crew).items() if self.allows(crew.home, p)}
            self.serves[crew.id] = tuple(levels)
            for province, level in levels.items():
                self.servers[province].append((level, crew.id))
        for servers in self.servers.values():
            servers.sort()

    def agent_on(self, agent: Agent) -> None:
        """Idle from now on."""
        if not agent.busy:
            self.free(agent)

    def agent_off(self, agent: Agent) -> None:
        """Out of the list of idle agents."""
        if not agent.busy:
            self.idle[agent.crew.id].remove(agent)
            self.idle_count -= 1

    def came(self, call: Call) -> None:
        """Ring somebody, or wait."""
        agent = self._agent_for(call)
        if agent is None:
            self.lines[call.caller.province].append(call)
        else:
            self._take(call, agent)

    def left(self, call: Call) -> None:
        """Those gone are passed over when they come up."""

    def answered(self, call: Call) -> None:
        """Nothing to decide."""

    def missed(self, call: Call, agent: Agent) -> None:
        """The caller keeps the place; the agent goes to the end of the idle."""
        self.lines[call.caller.province].appendleft(call)
        if agent.on:
            self.idle[agent.crew.id].append(agent)
            self.idle_count += 1
            self._fill(skip=agent)

    def ended(self, call: Call, agent: Agent) -> None:
        """Nothing to decide before the agent is free."""

    def free(self, agent: Agent) -> None:
        """Ring for the first caller this agent may serve, or be idle."""
        self.idle[agent.crew.id].append(agent)
        self.idle_count += 1
        self._fill()

    def due(self) -> float:
        """Never: all is decided at once."""
        return NEVER

    def wake(self) -> None:
        """Never called."""

    def rank(self, province: str, call: Call) -> tuple[float, ...]:
        """Whose turn it is among the firsts of the lines: the smallest."""
        return (call.caller.at,)

    def allows(self, home: str, province: str) -> bool:
        """Whether agents who live in ``home`` serve ``province`` at all."""
        return True

    def may_take(self, province: str) -> bool:
        """Whether an agent may be rung for the province now, by how many are idle."""
        return True

    def _fill(self, skip: Agent | None = None) -> None:
        """Ring idle agents as long as one may take a waiting caller."""
        for crew_id, agents in self.idle.items():
            while agents:
                call = self._call_for(crew_id)
                agent = next((a for a in agents if a is not skip), None)
                if call is None or agent is None:
                    break
                self.lines[call.caller.province].popleft()
                self._take(call, agent)

    def _call_for(self, crew_id: str) -> Call | None:
        best: Call | None = None
        best_rank: tuple[float, ...] = ()
        for province in self.serves[crew_id]:
            call = self._head(province)
            if call is None or not self.may_take(province):
                continue
            rank = self.rank(province, call)
            if best is None or rank < best_rank:
                best, best_rank = call, rank
        return best

    def _head(self, province: str) -> Call | None:
        line = self.lines[province]
        while line and line[0].gone:
            line.popleft()
        return line[0] if line else None

    def _agent_for(self, call: Call) -> Agent | None:
        province = call.caller.province
        if not self.idle_count or not self.may_take(province):
            return None
        best: Agent | None = None
        best_level = 0
        for level, crew_id in self.servers[province]:
            if best is not None and level > best_level:
                break
            agents = self.idle[crew_id]
            if agents and (best is None or agents[0].idle_since < best.idle_since):
                best, best_level = agents[0], level
        return best

    def _take(self, call: Call, agent: Agent) -> None:
        self.idle[agent.crew.id].remove(agent)
        self.idle_count -= 1
        self.floor.ring(call, agent)


class Priority(Lines):
    """Static priority: provinces put first are served first, whatever the others wait."""

    name = "priority"

    def begin(self, floor: Floor) -> None:
        """Note who goes first."""
        self.first = frozenset(floor.scenario.priority)
        super().begin(floor)

    def rank(self, province: str, call: Call) -> tuple[float, ...]:
        """First the provinces put first, then by arrival."""
        return (0.0 if province in self.first else 1.0, call.caller.at)


class Separate(Lines):
    """A queue for each province with its own agents; nobody helps out."""

    name = "separate"

    def allows(self, home: str, province: str) -> bool:
        """Only one's own."""
        return home == province


class Skilled(Lines):
    """An agent serves the provinces nearest by ring first, then by arrival (Wallace and Whitt 2005)."""

    name = "skills"

    def begin(self, floor: Floor) -> None:
        """Note how near each crew is to each province."""
        self.levels = {crew.id: floor.scenario.levels(crew) for crew in floor.scenario.crews}
        self.crew = ""
        super().begin(floor)

    def rank(self, province: str, call: Call) -> tuple[float, ...]:
        """By ring, then by arrival."""
        return (float(self.levels[self.crew][province]), call.caller.at)

    def _call_for(self, crew_id: str) -> Call | None:
        self.crew = crew_id
        return super()._call_for(crew_id)


class Ratio(Lines):
    """Fixed queue ratio (Gurvich and Whitt 2009): serve the line that is longest against its share.

    With impatient callers a line's losses go with its length, so the shares follow the losses each
    objective allows: arrivals x (1 - objective). Arrivals are counted as they come.
    """

    name = "ratio"

    def begin(self, floor: Floor) -> None:
        """Empty lines, nothing counted."""
        self.allowed = {p: 1.0 - route.objective for p, route in floor.plan.routes.items()}
        self.arrivals = dict.fromkeys(floor.plan.routes, 1.0)
        self.waiting = dict.fromkeys(floor.plan.routes, 0)
        self.share = dict(self.allowed)
        super().begin(floor)

    def came(self, call: Call) -> None:
        """Count the caller."""
        self.arrivals[call.caller.province] += 1.0
        self.waiting[call.caller.province] += 1
        super().came(call)

    def left(self, call: Call) -> None:
        """One fewer waits."""
        self.waiting[call.caller.province] -= 1

    def answered(self, call: Call) -> None:
        """One fewer waits."""
        self.waiting[call.caller.province] -= 1

    def free(self, agent: Agent) -> None:
        """Shares are worked out anew for each choice."""
        total = sum(self.waiting.values())
        weights = {p: self.allowed[p] * self.arrivals[p] for p in self.waiting}
        scale = total / sum(weights.values())
        self.share = {p: weight * scale for p, weight in weights.items()}
        super().free(agent)

    def rank(self, province: str, call: Call) -> tuple[float, ...]:
        """The line with the greatest excess over its share."""
        return (self.share[province] - self.waiting[province], call.caller.at)
