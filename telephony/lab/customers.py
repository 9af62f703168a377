"""Customers at home: whoever is dialled out through the lab's mobile trunk answers, or does not."""

from __future__ import annotations

from typing import Self

from telephony.lab.agents import ANSWERS_AT_ONCE, Behaviour, Ring, phone_lines, phone_scenario
from telephony.lab.sipp import Sipp


class Customers:
    """Every number behind the trunk, all with one behaviour. Entering raises LabError."""

    def __init__(self, mobile_port: int, behaviour: Behaviour = ANSWERS_AT_ONCE) -> None:
        self._sipp = Sipp("customers", phone_scenario(behaviour), port=mobile_port)

    async def __aenter__(self) -> Self:
        await self._sipp.start("-l", "1000", "-timer_resol", "2")
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._sipp.close()

    def rings(self) -> list[Ring]:
        """What happened at their phones so far; ``address`` is the number dialled."""
        return phone_lines(self._sipp)
