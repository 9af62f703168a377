"""Two PBX nodes: one order over both, and the death or removal of one is no matter of the other."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from seats.domain.agents import Chosen, Machine
from seats.domain.events import CallEnded, OfferMade, RequestDecided, RequestOpened
from seats.domain.requests import Outcome
from telephony.lab import Callers, LabPbx, SimAgents
from tests.integration.house import HUNAN, Home, House, call, people, plan_for_tests, settings_for

pytestmark = pytest.mark.pbx

HOMES = {"sip001": Home("hunan"), "sip002": Home("hunan", ready=False)}
MASTER = "0123456789abcdef"


class Nodes(NamedTuple):
    """A house on two PBXes."""

    house: House
    one: LabPbx
    two: LabPbx

    def callers(self, lab: LabPbx, talk: float, *, patience: float = 0.0) -> Callers:
        return Callers(lab.sip_port, [call(HUNAN, talk=talk, patience=patience)], rate=20.0)


@contextlib.asynccontextmanager
async def two_nodes(folder: Path) -> AsyncIterator[Nodes]:
    seats = [("sip", a) for a in HOMES]
    async with contextlib.AsyncExitStack() as stack:
        labs = [
            await stack.enter_async_context(LabPbx(seats, qualify_s=1.0, master_secret=MASTER))
            for _ in range(2)
        ]
        pbx = [
            settings_for(lab, folder).pbx[0].model_dump() | {"name": f"n{k}"} for k, lab in enumerate(labs, 1)
        ]
        settings = settings_for(labs[0], folder, pbx=pbx)
        await people(settings, HOMES, plan_for_tests())
        h = House(labs[0], settings, HOMES)
        await stack.enter_async_context(h.serving())
        for lab in labs:
            secrets = {a: lab.seat_secret(a) for a in HOMES}
            behaviours = {a: home.behaviour for a, home in HOMES.items()}
            phones = SimAgents(lab.sip_port, behaviours, secrets)
            h.phones = await stack.enter_async_context(phones)
        await h.until(lambda: all(h.agent(a).nodes == {"n1", "n2"} for a in HOMES))
        yield Nodes(h, *labs)


async def arrived(h: House, count: int) -> None:
    await h.until(lambda: len(h.of(RequestOpened)) == count)


async def test_callers_of_two_nodes_stand_in_one_line(tmp_path: Path) -> None:
    async with two_nodes(tmp_path) as nodes, contextlib.AsyncExitStack() as stack:
        h = nodes.house
        placed = []
        for n, lab in enumerate([nodes.one, nodes.two, nodes.one, nodes.two]):
            placed.append(await stack.enter_async_context(nodes.callers(lab, 0.5)))
            await arrived(h, n + 1)
        h.choose("sip001", Chosen.READY)
        for each in placed:
            assert (await each.wait()).answered == 1
        await h.quiet()
        asked = [e.request for e in h.of(RequestOpened)]
        assert [e.request for e in h.of(OfferMade)] == asked
        assert [e.node for e in h.of(RequestOpened)] == ["n1", "n2", "n1", "n2"]


async def test_a_dead_node_fails_its_own_and_leaves_the_others_untouched(tmp_path: Path) -> None:
    async with two_nodes(tmp_path) as nodes, contextlib.AsyncExitStack() as stack:
        h = nodes.house
        h.choose("sip001", Chosen.READY)
        h.choose("sip002", Chosen.READY)
        theirs = await stack.enter_async_context(nodes.callers(nodes.one, 60.0))
        await h.until(lambda: len(h.of(RequestDecided)) == 1)
        ours = await stack.enter_async_context(nodes.callers(nodes.two, 8.0))
        await h.until(lambda: len(h.of(RequestDecided)) == 2)
        await stack.enter_async_context(nodes.callers(nodes.one, 60.0))
        await stack.enter_async_context(nodes.callers(nodes.two, 1.0))
        await arrived(h, 4)
        on_one, on_two, waiting_one, waiting_two = [e.request for e in h.of(RequestOpened)]
        await asyncio.sleep(5.5)  # the agents' states of both nodes are settled
        began = time.monotonic()
        await nodes.one.kill()
        await h.until(lambda: on_one not in h.service.engine.state.requests, 2.0)
        await h.until(lambda: waiting_one not in h.service.engine.state.requests, 2.0)
        assert time.monotonic() - began < 2.0
        outcomes = {e.request: e.outcome for e in h.of(RequestDecided)}
        assert outcomes[waiting_one] is Outcome.FAILED
        assert [(e.request, e.ended_by) for e in h.of(CallEnded)] == [(on_one, "system")]
        assert h.agent("sip001").nodes == {"n2"}
        await h.until(lambda: outcomes_of(h).get(waiting_two) is Outcome.CONNECTED, 5.0)
        assert h.service.ready()[0], "one node is enough to be ready"
        assert (await ours.wait()).answered == 1
        await h.until(lambda: on_two not in h.service.engine.state.requests)
        assert (on_two, "caller") in [(e.request, e.ended_by) for e in h.of(CallEnded)]
        assert theirs.counts().answered == 1


def outcomes_of(h: House) -> dict[str, Outcome]:
    return {e.request: e.outcome for e in h.of(RequestDecided)}


async def test_a_node_taken_out_of_the_settings_with_calls_on_it_holds_nobody_prisoner(
    tmp_path: Path,
) -> None:
    async with two_nodes(tmp_path) as nodes, contextlib.AsyncExitStack() as stack:
        h = nodes.house
        h.choose("sip001", Chosen.READY)
        talking = await stack.enter_async_context(nodes.callers(nodes.two, 6.0))
        await h.until(lambda: h.agent("sip001").machine is Machine.TALKING)
        await stack.enter_async_context(nodes.callers(nodes.two, 1.0, patience=4.0))
        await arrived(h, 2)
        await h.stop()
        h.settings = h.settings.model_copy(update={"pbx": h.settings.pbx[:1]})
        h.events.clear()
        await h.start()
        assert not h.service.engine.state.requests
        assert h.agent("sip001").machine is not Machine.TALKING
        await h.service.writer.flush()
        rows, _ = await h.service.store.requests()
        assert [(r.outcome, r.ended_by) for r in reversed(rows)] == [
            ("connected", "system"),
            ("failed", None),
        ]
        assert (await talking.wait()).answered == 1, "the call itself goes on to its end"
