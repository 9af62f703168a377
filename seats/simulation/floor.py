"""The floor: agents, callers and time. A policy decides who is rung for whom; the floor does the rest."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from seats.simulation.callers import Caller
from seats.simulation.results import Day
from seats.simulation.scenario import Crew, Scenario

NEVER = float("inf")


@dataclass(slots=True, eq=False)
class Agent:
    """One agent on the floor."""

    n: int
    crew: Crew
    levels: dict[str, int]
    """Province → the ring in which this agent may serve it."""
    on: bool = False
    """On shift."""
    busy: bool = False
    """Ringing, talking or wrapping up."""
    idle_since: float = 0.0


@dataclass(slots=True, eq=False)
class Call:
    """One caller in the house."""

    caller: Caller
    tries: int = 0
    """Agents rung so far."""
    agent: Agent | None = None
    """Who is rung or talks."""
    talking: bool = False
    gone: bool = False


class Policy(Protocol):
    """Decides who is rung for whom, by calling :meth:`Floor.ring`; told of everything that happens."""

    name: str
    keeps_wrap_up: bool
    """The policy itself knows when wrap-up ends; the floor then holds no agent back for it."""

    def begin(self, floor: Floor) -> None:
        """A day begins; agents come on right after."""

    def agent_on(self, agent: Agent) -> None:
        """An agent comes on shift; one still busy with a call of an earlier shift is idle after it."""

    def agent_off(self, agent: Agent) -> None:
        """An agent's shift is over; a busy one goes after the call."""

    def came(self, call: Call) -> None:
        """A caller wants a human."""

    def left(self, call: Call) -> None:
        """A caller who waited, or was being rung for, is gone."""

    def answered(self, call: Call) -> None:
        """Caller and agent talk."""

    def missed(self, call: Call, agent: Agent) -> None:
        """The agent did not answer; both are free again (the agent unless off shift by now)."""

    def ended(self, call: Call, agent: Agent) -> None:
        """The talk is over; wrap-up follows."""

    def free(self, agent: Agent) -> None:
        """An agent is idle again: wrap-up over, caller gone while ringing."""

    def due(self) -> float:
        """When the policy wants to be woken next."""

    def wake(self) -> None:
        """It is that time."""


class _What(IntEnum):
    FREE = 0
    ANSWER = 1
    MISS = 2
    END = 3
    LEAVE = 4
    TIMEOUT = 5
    SHIFT = 6


