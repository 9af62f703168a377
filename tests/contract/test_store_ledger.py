from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from sqlalchemy import text

from seats.domain.agents import Chosen, Machine
from seats.domain.events import CallerTold, Event, OfferEnded, OfferMade, Repaired
from seats.domain.requests import OfferResult, Outcome
from seats.store import LedgerWriter, Store
from seats.store.errors import BadCursorError
from seats.store.rows import Waits
from tests.contract.story import T0, WHY, connected_call, decided, lost_call, opened, state


async def write(store: Store, events: Sequence[Event]) -> None:
    writer = LedgerWriter(store.database, group_seconds=0.0)
    writer.start()
    writer.append(events)
    await writer.flush()
    await writer.close()
    assert (writer.lost, writer.rejected) == (0, 0)


async def test_a_callers_class_and_what_was_told(store: Store) -> None:
    came = opened("pbx1:1.1")
    green = came._replace(origin=came.origin._replace(klass="green"))
    await write(store, [green, CallerTold(T0 + 60.0, "pbx1:1.1", "hubei", 3, 2), opened("pbx1:1.2")])
    rows, _ = await store.requests()
    assert {row.id: row.klass for row in rows} == {"pbx1:1.1": "green", "pbx1:1.2": ""}
    found = await store.request("pbx1:1.1")
    assert found is not None
    assert [(e.kind, e.data) for e in found[1]][1:] == [("caller_told", {"position": 3, "minutes": 2})]


async def test_a_connected_call_whole(store: Store) -> None:
    await write(store, connected_call("pbx1:1.1"))
    found = await store.request("pbx1:1.1")
    assert found is not None
    row, timeline = found
    assert (row.outcome, row.agent, row.queue, row.ring, row.talk) == ("connected", "a1", 5.0, 3.0, 60.0)
    assert (row.ended_by, row.disposition, row.offers, row.reconstructed) == ("caller", "claim", 2, False)
    assert (row.source, row.confidence, row.number) == ("mobile_prefix", "likely", "13871234567")
    assert [line.kind for line in timeline] == [
        "request_opened", "ring_opened", "offer_made", "offer_rang", "offer_ended", "offer_made",
        "offer_rang", "offer_ended", "request_decided", "disposition_set", "call_ended",
    ]  # fmt: skip
    assert timeline[4].data["result"] == "rona"
    assert timeline[8].at == T0 + 8
    offers = await store.offers("pbx1:1.1")
    assert [(o.agent, o.result, o.rang_at, o.ended_at) for o in offers] == [
        ("a9", "rona", T0 + 1, T0 + 4),
        ("a1", "connected", T0 + 5, T0 + 8),
    ]
    assert await store.open_requests() == []
    assert await store.request("pbx1:9.9") is None


async def test_numbers_are_not_in_the_audit_log(store: Store) -> None:
    await write(store, connected_call("pbx1:1.1"))
    assert not any("13871234567" in str(row) for row in await store.audit())


async def test_the_same_arrival_twice_is_one_request(store: Store) -> None:
    await write(store, connected_call("pbx1:1.1"))
    await write(store, [opened("pbx1:1.1", T0 + 99, reconstructed=True), *connected_call("pbx1:1.1")[2:4]])
    rows, _ = await store.requests()
    assert [(r.arrived_at, r.outcome, r.offers) for r in rows] == [(T0, "connected", 2)]


async def test_the_first_outcome_stands(store: Store) -> None:
    await write(store, lost_call("pbx1:1.1", Outcome.ABANDONED))
    await write(store, [decided("pbx1:1.1", Outcome.CONNECTED, T0 + 50, agent="a1")])
    rows, _ = await store.requests()
    assert [r.outcome for r in rows] == ["abandoned"]


async def test_open_requests_are_those_that_wait_or_talk(store: Store) -> None:
    talking = connected_call("pbx1:1.2", T0 + 1)[:-2]
    await write(store, [opened("pbx1:1.1"), *talking, *lost_call("pbx1:1.3", Outcome.TIMEOUT, T0 + 2)])
    found = await store.open_requests()
    assert [(r.id, r.outcome, r.agent, r.answered_at) for r in found] == [
        ("pbx1:1.1", None, None, None),
        ("pbx1:1.2", "connected", "a1", T0 + 9),
    ]
    assert found[0].channel == "PJSIP/trunk-1.1"


