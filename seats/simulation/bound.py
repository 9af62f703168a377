"""The most that any policy could connect: a fluid bound, objectives met first.

Callers are a fluid, agents a capacity in seconds, nobody waits: connect as many as possible such that no
crew works longer than it is there and it serves only provinces it may serve. First every province gets what
its objective asks, then the rest goes to the shortest calls. That is a linear program; because a call takes
as long with any agent, it is one over a polymatroid, and filling by augmenting paths in that order is exact
(Edmonds 1970). No policy can pass it in the long run, and a house of few agents stays below it: there, calls
come in clumps, and an agent now and then waits for the next.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

EPSILON = 1e-9


class Demand(NamedTuple):
    """One province: callers, mean seconds of handling, the objective (0 to 1)."""

    callers: float
    handling: float
    objective: float


class Bound(NamedTuple):
    """What could be connected."""

    connected: dict[str, float]
    """Callers by province."""
    unreachable: tuple[str, ...]
    """Provinces whose objective no policy can hold beside the others'."""

    def total(self, demand: dict[str, Demand]) -> float:
        """Share of all callers connected."""
        callers = sum(d.callers for d in demand.values())
        return sum(self.connected.values()) / callers if callers else 1.0


class _Network:
    """Seconds of work from provinces to crews, improved path by path."""

    def __init__(self, capacity: dict[frozenset[str], float]) -> None:
        self.left = dict(capacity)
        self.flow: dict[tuple[str, frozenset[str]], float] = {}
        self.crews: dict[str, list[frozenset[str]]] = {}
        for crew in capacity:
            for province in crew:
                self.crews.setdefault(province, []).append(crew)

    def push(self, province: str, seconds: float) -> float:
        """Find room for so many seconds of a province's work; how many found it."""
        done = 0.0
        while seconds - done > EPSILON:
            path = self._path(province)
            if path is None:
                break
            amount = min(seconds - done, self._room(path))
            self._move(path, amount)
            done += amount
        return done

    def _path(self, start: str) -> list[tuple[str, frozenset[str]]] | None:
        """Province → crew with room, if need be by moving other provinces' work between crews."""
        queue = deque([start])
        came: dict[str, tuple[str, frozenset[str]]] = {}
        seen = {start}
        looked: set[frozenset[str]] = set()
        while queue:
            province = queue.popleft()
            for crew in self.crews.get(province, ()):
                if crew in looked:
                    continue
                looked.add(crew)
                if self.left[crew] > EPSILON:
                    path = [(province, crew)]
                    while province != start:
                        province, through = came[province]
                        path.append((province, through))
                    return path[::-1]
                for other in crew - seen:
                    if self.flow.get((other, crew), 0.0) > EPSILON:
                        seen.add(other)
                        came[other] = (province, crew)
                        queue.append(other)
        return None

    def _room(self, path: list[tuple[str, frozenset[str]]]) -> float:
        moved = [self.flow[path[n + 1][0], crew] for n, (_, crew) in enumerate(path[:-1])]
        return min([self.left[path[-1][1]], *moved])

    def _move(self, path: list[tuple[str, frozenset[str]]], amount: float) -> None:
        for n, (province, crew) in enumerate(path):
            self.flow[province, crew] = self.flow.get((province, crew), 0.0) + amount
            if n + 1 < len(path):
                self.flow[path[n + 1][0], crew] -= amount
        self.left[path[-1][1]] -= amount


def fluid_bound(demand: dict[str, Demand], capacity: dict[frozenset[str], float]) -> Bound:
    """The bound; ``capacity`` is agent-seconds by the set of provinces those agents may serve.

    Objectives are met from the one that costs least on; those that find no room are ``unreachable`` and get
    what there is.
    """
    network = _Network(capacity)
    found = dict.fromkeys(demand, 0.0)
    unreachable = []
    for province in sorted(
        demand, key=lambda p: demand[p].callers * demand[p].handling * demand[p].objective
    ):
        asked = demand[province]
        wanted = asked.callers * asked.objective * asked.handling
        found[province] = network.push(province, wanted)
        if found[province] < wanted - 1e-6:
            unreachable.append(province)
    for province in sorted(demand, key=lambda p: demand[p].handling):
        asked = demand[province]
        found[province] += network.push(province, asked.callers * asked.handling - found[province])
    connected = {p: work / demand[p].handling for p, work in found.items() if demand[p].handling}
    return Bound(connected, tuple(unreachable))
