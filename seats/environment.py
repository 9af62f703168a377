"""Lays environment variables over settings data: ``SEATS_PBX__0__HOST`` → ``pbx``, first entry, ``host``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel

from seats.errors import Problem

WHERE = "environment"


class Leaf(NamedTuple):
    """One variable and its value."""

    variable: str
    value: str


Tree = dict[str, "Tree | Leaf"]


class Overlay(NamedTuple):
    """``data`` with the variables laid over it; the variable behind each key path; what did not fit."""

    data: dict[str, Any]
    origins: dict[str, str]
    problems: list[Problem]


def overlay(data: Mapping[str, Any], env: Mapping[str, str], prefix: str, model: type[BaseModel]) -> Overlay:
    """Lay every variable that starts with ``prefix`` over ``data``; ``model`` tells lists from mappings."""
    result = Overlay({}, {}, [])
    named = ((n[len(prefix) :].lower(), Leaf(n, v)) for n, v in env.items() if n.startswith(prefix))
    result.data.update(_lay(dict(data), _tree(named, result), model, "", result))
    return result


def key_path(parent: str, part: str | int) -> str:
    """``http`` + ``port`` → ``http.port``; ``pbx`` + 0 → ``pbx[1]``: people count from 1."""
    if isinstance(part, int):
        return f"{parent}[{part + 1}]"
    return f"{parent}.{part}" if parent else part


def inner(annotation: Any, part: str | int) -> Any:
    """The type of what lies below ``part`` in a model, mapping or list type; None where nothing does."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = annotation.model_fields.get(str(part))
        return field.annotation if field else None
    arguments = get_args(annotation)
    if get_origin(annotation) is dict:
        return arguments[1]
    return arguments[0] if is_list(annotation) else None


def is_list(annotation: Any) -> bool:
    """Whether a setting of this type is a list."""
    return get_origin(annotation) in (tuple, list)


def _tree(variables: Iterable[tuple[str, Leaf]], result: Overlay) -> Tree:
    root: Tree = {}
    for name, leaf in sorted(variables):
        parts = name.split("__")
        at: Tree | Leaf = root
        for part in parts[:-1]:
            if isinstance(at, dict):
                at = at.setdefault(part, {})
        if isinstance(at, dict):
            at[parts[-1]] = leaf
        else:
            what = f"contradicts {at.variable}, which sets all of it"
            result.problems.append(Problem(WHERE, leaf.variable, what, "one of the two"))
    return root


def _lay(base: Any, over: Tree | Leaf, annotation: Any, key: str, result: Overlay) -> Any:
    if isinstance(over, Leaf):
        result.origins[key] = over.variable
        return _split(over.value) if is_list(annotation) else over.value
    if is_list(annotation):
        return _lay_list(base, over, annotation, key, result)
    if base is not None and not isinstance(base, dict):
        return base  # the file's value is wrong already: the check will say so
    merged = dict(base or {})
    for name, child in over.items():
        merged[name] = _lay(merged.get(name), child, inner(annotation, name), key_path(key, name), result)
    return merged


def _lay_list(base: Any, over: Tree, annotation: Any, key: str, result: Overlay) -> Any:
    if base is not None and not isinstance(base, list):
        return base
    items = list(base or [])
    for name in sorted(over, key=lambda n: (not n.isdecimal(), int(n) if n.isdecimal() else 0, n)):
        child = over[name]
        if not (name.isascii() and name.isdecimal()) or int(name) > len(items):
            what = f"{name!r} is not a place in {key}, which has {len(items)} entries"
            result.problems.append(Problem(WHERE, _first(child), what, f"0 to {len(items)}"))
            continue
        n = int(name)
        items += [None] * (n == len(items))
        items[n] = _lay(items[n], child, inner(annotation, n), key_path(key, n), result)
    return items


def _first(node: Tree | Leaf) -> str:
    while isinstance(node, dict):
        node = next(iter(node.values()))
    return node.variable


def _split(value: str) -> list[str]:
    return [part for part in (p.strip() for p in value.split(",")) if part]