async def test_open_offers_are_those_without_an_end_of_requests_that_go_on(store: Store) -> None:
    rings = connected_call("pbx1:1.1")[:7]
    over = connected_call("pbx1:1.2", T0 + 1)
    unheard = [e for e in connected_call("pbx1:1.3", T0 + 2) if not isinstance(e, OfferEnded)]
    await write(store, [*rings, *over, *unheard])
    offers = await store.offers("pbx1:1.1")
    assert await store.open_offers() == {"pbx1:1.1": [(offers[1].id, offers[1].agent)]}


async def test_pages_meet_every_request_once(store: Store) -> None:
    events: list[Event] = []
    for n in range(57):
        at = T0 + n // 5  # many arrive at the same time
        province = "hubei" if n % 3 else "gansu"
        events += lost_call(f"pbx1:{n:03}", Outcome.ABANDONED if n % 2 else Outcome.TIMEOUT, at, province)
    await write(store, [*events, opened("pbx1:open", T0 + 3)])

    async def walk(limit: int, **which: str) -> list[str]:
        ids: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            rows, cursor = await store.requests(cursor=cursor, limit=limit, **which)
            assert len(rows) <= limit
            ids += [r.id for r in rows]
        return ids

    everything = await walk(1000)
    assert len(everything) == len(set(everything)) == 58
    assert await walk(7) == everything
    assert await walk(58) == everything
    rows, _ = await store.requests(limit=1000)
    assert rows == sorted(rows, key=lambda r: (r.arrived_at, r.id), reverse=True)
    hubei = await walk(4, province="hubei", outcome="abandoned")
    assert hubei == [r.id for r in rows if r.province == "hubei" and r.outcome == "abandoned"]
    assert await walk(4, outcome="in_progress") == ["pbx1:open"]
    part, _ = await store.requests(since=T0 + 2, until=T0 + 4)
    assert {r.arrived_at for r in part} == {T0 + 2, T0 + 3}


@pytest.mark.parametrize("cursor", ["x", "ä", "====", "bmFuIHg", "MSA", "a" * 5000, "MS4wIAB4", "'; --"])
async def test_cursors_of_strangers_are_refused(store: Store, cursor: str) -> None:
    with pytest.raises(BadCursorError) as caught:
        await store.requests(cursor=cursor)
    assert len(str(caught.value)) < 200


async def test_totals_waits_and_cohort(store: Store) -> None:
    events = [
        *connected_call("pbx1:1"),
        *connected_call("pbx1:2", T0 + 100, "gansu"),
        *lost_call("pbx1:3", Outcome.ABANDONED, T0 + 5, wait=12.0),
        *lost_call("pbx1:4", Outcome.EXCLUDED_CLOSED, T0 + 6, wait=0.0),
        opened("pbx1:5", T0 + 7),
    ]
    await write(store, events)
    assert await store.totals() == {
        ("hubei", "connected"): 1,
        ("hubei", "abandoned"): 1,
        ("hubei", "excluded_closed"): 1,
        ("hubei", "in_progress"): 1,
        ("gansu", "connected"): 1,
    }
    assert await store.offer_totals() == {"rona": 2, "connected": 2}
    waits = await store.waits((5, 10, 15))
    assert waits == {"hubei": Waits((1, 2, 3), 20.0, 3), "gansu": Waits((0, 1, 1), 8.0, 1)}
    assert (await store.waits((10,), outcome="connected"))["hubei"] == Waits((1,), 8.0, 1)
    cohort = await store.cohort(T0 + 5)
    assert [(c.arrived_at - T0, c.province, c.outcome, c.waited) for c in cohort] == [
        (5, "hubei", "abandoned", 12.0),
        (6, "hubei", "excluded_closed", 0.0),
        (7, "hubei", None, 0.0),
        (100, "gansu", "connected", 8.0),
    ]
    assert len(await store.cohort(T0, T0 + 6)) == 2


