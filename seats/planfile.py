"""Routing plans as YAML files and JSON. Both have one shape, times in seconds:

``{version, ring_timeout, wrap_up, …, pools: {id: {zh, en, home, floor}},
provinces: {code: {objective, window, rings: [{pool, after}, …], hours, overflow}}, skills: {id: {zh, en}},
services: {dialled number: {needs: [{skill, level, until}, …]}}, classes: {name: rank},
interruptible: [reason code, …], hours, overflow, callbacks}``; from skills on all may be left out.

The plain numbers are :class:`~seats.domain.plan.Plan`'s own fields by name: a new one needs nothing here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from seats import yamlfile
from seats.domain.errors import PlanError
from seats.domain.plan import Plan, Pool, RingStep, Route, Service, Skill, check_plan
from seats.domain.requests import Need
from seats.errors import ConfigError, PlanFileError, Problem
from seats.hoursfile import calendars_from_json, calendars_to_json
from seats.policyfile import (
    callbacks_from_json,
    callbacks_to_json,
    overflows_from_json,
    overflows_to_json,
)

_POOL_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_DID = re.compile(r"[0-9A-Za-z+*#]{1,32}")
_LISTS = ("skills", "services", "classes", "interruptible")
_POLICIES = ("hours", "overflow", "callbacks")
_TIMINGS = tuple(name for name, value in Plan._field_defaults.items() if isinstance(value, int | float))
_KEYS = ("version", *_TIMINGS, "pools", "provinces", *_LISTS, *_POLICIES)
_MAX_NAME = 40

T = TypeVar("T")


def load_plan(path: Path | str) -> Plan:
    """Read and check a routing file. Raise :class:`PlanFileError` naming line, key and what is allowed."""
    try:
        document = yamlfile.read(Path(path))
    except ConfigError as error:
        raise PlanFileError(error.problems) from error
    try:
        return plan_from_json(document.data)
    except PlanError as error:
        problem = Problem(document.where(error.where), error.where, error.what, error.allowed)
        raise PlanFileError([problem]) from error


def plan_from_json(data: object) -> Plan:
    """Build and check a plan from plain data. Raise :class:`PlanError` with the key as ``where``."""
    top = _mapping(data, "plan", _KEYS)
    plan = Plan(
        version=_whole(top.get("version", 1), "version"),
        pools=_each(_required(top, "pools", "plan"), "pools", _pool),
        routes=_each(_required(top, "provinces", "plan"), "provinces", _route),
        skills=_each(top.get("skills") or {}, "skills", _skill),
        services=_each(top.get("services") or {}, "services", _service),
        classes=_each(top.get("classes") or {}, "classes", _class),
        interruptible=_names(top.get("interruptible") or [], "interruptible"),
        hours=calendars_from_json(top.get("hours", {})),
        overflow=overflows_from_json(top.get("overflow", {}), "overflow"),
        callbacks=callbacks_from_json(top.get("callbacks", {}), "callbacks"),
        **{name: _like(Plan._field_defaults[name], top[name], name) for name in _TIMINGS if name in top},
    )
    if plan.version < 0:
        raise PlanError("version", f"{plan.version} is negative", "0 or more")
    check_plan(plan)
    return plan


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """Plain data of a plan; ``plan_from_json`` gives the same plan back."""
    return {
        "version": plan.version,
        **{name: getattr(plan, name) for name in _TIMINGS},
        "hours": calendars_to_json(plan.hours),
        "overflow": overflows_to_json(plan.overflow),
        "callbacks": callbacks_to_json(plan.callbacks),
        "pools": {
            p.id: {"zh": p.name_zh, "en": p.name_en, "home": p.home, "floor": p.floor}
            for p in plan.pools.values()
        },
        "provinces": {
            r.province: {
                "objective": r.objective,
                "window": r.window,
                "rings": [{"pool": s.pool, "after": s.after} for s in r.rings],
                "hours": r.hours,
                "overflow": overflows_to_json(r.overflow),
            }
            for r in plan.routes.values()
        },
        "skills": {s.id: {"zh": s.name_zh, "en": s.name_en} for s in plan.skills.values()},
        "services": {s.did: {"needs": [n._asdict() for n in s.needs]} for s in plan.services.values()},
        "classes": dict(plan.classes),
        "interruptible": list(plan.interruptible),
    }


def _pool(pool: str, data: object, where: str) -> Pool:
    if not _POOL_ID.fullmatch(pool):
        raise PlanError(where, f"{_cut(pool)} is no pool id", "1 to 40 of a-z 0-9 _ -, not - or _ first")
    fields = _mapping(data, where, ("zh", "en", "home", "floor"))
    return Pool(
        id=pool,
        name_zh=_name(fields.get("zh", pool), f"{where}.zh"),
        name_en=_name(fields.get("en", pool), f"{where}.en"),
        home=_name(fields.get("home", ""), f"{where}.home"),
        floor=_whole(fields.get("floor", 0), f"{where}.floor"),
    )


def _route(province: str, data: object, where: str) -> Route:
    fields = _mapping(data, where, ("objective", "window", "rings", "hours", "overflow"))
    rings = _required(fields, "rings", where)
    if not isinstance(rings, list):
        raise PlanError(f"{where}.rings", f"is {yamlfile.shape(rings)}", "a list of {pool, after}")
    return Route(
        province=province,
        rings=tuple(_ring(ring, f"{where}.rings[{n}]") for n, ring in enumerate(rings, 1)),
        objective=_number(_required(fields, "objective", where), f"{where}.objective"),
        window=_number(fields.get("window", Route._field_defaults["window"]), f"{where}.window"),
        hours=_name(fields.get("hours", ""), f"{where}.hours"),
        overflow=overflows_from_json(fields.get("overflow", {}), f"{where}.overflow"),
    )


def _ring(data: object, where: str) -> RingStep:
    fields = _mapping(data, where, ("pool", "after"))
    pool = _name(_required(fields, "pool", where), f"{where}.pool")
    return RingStep(pool, _number(_required(fields, "after", where), f"{where}.after"))


def _skill(skill: str, data: object, where: str) -> Skill:
    if not _POOL_ID.fullmatch(skill):
        raise PlanError(where, f"{_cut(skill)} is no skill id", "1 to 40 of a-z 0-9 _ -, not - or _ first")
    fields = _mapping(data, where, ("zh", "en"))
    return Skill(
        skill,
        _name(fields.get("zh", skill), f"{where}.zh"),
        _name(fields.get("en", skill), f"{where}.en"),
    )


def _service(did: str, data: object, where: str) -> Service:
    if not _DID.fullmatch(did):
        raise PlanError(where, f"{_cut(did)} is no dialled number", "1 to 32 of 0-9 A-Z a-z + * #")
    needs = _required(_mapping(data, where, ("needs",)), "needs", where)
    if not isinstance(needs, list):
        raise PlanError(f"{where}.needs", f"is {yamlfile.shape(needs)}", "a list of {skill, level, until}")
    return Service(did, tuple(_need(need, f"{where}.needs[{n}]") for n, need in enumerate(needs, 1)))


def _need(data: object, where: str) -> Need:
    fields = _mapping(data, where, ("skill", "level", "until"))
    until = fields.get("until")
    return Need(
        _name(_required(fields, "skill", where), f"{where}.skill"),
        _whole(fields.get("level", 1), f"{where}.level"),
        None if until is None else _number(until, f"{where}.until"),
    )


def _class(name: str, data: object, where: str) -> int:
    if not _POOL_ID.fullmatch(name):
        raise PlanError(where, f"{_cut(name)} is no class", "1 to 40 of a-z 0-9 _ -, not - or _ first")
    return _whole(data, where)


def _names(data: object, where: str) -> tuple[str, ...]:
    if not isinstance(data, list):
        raise PlanError(where, f"is {yamlfile.shape(data)}", "a list of reason codes")
    return tuple(_name(each, f"{where}[{n}]") for n, each in enumerate(data, 1))


def _each(data: object, where: str, build: Callable[[str, object, str], T]) -> dict[str, T]:
    return {key: build(key, value, f"{where}.{_cut(key)}") for key, value in _mapping(data, where).items()}


def _mapping(data: object, where: str, keys: tuple[str, ...] | None = None) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise PlanError(where, f"is {yamlfile.shape(data)}", f"a mapping of {', '.join(keys or ('names',))}")
    for key in data:
        if keys is not None and key not in keys:
            at = key if where == "plan" else f"{where}.{key}"
            raise PlanError(_cut(str(at)), "is not a key here", ", ".join(keys))
    return data


def _required(fields: dict[str, Any], key: str, where: str) -> Any:
    if key not in fields:
        raise PlanError(key if where == "plan" else f"{where}.{key}", "is missing", "every plan has it")
    return fields[key]


def _like(default: float, value: object, where: str) -> Any:
    """A number of the same kind as the default: seconds may be fractions, counts may not."""
    return _whole(value, where) if isinstance(default, int) else _number(value, where)


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not _finite(value):
        raise PlanError(where, f"is {_cut(yamlfile.shape(value))}", "a number")
    return float(value)


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond any float
        return False


def _whole(value: object, where: str) -> int:
    number = _number(value, where)
    if number != int(number) or abs(number) > 2**31:
        raise PlanError(where, f"is {value}", "a whole number")
    return int(number)


def _name(value: object, where: str) -> str:
    if not isinstance(value, str) or len(value) > _MAX_NAME or not (value.isprintable()):
        raise PlanError(where, f"is {_cut(yamlfile.shape(value))}", f"text of at most {_MAX_NAME} characters")
    return value


def _cut(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
