"""The recordings still are what the lab's real Asterisk says, with the dialplan pack of today."""

from __future__ import annotations

import pytest

from tests.contract.pbx_stories import STORIES, listen, threads
from tests.contract.record import lab, play
from tests.contract.test_translate_recordings import EXPECTED, calls_only

pytestmark = pytest.mark.pbx


async def test_the_real_one_tells_the_recorded_stories_today() -> None:
    async with lab() as pbx:
        told = {name: calls_only(threads(listen(await play(pbx, name)).events)) for name in STORIES}
    assert told == EXPECTED
