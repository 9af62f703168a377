"""Agents: what the person chose, and what the machine knows (two enums, never one)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from seats.domain.state import PoolBoard


NOWHERE: Final[frozenset[str]] = frozenset()
"""One for all: a set of its own for each agent takes room, and time to fetch."""


class Chosen(StrEnum):
    """What the person chose."""

    SIGNED_OUT = "signed_out"
    NOT_READY = "not_ready"
    READY = "ready"


class Machine(StrEnum):
    """What the machine knows of the agent's seat and work."""

    UNREACHABLE = "unreachable"  # no proof that the seat can answer
    IDLE = "idle"
    OFFERED = "offered"
    TALKING = "talking"
    WRAP_UP = "wrap_up"
    RESTING = "resting"  # too many misses in a row; one click brings the agent back


class SeatKind(StrEnum):
    """The device an agent answers with."""

    BROWSER = "browser"
    SIP = "sip"
    MOBILE = "mobile"


class Seat(NamedTuple):
    """Where an agent answers: ``address`` is a PJSIP endpoint name, or a number for a mobile."""

    kind: SeatKind
    address: str


@dataclass(slots=True)
class Agent:
    """One person taking calls, and the live state of the seat. Times are Unix seconds (UTC)."""

    id: str
    name: str
    province: str
    pools: tuple[str, ...]
    seat: Seat
    # what a decision reads and writes comes next: side by side, it takes less time to fetch
    chosen: Chosen = Chosen.SIGNED_OUT
    machine: Machine = Machine.UNREACHABLE
    reason: str = ""
    """Reason code of not-ready; empty when ready."""
    since: float = 0.0
    idle_since: float = 0.0
    nodes: frozenset[str] = NOWHERE
    """The PBX nodes that hold a reachable registration of the seat."""
    engaged: frozenset[str] = NOWHERE
    """The PBX nodes where the seat is in a call that is none of ours."""
    suspect_until: float = 0.0
    """After a device failed an offer: not tried again before then."""
    boards: tuple[PoolBoard, ...] = ()
    """The lists of the agent's pools, in their order."""
    idle_token: int = 0
    """Changes whenever the agent joins or leaves the idle lists; 0 while not idle."""
    reserved: tuple[Chosen, str] | None = None
    """State the agent asked for during a call or wrap-up, taken when that ends."""
    offer: str | None = None
    request: str | None = None
    wrap_up_until: float | None = None
    work_since: float = 0.0
    """When the offer now worked on was made; 0 when none was answered since the last idle moment."""
    busy_sum: float = 0.0
    idle_sum: float = 0.0
    """Seconds of work and of readiness, the past slowly forgotten: their share is the occupancy."""
    talked: bool = False
    """The offer worked on was answered."""
    breather: bool = False
    """Kept from calls for a moment, as occupancy is above the plan's most."""
    resting: bool = False
    staffed: bool = False
    """Counted as staffed in its pools."""
    lease_watched: bool = False
    """A deadline for the lease's end is already set."""
    phone_lost: bool = False
    """Browser seats: the phone's connection is known to have ended, and none has come since."""
    phone_since: float = 0.0
    """When the phone's connection last began or ended; 0 while neither was heard of."""
    freed_at: float = 0.0
    """When the seat's last call of ours ended."""
    lease_until: float = 0.0
    """Browser seats: proof by the desk that it can answer, valid until then. Others: unused."""
    lease_fault: str = ""
    """Why the desk cannot answer (``no_microphone``, ``page_frozen`` …); empty when it can."""
    skills: dict[str, int] = field(default_factory=dict)
    """Skill → level."""
    recalled_at: float = 0.0
    """When the agent was last asked back from an interruptible break."""
    recalled_for: str = ""
    """Province in need for which; empty once the agent has chosen what to do."""
    misses: int = 0
