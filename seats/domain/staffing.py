"""How many agents are needed: one line, n agents, impatient callers (Erlang-A, M/M/n+M).

Sources: C. Palm 1946; A. Mandelbaum and S. Zeltyn, "Service engineering in action: the Palm/Erlang-A queue"
(2007). Callers come by Poisson, handling and patience are exponential. With patience that never ends it is
Erlang-C. All weights are kept as logarithms from the likeliest state on, so 10,000 agents are no trouble.
"""

from __future__ import annotations

import math
from typing import NamedTuple

MOST = 200_000
"""More agents than this are not looked for."""

_TINY = 40.0
"""States less likely than the likeliest by e to this power weigh nothing."""


class Load(NamedTuple):
    """What comes: arrivals per second; mean handling (talk and wrap-up) and mean patience in seconds."""

    arrivals: float
    handling: float
    patience: float


class Outlook(NamedTuple):
    """What so many agents would give; shares of all callers, seconds."""

    agents: int
    connected: float
    abandoned: float
    wait: float
    """Mean wait of all callers, connected or not."""
    waiting: float
    """Share of callers who find no idle agent."""
    within: float
    """Share of callers connected within the threshold."""
    occupancy: float
    """Share of the agents' time spent on calls."""


def outlook(load: Load, agents: int, threshold: float = 20.0) -> Outlook:
    """What ``agents`` agents give under a load. Raise ``ValueError`` for a load that cannot be."""
    _check(load)
    if load.arrivals == 0.0:
        return Outlook(agents, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    if agents <= 0:
        return Outlook(0, 0.0, 1.0, load.patience, 1.0, 0.0, 0.0)
    work = load.arrivals * load.handling
    if math.isinf(load.patience) and work >= agents:  # the line grows for ever
        return Outlook(agents, 0.0, 0.0, math.inf, 1.0, 0.0, 1.0)
    full, line, busy, edge = _steady(load, agents)
    wait = line / load.arrivals
    abandoned = 0.0 if math.isinf(load.patience) else min(1.0, wait / load.patience)
    within = min(1.0 - abandoned, 1.0 - full + _served_late(load, agents, threshold, edge))
    return Outlook(agents, 1.0 - abandoned, abandoned, wait, full, max(within, 0.0), busy / agents)


def agents_needed(load: Load, objective: float) -> int:
    """The fewest agents with whom the share of callers connected reaches ``objective`` (0 to 1).

    With endless patience everyone is connected in the end: then as many as keep the line finite.
    """
    if not 0.0 < objective < 1.0:
        raise ValueError(f"objective: {objective} is out of range; allowed: between 0 and 1")
    _check(load)
    low, high = 0, 1
    while _connected(load, high) < objective:
        low, high = high, high * 2
        if high > MOST:
            raise ValueError(f"load: wants more than {MOST} agents; allowed: less work")
    while high - low > 1:
        middle = (low + high) // 2
        if _connected(load, middle) < objective:
            low = middle
        else:
            high = middle
    return high if load.arrivals > 0.0 else 0


def _connected(load: Load, agents: int) -> float:
    """Share of callers connected: :func:`outlook` without what takes longer."""
    return outlook(load, agents, 0.0).connected


def patience_of(waited: float, left: int) -> float | None:
    """Mean patience from ``waited`` seconds in all, of everyone, of whom ``left`` gave up.

    The estimate of greatest likelihood for exponential patience, where a connected caller only shows that
    patience lasted until then. None if nobody gave up: nothing is known but that they are patient.
    """
    return waited / left if left else None


def _check(load: Load) -> None:
    if not (load.arrivals >= 0.0 and math.isfinite(load.arrivals)):
        raise ValueError(f"arrivals: {load.arrivals} per second; allowed: 0 or more")
    if not (load.handling > 0.0 and math.isfinite(load.handling)):
        raise ValueError(f"handling: {load.handling} s; allowed: more than 0")
    if not load.patience > 0.0:
        raise ValueError(f"patience: {load.patience} s; allowed: more than 0")


def _steady(load: Load, agents: int) -> tuple[float, float, float, float]:
    """P(all busy), mean line, mean busy agents, log P(exactly one agent idle) of the birth-death chain."""
    weights = _weights(load, agents)
    top = max(weights.values())
    total = full = line = busy = 0.0
    for state, log_weight in weights.items():
        weight = math.exp(log_weight - top)
        total += weight
        busy += weight * min(state, agents)
        if state >= agents:
            full += weight
            line += weight * (state - agents)
    edge = weights.get(agents - 1)
    log_edge = -math.inf if edge is None else edge - top - math.log(total)
    return full / total, line / total, busy / total, log_edge


def _weights(load: Load, agents: int) -> dict[int, float]:
    """Log weights of the states that matter, from the likeliest outwards."""
    mode = _mode(load, agents)
    weights = {mode: 0.0}
    state, weight = mode, 0.0
    while weight > -_TINY or state < agents:
        state += 1
        weight += math.log(load.arrivals / _leaving(load, agents, state))
        weights[state] = weight
    state, weight = mode, 0.0
    while state > 0 and (weight > -_TINY or state >= agents):
        weight += math.log(_leaving(load, agents, state) / load.arrivals)
        state -= 1
        weights[state] = weight
    return weights


def _mode(load: Load, agents: int) -> int:
    """The likeliest number of callers inside: where coming and leaving balance."""
    work = load.arrivals * load.handling
    if work < agents or math.isinf(load.patience):
        return int(min(work, agents))
    return agents + int((load.arrivals - agents / load.handling) * load.patience)


def _leaving(load: Load, agents: int, state: int) -> float:
    """Callers who leave per second, served or not, with so many inside."""
    return min(state, agents) / load.handling + max(0, state - agents) / load.patience


def _served_late(load: Load, agents: int, threshold: float, log_edge: float) -> float:
    """Share of callers connected after a wait of more than 0 and up to the threshold.

    The offered wait has the density ``arrivals · P(one idle) · exp(h(x))``, with
    ``h(x) = arrivals · ∫ P(patience > u) du - agents · x / handling`` (Baccelli and Hebuterne 1981);
    of those, who is patient enough is connected. Simpson's rule.
    """
    if threshold <= 0.0 or log_edge == -math.inf:
        return 0.0
    rate = agents / load.handling
    steps = 2 * min(5000, max(100, int(threshold * rate)))
    width = threshold / steps
    log_scale = log_edge + math.log(load.arrivals)
    total = 0.0
    for n in range(steps + 1):
        x = n * width
        if math.isinf(load.patience):
            patient, stayed = x, 0.0
        else:
            patient, stayed = -load.patience * math.expm1(-x / load.patience), x / load.patience
        value = math.exp(min(log_scale + load.arrivals * patient - rate * x - stayed, 700.0))
        total += value * (1 if n in (0, steps) else 4 if n % 2 else 2)
    return total * width / 3
