"""The description and the routes are the same, both ways."""

from __future__ import annotations

import re
from typing import Any

import pytest

from seats.web.routes import PREFIX
from tests.unit.webhouse import House, start

METHODS = ("get", "post", "put", "delete", "patch")


@pytest.fixture
async def described(aiohttp_client: Any) -> dict[str, Any]:
    client = await start(House(), aiohttp_client)
    reply = await client.get("/api/v1/openapi.json")
    assert reply.status == 200
    found: dict[str, Any] = await reply.json()
    return found


def registered(house: House) -> set[tuple[str, str]]:
    found = set()
    for route in house.app.router.routes():
        resource = route.resource
        assert resource is not None
        if resource.canonical.startswith(PREFIX) and route.method != "HEAD":
            found.add((route.method.lower(), resource.canonical))
    return found


def operations(described: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method, path): operation
        for path, item in described["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def test_every_route_is_described_and_every_description_is_a_route(described: dict[str, Any]) -> None:
    assert registered(House()) == set(operations(described))


def test_no_api_route_hides_elsewhere() -> None:
    for route in House().app.router.routes():
        assert route.resource is not None
        path = route.resource.canonical
        assert path.startswith(PREFIX) or not path.startswith("/api")


def test_references_lead_somewhere(described: dict[str, Any]) -> None:
    text = str(described)
    schemas = described["components"]["schemas"]
    for name in re.findall(r"#/components/schemas/(\w+)", text):
        assert name in schemas
    for name in ("AgentRow", "ProvinceRow", "RequestRow", "Problem", "SessionView", "Figures"):
        assert name in schemas


def test_parameters_of_a_path_are_described(described: dict[str, Any]) -> None:
    for (_, path), operation in operations(described).items():
        named = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path))


def test_operations_have_names_of_their_own(described: dict[str, Any]) -> None:
    names = [operation["operationId"] for operation in operations(described).values()]
    assert len(names) == len(set(names))


def test_unsafe_operations_ask_for_the_csrf_token(described: dict[str, Any]) -> None:
    for (method, path), operation in operations(described).items():
        needs = any("csrf" in scheme for scheme in operation["security"])
        assert needs == ((method != "get" and path != "/api/v1/session") or method == "delete")


def test_the_ledgers_query_is_described(described: dict[str, Any]) -> None:
    operation = described["paths"]["/api/v1/requests"]["get"]
    named = {p["name"] for p in operation["parameters"]}
    assert named == {"since", "until", "province", "outcome", "cursor", "limit"}
