"""app_queue's way of finding an agent, step by step, to be measured beside ours.

What Asterisk 22's ``app_queue`` does, in the same language as ours: every waiting caller looks once a second
(``RECHECK``); a look counts the available members of the whole queue, walks the line of callers up to
itself, and when it is its turn makes a list of all members with a metric, from which the best is taken by a
scan, again and again, until one can be rung; a member whose other queue has more weight and enough callers
cannot. One queue for each province: its own agents with penalty 0, the region's with 1, the nation's with 2.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import deque
from dataclasses import dataclass, field

from seats.domain.regions import BY_CODE
from seats.simulation.population import POPULATION, apportion
from tests.bench.routing_load import TALK, Size, pools_of

PENALTY = 1_000_000
"""What one step of penalty weighs against the seconds since the last call."""


@dataclass(slots=True, eq=False)
class Device:
    """An agent's telephone, a member of many queues."""

    queues: list[Queue] = field(default_factory=list)
    busy: bool = True
    last_call: float = 0.0


@dataclass(slots=True, eq=False)
class Caller:
    """One who waits; ``pending`` while a member is being rung for it."""

    queue: Queue
    pending: bool = False


@dataclass(slots=True, eq=False)
class Queue:
    """Members with their penalties, and callers in order of arrival."""

    weight: int = 0
    members: list[tuple[Device, int]] = field(default_factory=list)
    callers: list[Caller] = field(default_factory=list)


def available(queue: Queue) -> int:
    """How many members of a queue could be rung: every one is looked at."""
    count = 0
    for device, _ in queue.members:
        if not device.busy:
            count += 1
    return count


def is_turn(caller: Caller) -> bool:
    """Whether no more callers stand before this one than members are available (``autofill=yes``)."""
    free = available(caller.queue)
    ahead = 0
    for other in caller.queue.callers:
        if ahead >= free:
            return False
        if other is caller:
            return True
        if not other.pending:
            ahead += 1
    return False


def can_ring(device: Device, queue: Queue) -> bool:
    """Whether a member is free, and no heavier queue of the member's needs it."""
    if device.busy:
        return False
    return not any(
        other.weight > queue.weight and other.callers and len(other.callers) >= available(other)
        for other in device.queues
    )


def ring(caller: Caller, now: float) -> Device | None:
    """The member to ring: all are given a metric (``leastrecent``), the best that can be rung is taken."""
    queue = caller.queue
    attempts = [
        (penalty * PENALTY + PENALTY - (now - device.last_call), device) for device, penalty in queue.members
    ]
    while attempts:
        best = 0
        for n, attempt in enumerate(attempts):
            if attempt[0] < attempts[best][0]:
                best = n
        device = attempts.pop(best)[1]
        if can_ring(device, queue):
            return device
    return None


def build(size: Size, rng: random.Random) -> tuple[list[Queue], list[Device]]:
    """Queues and members as our plan has pools and rings."""
    queues = {code: Queue(weight=1 if code == "hubei" else 0) for code in BY_CODE}
    devices = []
    homes = apportion(size.agents, {k: float(v) for k, v in POPULATION.items()})
    for home, count in homes.items():
        own = set(pools_of(home, size.pools))
        for _ in range(count):
            device = Device(last_call=-rng.random() * 600)
            devices.append(device)
            for code, queue in queues.items():
                near = BY_CODE[code].region in own
                penalty = 0 if code in own else 1 if near else 2
                queue.members.append((device, penalty))
                device.queues.append(queue)
    return list(queues.values()), devices


class Loaded:
    """Queues at a steady load: ``waiting`` callers kept, or one a second and a tenth of the agents idle."""

    def __init__(self, size: Size, seed: int = 1) -> None:
        self.size = size
        self.rng = random.Random(seed)
        queues, devices = build(size, self.rng)
        self.by_code = dict(zip(BY_CODE, queues, strict=True))
        idle = 0 if size.waiting else max(1, size.agents // 10)
        for device in self.rng.sample(devices, idle):
            device.busy = False
        self.talking = deque(d for d in devices if d.busy)
        self.callers: deque[Caller] = deque()
        for _ in range(max(1, size.waiting)):
            self.come()

    def come(self) -> None:
        """One more caller, from a province by its people."""
        code = self.rng.choices(list(POPULATION), list(POPULATION.values()))[0]
        caller = Caller(self.by_code[code])
        caller.queue.callers.append(caller)
        self.callers.append(caller)

    def measure(self, decisions: int, budget: float) -> dict[str, float]:
        """Decisions per second of CPU, all looks of all callers included; stops after ``budget`` seconds.

        Without a single decision by then, ``decisions_per_s`` is what one would have given: an upper bound.
        """
        made, spent, now, freed = 0, 0, 0.0, 0.0
        while made < decisions and spent < budget * 1e9:
            now += 1.0
            freed += self.size.agents / TALK
            while freed >= 1.0 and self.talking:
                device = self.talking.popleft()
                device.busy, device.last_call = False, now
                freed -= 1.0
            for caller in list(self.callers):
                began = time.thread_time_ns()
                found = ring(caller, now) if is_turn(caller) else None
                if found is not None:
                    found.busy = True
                spent += time.thread_time_ns() - began
                if found is not None:
                    made += 1
                    caller.queue.callers.remove(caller)
                    self.callers.remove(caller)
                    self.talking.append(found)
                    self.come()
                if spent >= budget * 1e9:
                    break
        return {"decisions": made, "decisions_per_s": max(made, 1) / spent * 1e9}


def main() -> None:
    """In a fresh process: arguments agents, waiting, pools, decisions, seconds; one JSON line."""
    agents, waiting, pools, decisions, budget = map(int, sys.argv[1:6])
    print(json.dumps(Loaded(Size(agents, waiting, pools)).measure(decisions, budget)))


if __name__ == "__main__":
    main()
