"""What a service takes up from the ledger when it starts again."""

from __future__ import annotations

from pathlib import Path

from seats.numbering import Numbering
from seats.planfile import load_plan
from seats.service import Service
from seats.settings import Settings, default_file
from seats.store import Store
from seats.store.rows import AgentRow
from seats.store.writer import LedgerWriter
from tests.contract.story import opened

SETTINGS = Settings.model_validate({"pbx": [{"secret": "secret"}]})


async def test_skills_and_classes_outlive_a_restart(store: Store) -> None:
    plan = load_plan(default_file("routing.yaml"))
    li = AgentRow("li", "李静", "hubei", ("hubei",), "sip", "1001", skills=(("claims", 5),))
    await store.put_agent(li, at=0.0, actor="test")
    ordinary, waiting = opened("pbx1:1.1"), opened("pbx1:1.2")
    writer = LedgerWriter(store.database, group_seconds=0.0)
    writer.start()
    writer.append([ordinary, waiting._replace(origin=waiting.origin._replace(klass="green"))])
    await writer.close()
    service = Service(SETTINGS, store, plan, 2, Numbering.load(Path(default_file("prefixes.yaml"))))
    await service.take_up()
    requests, agents = service.engine.state.requests, service.engine.state.agents
    assert {r.id: r.klass for r in requests.values()} == {"pbx1:1.1": "", "pbx1:1.2": "green"}
    assert agents["li"].skills == {"claims": 5}
    service.engine.close()
