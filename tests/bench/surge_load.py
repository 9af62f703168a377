"""The surge benchmark's people: agents by province, and one list of callers for every system."""

from __future__ import annotations

import random
from typing import NamedTuple

from seats.demo import ANSWER, DID, SHARES, TALK, WRAP_UP
from seats.simulation.population import apportion
from telephony.lab import Call

HUBEI = "hubei"
AGENTS = 60
LOAD = 0.85
"""Agents' work before the surge, as a share of their time."""

SURGE = 5.0
"""By so much Hubei's calls grow."""

PATIENCE_LEAST, PATIENCE_MEAN = 5.0, 60.0
"""Seconds: nobody gives up sooner (a phone must ring before it can be answered), and the mean."""

HANDLING = sum(TALK) / 2 + sum(ANSWER) / 2 + WRAP_UP
"""Mean seconds of an agent's time that a call takes."""

SLOTS_PER_S = 20.0
"""The lab's callers take their turns evenly, each then waits for the time of its own."""

LEAD = 3.0
"""Seconds before the first caller, so that no one's turn comes after the time."""

AREAS = {share.province: share.area for share in SHARES}


class Caller(NamedTuple):
    """Somebody who calls ``at`` seconds after the beginning. Durations are seconds."""

    at: float
    province: str
    number: str
    patience: float
    talk: float


class Span(NamedTuple):
    """Seconds of the run: normal traffic, then the surge that counts, then more of it that does not."""

    before: float
    surge: float
    after: float

    @property
    def end(self) -> float:
        """When the last caller comes."""
        return self.before + self.surge + self.after

    def counts(self, caller: Caller) -> bool:
        """Whether the caller is one of those judged."""
        return self.before <= caller.at < self.before + self.surge


def normal_shares() -> dict[str, float]:
    """Each province's share of the calls on a normal day: the demo shows a surge, undone here for Hubei."""
    shares = {s.province: s.share / (SURGE if s.province == HUBEI else 1.0) for s in SHARES}
    total = sum(shares.values())
    return {province: share / total for province, share in shares.items()}


def homes() -> dict[str, str]:
    """Seat address → province, as many as each province's normal calls need."""
    crews = apportion(AGENTS, normal_shares())
    provinces = [province for province, count in crews.items() for _ in range(count)]
    return {f"sip{n:03d}": province for n, province in enumerate(provinces)}


def leavers(agents: dict[str, str]) -> list[str]:
    """Half of Hubei's agents."""
    own = [address for address, province in agents.items() if province == HUBEI]
    return own[: (len(own) + 1) // 2]


def rates(*, surge: bool) -> dict[str, float]:
    """Calls per second of each province."""
    total = LOAD * AGENTS / HANDLING
    return {
        province: total * share * (SURGE if surge and province == HUBEI else 1.0)
        for province, share in normal_shares().items()
    }


def surge_load() -> float:
    """Work of the surge over the agents who are left."""
    left = AGENTS - len(leavers(homes()))
    return sum(rates(surge=True).values()) * HANDLING / left


def callers(seed: int, span: Span) -> list[Caller]:
    """Poisson arrivals of every province, in order of time; no number calls twice."""
    rng = random.Random(seed)
    found: list[Caller] = []
    numbers: set[str] = set()
    for surge, begin, end in ((False, 0.0, span.before), (True, span.before, span.end)):
        for province, rate in rates(surge=surge).items():
            at = begin + rng.expovariate(rate)
            while at < end:
                found.append(_caller(rng, at, province, numbers))
                at += rng.expovariate(rate)
    return sorted(found)


def placed(people: list[Caller], did_of: dict[str, str]) -> list[Call]:
    """The same people as calls for the lab, each to its province's dialled number (all to ours without)."""
    return [
        Call(
            number=caller.number,
            did=did_of.get(caller.province, DID),
            delay_s=max(0.0, LEAD + caller.at - n / SLOTS_PER_S),
            patience_s=caller.patience,
            talk_s=caller.talk,
        )
        for n, caller in enumerate(people)
    ]


def _caller(rng: random.Random, at: float, province: str, taken: set[str]) -> Caller:
    area = AREAS[province]
    number = ""
    while not number or number in taken:
        local = rng.randrange(10 ** (6 if len(area) > 3 else 7))
        number = f"{area}{rng.randint(2, 8)}{local:0{6 if len(area) > 3 else 7}d}"
    taken.add(number)
    patience = PATIENCE_LEAST + rng.expovariate(1.0 / (PATIENCE_MEAN - PATIENCE_LEAST))
    return Caller(at, province, number, round(patience, 3), round(rng.uniform(*TALK), 3))
