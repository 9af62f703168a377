"""People who come, change and go while calls go on."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from seats.domain.agents import Chosen, Machine
from seats.domain.events import Event
from seats.domain.messages import (
    CallerGone,
    LinkUp,
    Message,
    OfferAnswered,
    RequestArrived,
    SeatGone,
    SeatReachable,
    StateAsked,
)
from seats.domain.requests import Confidence, Origin
from seats.domain.state import State
from seats.domain.tally import Tally
from seats.engine.engine import Engine
from seats.roster import Roster
from seats.store.rows import AgentRow
from tests.unit.coresim import small_plan

LI = AgentRow("li", "李", "hunan", ("hunan",), "sip", "1001")
WANG = AgentRow("wang", "王", "hunan", ("hunan",), "sip", "1002")


class Table:
    """The agents of a database."""

    def __init__(self, *rows: AgentRow) -> None:
        self.rows = list(rows)
        self.read = 0

    async def agents_mark(self) -> str:
        return repr(self.rows)

    async def agents(self) -> list[AgentRow]:
        self.read += 1
        return list(self.rows)


class Office:
    """A core, and the table it is kept in step with."""

    def __init__(self, *rows: AgentRow) -> None:
        self.table = Table(*rows)
        self.engine = Engine(State(small_plan(wrap_up=0.0)), Tally(["hunan"], ZoneInfo("Asia/Shanghai")))
        self.roster = Roster(self.table, self.engine)  # type: ignore[arg-type]  # all that is asked of a store
        self.agents = self.engine.state.agents

    def tell(self, *messages: Message) -> None:
        for message in messages:
            self.engine.ask(message)

    async def become(self, *rows: AgentRow) -> None:
        """The table becomes this, and is looked at."""
        self.table.rows = list(rows)
        await self.roster.look()

    def call(self, name: str) -> None:
        """A caller of Hunan."""
        origin = Origin("hunan", "area_code", Confidence.CERTAIN)
        at = self.engine.now()
        self.tell(RequestArrived(name, "n1", f"PJSIP/{name}", name, name, "95500", "138", origin, at))

    async def talking(self) -> str:
        """Li talks to a caller; the offer."""
        await self.become(LI)
        self.tell(LinkUp("n1"), SeatReachable("n1", "1001", True, "NOT_INUSE"))
        self.tell(StateAsked("li", Chosen.READY, "", "li"))
        self.call("c1")
        offer = self.agents["li"].offer or ""
        self.tell(OfferAnswered(offer))
        assert self.agents["li"].machine is Machine.TALKING
        return offer


async def test_who_is_new_changed_or_gone_is_told_and_nothing_else() -> None:
    office = Office()
    await office.become(LI, WANG)
    assert set(office.agents) == {"li", "wang"}
    await office.roster.look()
    assert office.table.read == 1, "nothing changed: nothing is read"
    await office.become(LI._replace(pools=("nation",), skills=(("claims", 3),)))
    assert set(office.agents) == {"li"}
    assert (office.agents["li"].pools, office.agents["li"].skills) == (("nation",), {"claims": 3})


async def test_who_is_removed_in_a_call_ends_it_gets_no_other_and_is_gone() -> None:
    office = Office()
    offer = await office.talking()
    await office.become()
    assert office.agents["li"].machine is Machine.TALKING, "the caller is not cut off"
    told: list[Event] = []
    office.engine.subscribe(told.extend)
    await office.roster.look()
    assert told == [], "it is said once, not at every look"
    office.call("c2")
    office.tell(CallerGone("c1", "16"), SeatGone(offer))
    assert office.agents["li"].machine is not Machine.OFFERED, "nobody else is put through"
    await office.roster.look()
    assert office.agents == {}


async def test_a_seat_passes_to_another_when_who_had_it_has_ended_the_call() -> None:
    office = Office()
    offer = await office.talking()
    heir = WANG._replace(seat_address="1001")
    await office.become(heir)
    assert set(office.agents) == {"li"}
    office.tell(CallerGone("c1", "16"), SeatGone(offer))
    await office.roster.look()
    assert set(office.agents) == {"wang"}


async def test_who_is_removed_and_added_again_meanwhile_stays() -> None:
    office = Office()
    offer = await office.talking()
    await office.become()
    await office.become(LI)
    office.tell(CallerGone("c1", "16"), SeatGone(offer))
    await office.roster.look()
    assert set(office.agents) == {"li"}
