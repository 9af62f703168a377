"""What was told plus the deltas is always the present picture (like Zulip's verify_action)."""

from __future__ import annotations

import json
import random
from typing import Any, cast

import pytest

from seats.domain.agents import Chosen
from seats.domain.messages import AgentDropped, CallerGone, PlanChanged, StateAsked
from seats.domain.regions import PROVINCES, UNKNOWN
from seats.domain.tally import NATION, Tally
from seats.engine.engine import Engine, LinkView
from seats.web import board as board_module
from seats.web import views
from seats.web.board import Board, Delta, encode
from tests.unit.coresim import CoreSim
from tests.unit.webhouse import ZONE, House, apply_delta


def as_told(delta: Delta) -> dict[str, Any]:
    rows: dict[str, Any] = json.loads(encode(delta.rows))
    if delta.totals is not None:
        rows["totals"] = json.loads(bytes(delta.totals))
    return {"set": rows, "del": delta.gone}


def fresh(engine: Engine) -> dict[str, Any]:
    """The picture built from the whole state, by no shortcut."""
    state, now = engine.state, engine.now()
    there = views.presence_of(state)

    def row(code: str) -> views.ProvinceRow:
        return views.province_row(state, engine.tally, code, there[code], now)

    queued: dict[str, list[Any]] = {}
    for request in state.requests.values():
        if views.is_queued(request):
            queued.setdefault(request.province, []).append(request)
    picture = {
        "provinces": {code: row(code) for code in views.CODES},
        "totals": row(NATION),
        "agents": {a.id: views.agent_row(state, a) for a in state.agents.values()},
        "waiting": {r.request: r for rows in queued.values() for r in views.waiting_rows(rows)},
        "link": {node: views.LinkRow(link.state, link.reason) for node, link in engine.links.items()},
    }
    return forget_leases(json.loads(encode(picture)))


def forget_leases(picture: dict[str, Any]) -> dict[str, Any]:
    """``lease_until`` is told as of a row's last change: thousands of renewals a second are no news."""
    for row in picture["agents"].values():
        row["lease_until"] = 0
    return picture


def assert_same(page: dict[str, Any], picture: dict[str, Any]) -> None:
    """Equal, saying which row differs."""
    assert page.keys() == picture.keys()
    for section, rows in picture.items():
        assert page[section].keys() == rows.keys(), section
        for key, row in rows.items():
            assert page[section][key] == row, (section, key)


class SimEngine:
    """The model's core behind the engine's reading side."""

    def __init__(self, sim: CoreSim) -> None:
        self.sim = sim
        self.state = sim.state
        self.tally = Tally([p.code for p in PROVINCES] + [UNKNOWN], ZONE)
        self.links = {"n1": LinkView("up", "")}

    def now(self) -> float:
        return self.sim.now


@pytest.mark.parametrize("seed", range(4))
def test_old_picture_and_deltas_make_the_fresh_picture(seed: int) -> None:
    sim = CoreSim(seed, agents=8, loss=0.02, double=0.05)
    engine = SimEngine(sim)
    engine.tally.apply(sim.events)
    rng = random.Random(seed)
    board = Board(cast(Engine, engine))
    as_told(board.collect())
    page: dict[str, Any] = json.loads(b"{%b}" % board.snapshot())
    seen = len(sim.events)
    looks = 0

    def look() -> None:
        """After a random number of events, as the hub's tick would."""
        nonlocal seen, looks
        events, seen = sim.events[seen:], len(sim.events)
        engine.tally.apply(events)
        board.note(events)
        if rng.random() < 0.1:
            engine.links["n1"] = LinkView(rng.choice(["up", "backoff"]), "")
        board.touch_clock()
        apply_delta(page, as_told(board.collect()))
        assert_same(forget_leases(page), fresh(cast(Engine, engine)))
        assert forget_leases(json.loads(b"{%b}" % board.snapshot())) == page
        looks += 1
        sim.after(rng.expovariate(1.0), look)

    sim.after(1.0, look)
    sim.run(60.0, 0.6)
    assert looks > 30


def test_only_what_differs_is_told() -> None:
    house = House()
    house.populate()
    board = Board(house.engine)
    board.collect()
    assert board.collect().empty
    board.touch_agent("a1")
    board.touch_clock()
    assert board.collect().empty


@pytest.fixture
async def house() -> House:
    house = House()
    house.populate()
    return house


def told_by(house: House, board: Board, *messages: Any) -> Delta:
    stop = house.engine.subscribe(board.note)
    for message in messages:
        house.engine.post(message)
    stop()
    return board.collect()


async def test_a_removed_agent_is_gone(house: House) -> None:
    board = Board(house.engine)
    board.collect()
    delta = told_by(house, board, AgentDropped("a2"))
    assert delta.gone == {"agents": ["a2"]}
    assert json.loads(encode(board.sections["agents"])).keys() == {"a1", "s1"}


async def test_many_agents_are_told_in_several_deltas(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_module, "COLLECT_AGENTS", 2)
    board = Board(house.engine)
    assert len(board.collect().rows["agents"]) == 2
    assert board.dirty
    assert len(board.collect().rows["agents"]) == 1
    assert not board.dirty


async def test_objectives_follow_the_routing(house: House) -> None:
    board = Board(house.engine)
    board.collect()
    plan = house.engine.state.plan
    hubei = plan.routes["hubei"]._replace(objective=0.9)
    changed = plan._replace(version=2, routes={**plan.routes, "hubei": hubei})
    delta = told_by(house, board, PlanChanged(changed, "test"))
    assert json.loads(bytes(delta.rows["provinces"]["hubei"]))["objective"] == 0.9


async def test_a_long_queue_is_counted_whole_and_shown_in_part(house: House) -> None:
    board = Board(house.engine)
    board.collect()
    stop = house.engine.subscribe(board.note)
    for n in range(views.WAITING_SHOWN + 20):
        house.call(f"c{n}")
    delta = board.collect()
    assert len(delta.rows["waiting"]) == views.WAITING_SHOWN
    assert json.loads(bytes(delta.rows["provinces"]["hubei"]))["waiting"] == views.WAITING_SHOWN + 20
    house.engine.post(CallerGone("pbx1:c0", "gone"))
    delta = board.collect()
    assert delta.gone == {"waiting": ["pbx1:c0"]}
    shown = json.loads(encode(board.sections["waiting"]))
    assert sorted(row["position"] for row in shown.values()) == list(range(1, views.WAITING_SHOWN + 1))
    stop()


async def test_an_agent_of_no_known_province_counts_in_the_nation(house: House) -> None:
    from seats.domain.agents import SeatKind

    board = Board(house.engine)
    board.collect()
    stop = house.engine.subscribe(board.note)
    house.agent("x1", "atlantis", SeatKind.SIP, "sip9")
    house.engine.post(StateAsked("x1", Chosen.READY, "", "t"))
    delta = board.collect()
    assert delta.totals is not None and json.loads(bytes(delta.totals))["agents_signed_in"] == 1
    assert "provinces" not in delta.rows
    stop()
