"""The API described by the very table that registers it, as OpenAPI 3.1."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from seats.web.errors import PROBLEM_JSON, Problem
from seats.web.routes import PREFIX, UNSAFE, Role, Route

_REF = "#/components/schemas/{name}"
_REASON = {
    400: "The request is malformed",
    401: "Not signed in, or wrong credentials",
    403: "The role, the origin or the CSRF token does not allow this",
    404: "Nothing has this id",
    409: "The present state does not allow this",
    412: "Another version is live",
    413: "The body is too large",
    415: "The body is not JSON",
    422: "The content is not allowed; `field` and `allowed` say where and what is",
    428: "`If-Match` is required",
    429: "Too many tries; `Retry-After` says how long to wait",
    502: "The PBX does not answer",
    503: "Not available now",
}


def document(routes: Iterable[Route], version: str) -> dict[str, Any]:
    """The OpenAPI document of these routes."""
    table = list(routes)
    shapes = _shapes(table)
    _, components = msgspec.json.schema_components(shapes, ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for route in table:
        paths.setdefault(PREFIX + route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "seats", "version": version, "description": "Times are Unix seconds (UTC)."},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "seats_session"},
                "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"},
            },
        },
    }


def _shapes(table: list[Route]) -> list[Any]:
    found: dict[int, Any] = {id(Problem): Problem}
    for route in table:
        found |= {id(shape): shape for shape in (route.body, route.answer) if shape is not None}
    return list(found.values())


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": route.handler.__module__.rpartition(".")[2] + "_" + route.handler.__name__,
        "description": _who(route.role),
        "responses": _responses(route),
        "security": _security(route),
    }
    parameters = [*_path_parameters(route.path), *_query_parameters(route.query), *_headers(route)]
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": _content(route.body)}
    return operation


def _who(role: Role) -> str:
    return "For anyone." if role is Role.ANYONE else f"Needs the role {role.name.lower()} or above."


def _security(route: Route) -> list[dict[str, list[str]]]:
    if route.role is Role.ANYONE:
        return []
    return [{"session": [], "csrf": []} if route.method in UNSAFE else {"session": []}]


def _responses(route: Route) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "Switching to WebSocket" if route.websocket else "Done"}
    if route.answer is not None:
        good["content"] = _content(route.answer)
    codes = set(route.errors)
    if route.role is not Role.ANYONE:
        codes |= {401, 403}
    if route.method in UNSAFE:
        codes |= {403}
    if route.body is not None:
        codes |= {400, 413, 415, 422}
    if route.query is not None:
        codes |= {422}
    problem = {PROBLEM_JSON: {"schema": {"$ref": _REF.format(name="Problem")}}}
    bad = {str(code): {"description": _REASON[code], "content": problem} for code in sorted(codes)}
    return {str(route.status): good, **bad}


def _content(shape: Any) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REF.format(name=shape.__name__)}}}


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", path)
    ]


def _query_parameters(shape: Any) -> list[dict[str, Any]]:
    if shape is None:
        return []
    (_,), components = msgspec.json.schema_components([shape], ref_template=_REF)
    described = components[shape.__name__]["properties"]
    return [{"name": name, "in": "query", "schema": schema} for name, schema in described.items()]


def _headers(route: Route) -> list[dict[str, Any]]:
    if 428 not in route.errors:
        return []
    return [{"name": "If-Match", "in": "header", "required": True, "schema": {"type": "string"}}]
