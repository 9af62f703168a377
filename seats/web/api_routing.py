"""The routing plan and its versions."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from aiohttp import web

from seats.domain.messages import PlanChanged
from seats.domain.plan import check_people
from seats.numbering import check_classes
from seats.planfile import plan_from_json, plan_to_json
from seats.web import keys
from seats.web.errors import VersionConflictError, VersionMissingError
from seats.web.routes import Role, Route, answer, body_of, who


class VersionView(msgspec.Struct, frozen=True):
    """One stored version."""

    version: int
    at: float
    actor: str
    comment: str


class RoutingView(msgspec.Struct, frozen=True):
    """The live plan (in the shape of the routing file) and the versions before it, newest first."""

    version: int
    plan: dict[str, Any]
    versions: list[VersionView]


class RoutingBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A plan to take live, and why."""

    plan: dict[str, Any]
    comment: Annotated[str, msgspec.Meta(max_length=500)] = ""


class NewVersion(msgspec.Struct, frozen=True):
    """The version that went live."""

    version: int


async def show(request: web.Request) -> web.StreamResponse:
    """GET /routing; the ETag is the live version."""
    plan = request.app[keys.ENGINE].state.plan
    versions = await request.app[keys.STORE].versions()
    view = RoutingView(
        plan.version,
        plan_to_json(plan),
        [VersionView(v.version, v.at, v.actor, v.comment) for v in versions],
    )
    return answer(view, headers={"ETag": etag(plan.version)})


async def change(request: web.Request) -> web.StreamResponse:
    """PUT /routing: stored first, then live; ``If-Match`` must name the live version."""
    engine = request.app[keys.ENGINE]
    _check_version(request, engine.state.plan.version)
    body = await body_of(request, RoutingBody)
    plan = plan_from_json(body.plan)
    if customers := request.app[keys.SETTINGS].numbers.customers:
        await asyncio.to_thread(check_classes, customers, plan.classes)
    check_people(plan, [(agent.pools, agent.skills) for agent in engine.state.agents.values()])
    actor = who(request).user.login
    store = request.app[keys.STORE]
    base = engine.state.plan.version if await store.versions() else 0  # the file's plan is not stored
    version = await store.save_plan(plan, at=engine.now(), actor=actor, comment=body.comment, base=base)
    engine.ask(PlanChanged(plan._replace(version=version), actor))
    return answer(NewVersion(version), headers={"ETag": etag(version)})


def etag(version: int) -> str:
    """The entity tag of a version."""
    return f'"{version}"'


def _check_version(request: web.Request, live: int) -> None:
    given = request.headers.get("If-Match")
    if given is None:
        raise VersionMissingError("say which version this replaces", field="If-Match", allowed=etag(live))
    if given.strip() != etag(live):
        raise VersionConflictError(
            "another version is live", field="If-Match", allowed=etag(live), headers={"ETag": etag(live)}
        )


ROUTES = (
    Route("GET", "/routing", show, "The live routing plan", Role.SUPERVISOR, answer=RoutingView),
    Route(
        "PUT",
        "/routing",
        change,
        "Take a plan live",
        Role.ADMIN,
        body=RoutingBody,
        answer=NewVersion,
        errors=(409, 412, 428),
    ),
)
