"""What a seed's world is like."""

from __future__ import annotations

import random
from typing import NamedTuple

from tests.simulation.faults import FAULTS


class Weather(NamedTuple):
    """What a seed's world is like. Times in seconds, rates per second."""

    nodes: int
    agents: int
    callers: float
    stormy: float
    faults: float
    kinds: tuple[str, ...]
    duplicate: float
    reorder: float
    pieces: int
    together: bool
    """Faults do not wait for each other's end."""

    @classmethod
    def draw(cls, rng: random.Random) -> Weather:
        """One in eight worlds is without faults; the others have some kinds of them, or all."""
        kinds = tuple(k for k in FAULTS if rng.random() < rng.choice([0.3, 1.0]))
        fair = rng.random() < 0.125
        return cls(
            nodes=rng.choice([1, 1, 1, 2]),
            agents=rng.randint(2, 7),
            callers=rng.choice([0.2, 0.5, 1.0]),
            stormy=rng.uniform(20.0, 60.0),
            faults=0.0 if fair or not kinds else rng.choice([0.05, 0.15, 0.4]),
            kinds=kinds,
            duplicate=0.0 if fair else rng.choice([0.0, 0.0, 0.1]),
            reorder=0.0 if fair else rng.choice([0.0, 0.0, 0.2]),
            pieces=0 if fair else rng.choice([0, 0, 0, 60]),
            together=rng.random() < 0.5,
        )
