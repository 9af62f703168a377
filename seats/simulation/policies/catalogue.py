"""All policies by name."""

from __future__ import annotations

from collections.abc import Callable

from seats.simulation.floor import Policy
from seats.simulation.policies.appqueue import AppQueue
from seats.simulation.policies.budget import Budget
from seats.simulation.policies.callcenter import CallCenter
from seats.simulation.policies.lines import Lines, Priority, Ratio, Separate, Skilled
from seats.simulation.policies.ours import Ours

POLICIES: dict[str, Callable[[], Policy]] = {
    "ours": Ours,
    "app_queue": AppQueue,
    "mod_callcenter": CallCenter,
    "fifo": Lines,
    "separate": Separate,
    "priority": Priority,
    "ratio": Ratio,
    "skills": Skilled,
    "budget": Budget,
}
"""Name → how to make one. ``budget`` is a sketch that exists in the simulator only."""

PEERS = ("app_queue", "mod_callcenter", "fifo", "separate", "priority", "ratio")
"""What ours is held against."""
