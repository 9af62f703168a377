"""The real Alertmanager with the generated configuration: one page for one cause."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from metrics.definition.alerts import alerts
from metrics.definition.timing import Timing
from metrics.render import prometheus
from seats.domain.regions import PROVINCES
from tests.integration.watchers import Alertmanager, Pages, missing

pytestmark = [
    pytest.mark.aside,
    pytest.mark.skipif(bool(missing()), reason="install prometheus and prometheus-alertmanager"),
]

PACE = Timing(0.05)
LABELS = {a.name: prometheus.labels(a) for a in alerts(PACE)}


def alert(name: str, **labels: str) -> dict[str, Any]:
    return {"labels": {"alertname": name, **LABELS[name], **labels}, "annotations": {"summary": name}}


def everywhere(name: str) -> list[dict[str, Any]]:
    return [alert(name, province=p.code, zh=p.zh, en=p.en) for p in PROVINCES]


async def told(folder: Path, *batches: list[dict[str, Any]]) -> Pages:
    """What is sent when these alerts come, one batch after the other."""
    pages = Pages()
    async with pages.listening(), Alertmanager(folder, PACE, pages).running() as manager:
        for batch in batches:
            await manager.post(batch)
            await asyncio.sleep(0.2)
        await asyncio.sleep(6.0)
    return pages


async def test_a_dead_link_is_one_page_not_thirty_five(tmp_path: Path) -> None:
    link = [alert("SeatsLinkDown", node="pbx1")]
    lost = [alert("SeatsLostTogetherNation"), *everywhere("SeatsLostTogether")]
    rates = [
        alert("SeatsNationBurnFast"),
        *everywhere("SeatsProvinceBurnFast"),
        *everywhere("SeatsNoRequests"),
    ]
    pages = await told(tmp_path, rates, link, lost)
    assert pages.names() == ["SeatsLinkDown"]
    assert pages.names("ticket") == []


async def test_a_page_per_province_and_not_one_per_speed(tmp_path: Path) -> None:
    both = [
        alert(f"SeatsProvinceBurn{speed}", province=code)
        for speed in ("Fast", "Slow", "Ticket")
        for code in ("hubei", "hunan")
    ]
    pages = await told(tmp_path, both)
    assert pages.names() == ["SeatsProvinceBurnFast", "SeatsProvinceBurnFast"]
    assert {a["labels"]["province"] for a in pages.alerts("SeatsProvinceBurnFast")} == {"hubei", "hunan"}
    assert pages.names("ticket") == []


async def test_the_whole_nation_is_one_page(tmp_path: Path) -> None:
    pages = await told(tmp_path, [alert("SeatsNationBurnFast"), *everywhere("SeatsProvinceBurnFast")])
    assert pages.names() == ["SeatsNationBurnFast"]


async def test_a_dead_service_stands_for_its_links(tmp_path: Path) -> None:
    below = [alert("SeatsLinkDown", node="pbx1"), alert("SeatsInstanceDown", instance="a")]
    pages = await told(tmp_path, [alert("SeatsServiceDown")], below)
    assert pages.names() == ["SeatsServiceDown"]
    assert pages.names("ticket") == []
