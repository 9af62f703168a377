"""FreeSWITCH's mod_callcenter: what its source does (mod_callcenter.c of FreeSWITCH 1.10), written anew.

- One thread passes over all waiting callers every 100 ms, highest score first; the score is the seconds
  waited (whole seconds) plus the caller's base score, here 10,000 for the provinces put first.
- For each caller the agents of its queue are tried by tier level, then by longest time since they were last
  offered a call (``longest-idle-agent``). Level n is tried once the caller has waited as long as our ring n
  takes to open (``tier-rules-apply`` with a wait for each level).
- After a miss an agent rests for ``no-answer-delay-time`` (10 s here); the caller waits on, with its score.
"""

from __future__ import annotations

import math

from seats.simulation.floor import NEVER, Agent, Call, Floor

PASS = 0.1
FIRST = 10_000
NO_ANSWER_DELAY = 10.0


class CallCenter:
    """A pass every tenth of a second."""

    name = "mod_callcenter"
    keeps_wrap_up = False

    def begin(self, floor: Floor) -> None:
        """Nobody there."""
        self.floor = floor
        self.first = frozenset(floor.scenario.priority)
        self.waiting: dict[int, Call] = {}
        self.idle: dict[int, Agent] = {}
        self.offered_at: dict[int, float] = {}
        self.resting: dict[int, float] = {}
        self.last = -PASS
        """Time of the last pass."""

    def agent_on(self, agent: Agent) -> None:
        """Available."""
        if not agent.busy:
            self.free(agent)

    def agent_off(self, agent: Agent) -> None:
        """Logged out."""
        self.idle.pop(agent.n, None)

    def came(self, call: Call) -> None:
        """Waiting, until the next pass at least."""
        self.waiting[call.caller.n] = call

    def left(self, call: Call) -> None:
        """Gone."""
        self.waiting.pop(call.caller.n, None)

    def answered(self, call: Call) -> None:
        """Bridged."""

    def missed(self, call: Call, agent: Agent) -> None:
        """The caller waits on; the agent is left alone for a while."""
        self.waiting[call.caller.n] = call
        if agent.on:
            self.resting[agent.n] = self.floor.now + NO_ANSWER_DELAY
            self.idle[agent.n] = agent

    def ended(self, call: Call, agent: Agent) -> None:
        """Wrap-up is the floor's."""

    def free(self, agent: Agent) -> None:
        """Waiting for a call."""
        self.idle[agent.n] = agent

    def due(self) -> float:
        """The next tenth of a second, if a pass could do anything."""
        if not self.waiting or not self.idle:
            return NEVER
        now = self.floor.now
        pass_at = math.ceil(now / PASS - 1e-9) * PASS
        return pass_at if pass_at > self.last + PASS / 2 else self.last + PASS

    def wake(self) -> None:
        """One pass."""
        self.last = self.floor.now
        for call in sorted(self.waiting.values(), key=self._score):
            agent = self._agent(call)
            if agent is not None:
                del self.waiting[call.caller.n], self.idle[agent.n]
                self.offered_at[agent.n] = self.floor.now
                self.floor.ring(call, agent)
            elif not self.idle:
                break

    def _score(self, call: Call) -> tuple[int, int]:
        base = FIRST if call.caller.province in self.first else 0
        return (-(int(self.floor.now) - int(call.caller.at) + base), call.caller.n)

    def _agent(self, call: Call) -> Agent | None:
        province = call.caller.province
        now = self.floor.now
        rings = self.floor.plan.routes[province].rings
        best: tuple[int, float, int] | None = None
        found = None
        for agent in self.idle.values():
            level = agent.levels.get(province)
            if level is None or rings[level].after > now - call.caller.at:
                continue
            if self.resting.get(agent.n, 0.0) > now:
                continue
            metric = (level, self.offered_at.get(agent.n, -1.0), agent.n)
            if best is None or metric < best:
                best, found = metric, agent
        return found
