"""The answerability lease as the desk renews it, over the feed or by POST."""

from __future__ import annotations

from seats.domain.messages import LeaseRenewed
from seats.engine.engine import Engine
from seats.web.choices import FAULTS
from seats.web.errors import BadInputError
from seats.web.feed import Hub

LEASE_S = 8.0
"""How long one proof holds: it is renewed every 3 s, so two may be lost."""
OTHER_TAB = "other_tab"


def renew(engine: Engine, hub: Hub, agent: str, fault: str) -> float:
    """Renew the lease; until when it holds. Raise :class:`BadInputError` for an unknown fault.

    A desk whose phone is held by another tab proves nothing either way: the other tab speaks for the seat.
    """
    if fault and fault not in FAULTS:
        raise BadInputError("no such fault", field="fault", allowed=", ".join(sorted(FAULTS)))
    until = engine.now() + LEASE_S
    known = engine.state.agents.get(agent)
    if known is None:
        return until
    if fault == OTHER_TAB:
        return known.lease_until
    changed = known.lease_fault != fault
    engine.post(LeaseRenewed(agent, until, fault))
    if changed:
        hub.touch_agent(agent)
    return until
