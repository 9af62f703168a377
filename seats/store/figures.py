"""How an agent spent the day, from the log of states. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from seats.domain.agents import Chosen, Machine


class Spent(NamedTuple):
    """Seconds spent talking, in wrap-up, ready (waiting or being rung) and not ready."""

    talk: float
    wrap_up: float
    ready: float
    not_ready: float


def spent(states: Iterable[tuple[float, str, str]], since: float, until: float) -> Spent:
    """Sum up (at, chosen, machine) rows in their order; the last before ``since`` holds at ``since``.

    Time at a call counts as such, whatever was chosen meanwhile; ready with an unreachable or resting
    seat counts as neither ready nor not ready: no offer could come.
    """
    sums = {"talk": 0.0, "wrap_up": 0.0, "ready": 0.0, "not_ready": 0.0}
    at, kind = since, ""
    for changed_at, chosen, machine in states:
        end = min(max(changed_at, since), until)
        if kind and end > at:
            sums[kind] += end - at
        at, kind = max(at, end), _kind(chosen, machine)
    if kind and until > at:
        sums[kind] += until - at
    return Spent(**sums)


def _kind(chosen: str, machine: str) -> str:
    if machine == Machine.TALKING:
        return "talk"
    if machine == Machine.WRAP_UP:
        return "wrap_up"
    if chosen == Chosen.NOT_READY:
        return "not_ready"
    return "ready" if chosen == Chosen.READY and machine in (Machine.IDLE, Machine.OFFERED) else ""