async def test_an_agents_day(store: Store) -> None:
    events = [
        state(T0 - 50, "a1", Chosen.READY, Machine.IDLE),
        state(T0 + 4, "a1", Chosen.READY, Machine.OFFERED),
        state(T0 + 8, "a1", Chosen.READY, Machine.TALKING),
        state(T0 + 68, "a1", Chosen.READY, Machine.WRAP_UP),
        state(T0 + 98, "a1", Chosen.NOT_READY, Machine.IDLE, "meal"),
        state(T0 + 40, "a2", Chosen.READY, Machine.TALKING),
        *connected_call("pbx1:1", agent="a1"),
        OfferMade(T0 + 90, "o3", "pbx1:2", "hubei", "a1", "hubei", 1, WHY),
        OfferEnded(T0 + 91, "o3", "pbx1:2", "hubei", "a1", OfferResult.SEAT_FAILED, ""),
        OfferMade(T0 + 92, "o4", "pbx1:2", "hubei", "a1", "hubei", 1, WHY),
        OfferEnded(T0 + 95, "o4", "pbx1:2", "hubei", "a1", OfferResult.RONA, ""),
        OfferMade(T0 + 500, "o5", "pbx1:2", "hubei", "a1", "hubei", 1, WHY),
    ]
    await write(store, events)
    day = await store.agent_day("a1", T0, T0 + 200)
    assert (day.offers, day.connected, day.missed) == (3, 1, 1)
    assert (day.ready_s, day.talk_s, day.wrap_up_s, day.not_ready_s) == (8.0, 60.0, 30.0, 102.0)
    assert (await store.agent_day("nobody", T0, T0 + 200)) == (0, 0, 0, 0.0, 0.0, 0.0, 0.0)
    last = await store.last_states()
    assert (last["a1"].chosen, last["a1"].reason, last["a2"].machine) == ("not_ready", "meal", "talking")


async def test_every_change_of_state_has_its_audit_row(store: Store) -> None:
    events = [*connected_call("pbx1:1"), state(T0, "a1", Chosen.READY, Machine.IDLE)]
    await write(store, [*events, Repaired(T0, "orphan", "pbx1:1", "pbx1")])
    assert len(await store.audit(limit=1000)) == len(events) + 1
    newest = (await store.audit(limit=1))[0]
    assert (newest.action, newest.subject, newest.detail["repair"]) == (
        "repaired",
        "request/pbx1:1",
        "orphan",
    )
    assert (await store.audit(before=newest.seq, limit=1))[0].subject == "agent/a1"
    assert [row.actor for row in await store.audit(subject="agent/a1")] == ["test"]


async def test_times_keep_every_bit(store: Store) -> None:
    at = math.nextafter(T0, math.inf)
    await write(store, lost_call("pbx1:1", Outcome.ABANDONED, at))
    assert [c.arrived_at for c in await store.cohort(at)] == [at]
    assert await store.cohort(math.nextafter(at, math.inf)) == []


async def test_what_a_restart_asks_is_answered_by_indices(sqlite_store: Store) -> None:
    queries = {
        "SELECT province, outcome, count(*) FROM requests GROUP BY province, outcome": "COVERING INDEX",
        "SELECT id FROM requests WHERE ended_at IS NULL ORDER BY arrived_at, id": "ix_requests_open",
    }
    async with sqlite_store.database.read() as connection:
        for query, index in queries.items():
            plan = " ".join(str(row) for row in await connection.execute(text(f"EXPLAIN QUERY PLAN {query}")))
            assert index in plan
            assert "TEMP B-TREE" not in plan


async def test_pages_use_the_index(sqlite_store: Store) -> None:
    async with sqlite_store.database.read() as connection:
        for where in ("", "AND province = 'hubei'", "AND outcome = 'timeout'"):
            query = (
                "EXPLAIN QUERY PLAN SELECT * FROM requests WHERE arrived_at >= 1 AND arrived_at < 9 "
                f"{where} AND (arrived_at, id) < (5, 'x') ORDER BY arrived_at DESC, id DESC LIMIT 10"
            )
            plan = " ".join(str(row) for row in await connection.execute(text(query)))
            assert "USING INDEX" in plan
            assert "TEMP B-TREE" not in plan, plan
