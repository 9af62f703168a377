"""Live figures by province."""

from __future__ import annotations

import msgspec
from aiohttp import web

from seats.domain.tally import NATION
from seats.web import keys, views
from seats.web.routes import Role, Route, answer


class ProvincesView(msgspec.Struct, frozen=True):
    """Every province, and the nation as ``totals``."""

    provinces: list[views.ProvinceRow]
    totals: views.ProvinceRow
    as_of: float


async def show(request: web.Request) -> web.StreamResponse:
    """GET /provinces."""
    hub, engine = request.app[keys.HUB], request.app[keys.ENGINE]
    await hub.refresh()
    now = engine.now()

    def row(code: str) -> views.ProvinceRow:
        presence = hub.board.presence(code)
        return views.province_row(engine.state, engine.tally, code, presence, now)

    return answer(ProvincesView([row(code) for code in views.CODES], row(NATION), now))


ROUTES = (
    Route("GET", "/provinces", show, "Live figures by province", Role.SUPERVISOR, answer=ProvincesView),
)
