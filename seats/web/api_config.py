"""What is configured: choices for everyone, people and nodes for admins. Read only, no secrets."""

from __future__ import annotations

import msgspec
from aiohttp import web

from seats.web import choices, keys, views
from seats.web.api_session import UserView
from seats.web.routes import Role, Route, answer


class ChoicesView(msgspec.Struct, frozen=True):
    """Reasons and dispositions to pick from."""

    reasons: tuple[choices.Choice, ...] = choices.REASONS
    dispositions: tuple[choices.Choice, ...] = choices.DISPOSITIONS


class UsersView(msgspec.Struct, frozen=True):
    """Everyone who may sign in."""

    users: list[UserView]


class NodeView(msgspec.Struct, frozen=True):
    """A PBX node, without its secrets."""

    name: str
    host: str
    port: int
    username: str
    link: views.LinkRow


class ConfigView(msgspec.Struct, frozen=True):
    """The configuration that people may see."""

    nodes: list[NodeView]
    business_timezone: str
    language: str
    leader: bool


async def show_choices(request: web.Request) -> web.StreamResponse:
    """GET /config/choices."""
    return answer(ChoicesView())


async def show_users(request: web.Request) -> web.StreamResponse:
    """GET /users."""
    users = await request.app[keys.STORE].users()
    return answer(UsersView([UserView(u.login, u.name, u.role, u.agent_id) for u in users]))


async def show_config(request: web.Request) -> web.StreamResponse:
    """GET /config."""
    settings, engine = request.app[keys.SETTINGS], request.app[keys.ENGINE]
    nodes = []
    for node in settings.pbx:
        link = engine.links.get(node.name)
        row = views.LinkRow(str(link.state), link.reason) if link else views.LinkRow("unknown", "")
        nodes.append(NodeView(node.name, node.host, node.port, node.username, row))
    return answer(ConfigView(nodes, settings.business_timezone, settings.language, engine.leader))


ROUTES = (
    Route("GET", "/config/choices", show_choices, "Reasons and dispositions", answer=ChoicesView),
    Route("GET", "/users", show_users, "Everyone who may sign in", Role.ADMIN, answer=UsersView),
    Route("GET", "/config", show_config, "Nodes and their links", Role.ADMIN, answer=ConfigView),
)
