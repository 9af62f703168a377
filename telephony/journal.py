"""The dialplan's journal: requests that AstDB had not got to its disk when the PBX was killed.

A PBX that has started takes them over with its first caller (``seats-journal`` in the dialplan). Until one comes,
a link that comes up reads them itself.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable

from telephony import commands
from telephony.errors import ActionRefusedError, BadValueError
from telephony.session import Reply
from telephony.translate import text

log = logging.getLogger(__name__)

Call = Callable[[commands.Action], Awaitable[Reply]]

TURNED = "SEATS_TURNED"
"""Global of the dialplan: empty until somebody has called since the start."""
PAGES = (0, 1, 2)
TAKEN_BEFORE = 2
"""The page of what an earlier start took over: all of it counts."""
AT_ONCE = 40
"""Lines asked for together."""
TAKEN_S = 5.0
"""Seconds before the last line from which on a file's lines are taken over: AstDB is behind by one, at most."""

_LINE = re.compile(r"(?P<key>[0-9.]{1,80})\|(?P<record>v1\|(?P<arrived>[0-9.]{1,20})\|[^|]*\|[^|]*\|[^|]*)\|")


async def read(call: Call) -> dict[str, str]:
    """Give the journal, request → record as in AstDB, if nobody has called since the PBX started; else nothing.

    Of what a PBX without the journal, or without ``func_config``, refuses, nothing is given. Raises the other errors
    of ``Session.call``.
    """
    found: dict[str, str] = {}
    try:
        if await _value(call, TURNED) or not (place := await _value(call, "ASTDBDIR")):
            return found
        for page in PAGES:
            matches = [m for m in map(_LINE.fullmatch, await _page(call, place, page)) if m]
            arrived = [_seconds(m["arrived"]) for m in matches]
            since = 0.0 if page == TAKEN_BEFORE else max(arrived, default=0.0) - TAKEN_S
            found |= {m["key"]: m["record"] for m, at in zip(matches, arrived, strict=True) if at >= since}
    except (ActionRefusedError, BadValueError) as error:
        log.warning("journal not read: %s", error)
    return found


async def _page(call: Call, place: str, page: int) -> list[str]:
    lines: list[str] = []
    while True:
        ask = [commands.journal_line(place, page, len(lines) + n) for n in range(AT_ONCE)]
        got = [text(reply.headers, "Value") for reply in await asyncio.gather(*map(call, ask))]
        lines += filter(None, got)
        if not all(got):
            return lines


async def _value(call: Call, name: str) -> str:
    return text((await call(commands.get_global(name))).headers, "Value")


def _seconds(arrived: str) -> float:
    try:
        return float(arrived)
    except ValueError:
        return 0.0