class Floor:
    """One day with one policy."""

    def __init__(self, scenario: Scenario, policy: Policy, callers: Iterator[Caller]) -> None:
        self.scenario = scenario
        self.plan = scenario.plan
        self.policy = policy
        self.now = 0.0
        self.day = Day(scenario.threshold)
        self.agents: list[Agent] = []
        self.inside = 0
        self._callers = callers
        self._seq = 0
        self._heap: list[tuple[float, int, _What, Call | None, Agent | None]] = []
        self._crews = [self._hire(crew) for crew in scenario.crews]
        self._end = scenario.source.seconds

    def run(self) -> Day:
        """Let the day pass, and everybody still in the house be served or leave."""
        self.policy.begin(self)
        for shift in range(len(self.scenario.shifts)):
            self._at(self.scenario.shifts[shift], _What.SHIFT)
        upcoming = next(self._callers, None)
        policy, heap = self.policy, self._heap
        while True:
            due = policy.due()
            coming = upcoming.at if upcoming is not None else NEVER
            planned = heap[0][0] if heap else NEVER
            if planned <= coming and planned <= due:
                if planned == NEVER:
                    break
                self.now, _, what, call, agent = heapq.heappop(heap)
                self._happen(what, call, agent)
            elif coming <= due and upcoming is not None:
                self.now = coming
                self._arrive(upcoming)
                upcoming = next(self._callers, None)
            else:
                if upcoming is None and not self.inside:
                    break
                self.now = max(due, self.now)
                policy.wake()
        self.day.agent_seconds = self._agent_seconds()
        return self.day

    def ring(self, call: Call, agent: Agent) -> None:
        """Ring an idle agent for a waiting caller."""
        if agent.busy or not agent.on or call.agent is not None or call.gone:
            raise RuntimeError(f"agent {agent.n} or caller {call.caller.n} is not free")
        agent.busy = True
        call.agent = agent
        ringing = call.caller.ringing[min(call.tries, len(call.caller.ringing) - 1)]
        call.tries += 1
        if ringing.answers and ringing.seconds < self.plan.ring_timeout:
            if ringing.seconds <= 0.0:
                self._answer(call, agent)
            else:
                self._at(self.now + ringing.seconds, _What.ANSWER, call, agent)
        else:
            self._at(self.now + self.plan.ring_timeout, _What.MISS, call, agent)

    def dismiss(self, call: Call) -> None:
        """Let go of a caller who waited too long."""
        if not call.gone and not call.talking:
            self._leave(call, timeout=True)

    def _arrive(self, caller: Caller) -> None:
        counted = caller.at >= self.scenario.warm_up
        if counted:
            self.day.came(caller.province)
        if self.scenario.lines is not None and self.inside >= self.scenario.lines:
            if counted:
                self.day.blocked(caller.province)
            return
        call = Call(caller)
        self.inside += 1
        if caller.patience < self.plan.max_wait:
            self._at(self.now + caller.patience, _What.LEAVE, call)
        elif self.plan.max_wait != NEVER:
            self._at(self.now + self.plan.max_wait, _What.TIMEOUT, call)
        self.policy.came(call)

    def _happen(self, what: _What, call: Call | None, agent: Agent | None) -> None:
        if what is _What.SHIFT:
            self._shift()
        elif what is _What.FREE and agent is not None:
            self._free(agent)
        elif call is not None and what in (_What.LEAVE, _What.TIMEOUT):
            if not call.gone and not call.talking:
                self._leave(call, timeout=what is _What.TIMEOUT)
        elif call is not None and agent is not None and what is _What.END:
            self._hang_up(call, agent)
        elif call is not None and agent is not None and call.agent is agent and not call.gone:
            if what is _What.ANSWER:
                self._answer(call, agent)
            else:
                self._miss(call, agent)

    def _answer(self, call: Call, agent: Agent) -> None:
        call.talking = True
        caller = call.caller
        if caller.at >= self.scenario.warm_up:
            self.day.connected(caller.province, self.now - caller.at)
        self._count_busy(self.now, self.now + caller.handling)
        self._at(self.now + caller.handling, _What.END, call, agent)
        self.policy.answered(call)

    def _miss(self, call: Call, agent: Agent) -> None:
        call.agent = None
        agent.busy = False
        agent.idle_since = self.now
        self.policy.missed(call, agent)

    def _hang_up(self, call: Call, agent: Agent) -> None:
        call.gone = True
        self.inside -= 1
        wrap_up = self.plan.wrap_up
        self._count_busy(self.now, self.now + wrap_up)
        later = wrap_up > 0.0 and not self.policy.keeps_wrap_up
        agent.busy = later
        agent.idle_since = self.now
        self.policy.ended(call, agent)
        if later:
            self._at(self.now + wrap_up, _What.FREE, None, agent)
        else:
            self._tell_free(agent)

    def _free(self, agent: Agent) -> None:
        agent.busy = False
        agent.idle_since = self.now
        self._tell_free(agent)

    def _tell_free(self, agent: Agent) -> None:
        if agent.on and not agent.busy:
            self.policy.free(agent)

    def _leave(self, call: Call, *, timeout: bool) -> None:
        call.gone = True
        self.inside -= 1
        caller = call.caller
        if caller.at >= self.scenario.warm_up:
            self.day.lost(caller.province, self.now - caller.at, timeout=timeout)
        agent, call.agent = call.agent, None
        if agent is not None:
            agent.busy = False
            agent.idle_since = self.now
        self.policy.left(call)
        if agent is not None:
            self._tell_free(agent)

    def _at(self, when: float, what: _What, call: Call | None = None, agent: Agent | None = None) -> None:
        self._seq += 1
        heapq.heappush(self._heap, (when, self._seq, what, call, agent))

    def _hire(self, crew: Crew) -> list[Agent]:
        levels = self.scenario.levels(crew)
        agents = [Agent(len(self.agents) + n, crew, levels) for n in range(max(crew.counts))]
        self.agents += agents
        return agents

    def _shift(self) -> None:
        shift = sum(1 for begins in self.scenario.shifts if begins <= self.now) - 1
        for crew, agents in zip(self.scenario.crews, self._crews, strict=True):
            wanted = crew.counts[min(shift, len(crew.counts) - 1)]
            present = [agent for agent in agents if agent.on]
            absent = [agent for agent in agents if not agent.on]
            for agent in sorted(present, key=lambda a: a.busy)[: max(0, len(present) - wanted)]:
                agent.on = False
                self.policy.agent_off(agent)
            for agent in sorted(absent, key=lambda a: not a.busy)[: max(0, wanted - len(present))]:
                agent.on = True
                agent.idle_since = self.now
                self.policy.agent_on(agent)

    def _count_busy(self, start: float, end: float) -> None:
        self.day.busy_seconds += max(0.0, min(end, self._end) - max(start, self.scenario.warm_up))

    def _agent_seconds(self) -> float:
        total, shifts = 0.0, (*self.scenario.shifts, self._end)
        for n in range(len(self.scenario.shifts)):
            length = max(0.0, min(shifts[n + 1], self._end) - max(shifts[n], self.scenario.warm_up))
            total += length * sum(crew.counts[min(n, len(crew.counts) - 1)] for crew in self.scenario.crews)
        return total
