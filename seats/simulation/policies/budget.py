"""A sketch of routing by error budget, in the simulator only: priority plus a reserve that comes and goes."""

from __future__ import annotations

from seats.simulation.floor import Call, Floor
from seats.simulation.policies.lines import Priority


class Budget(Priority):
    """Promised provinces first; while their losses run ahead of what is allowed, one agent is kept back.

    For each promised province an account of allowed less actual losses is kept: every request adds
    ``1 - objective`` (less a ``margin``), every loss takes 1. With less than ``bank`` losses in hand,
    ``reserve`` idle agents are kept for promised provinces; with more, nobody is kept. The long-run rate
    then lands on the objective, and the reserve stands for the smallest share of time that does it.
    """

    name = "budget"

    def __init__(self, reserve: int = 1, margin: float = 0.1, bank: float = 1.0, cap: float = 5.0) -> None:
        self.reserve, self.margin, self.bank, self.cap = reserve, margin, bank, cap

    def begin(self, floor: Floor) -> None:
        """Empty accounts."""
        super().begin(floor)
        self.allowed = {p: (1.0 - floor.plan.routes[p].objective) * (1.0 - self.margin) for p in self.first}
        self.account = dict.fromkeys(self.first, 0.0)
        self.kept = self.reserve

    def came(self, call: Call) -> None:
        """A promised province's request earns its share of a loss."""
        self._book(call, earned=True)
        super().came(call)

    def left(self, call: Call) -> None:
        """A loss is booked."""
        self._book(call, earned=False)
        super().left(call)

    def may_take(self, province: str) -> bool:
        """Others only beyond the reserve."""
        return province in self.first or self.idle_count > self.kept

    def _book(self, call: Call, *, earned: bool) -> None:
        province = call.caller.province
        if province not in self.first:
            return
        change = self.allowed[province] if earned else -1.0
        self.account[province] = min(self.cap, self.account[province] + change)
        kept = self.reserve if min(self.account.values()) < self.bank else 0
        if kept < self.kept:
            self.kept = kept
            self._fill()
        self.kept = kept
