"""The pages' list of provinces is that of the domain."""

from __future__ import annotations

import re
from pathlib import Path

from seats.domain.regions import PROVINCES, UNKNOWN

SOURCE = Path(__file__).parents[2] / "seats" / "web" / "ui" / "src" / "common" / "provinces.ts"
ENTRY = re.compile(r'(\w+): \["([^"]+)", "([^"]+)"\]')


def test_the_pages_know_the_provinces_of_the_domain_in_their_order() -> None:
    shown = ENTRY.findall(SOURCE.read_text(encoding="utf-8"))
    assert shown == [*((p.code, p.zh, p.en) for p in PROVINCES), (UNKNOWN, "未知", "Unknown")]
