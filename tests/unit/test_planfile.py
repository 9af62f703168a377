from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seats.domain.errors import PlanError
from seats.domain.plan import Plan
from seats.domain.regions import PROVINCES, UNKNOWN
from seats.errors import PlanFileError
from seats.planfile import load_plan, plan_from_json, plan_to_json
from seats.settings import default_file

PLAN = load_plan(default_file("routing.yaml"))
DATA = plan_to_json(PLAN)


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    data = copy.deepcopy(DATA)
    change(data)
    return data


def test_the_shipped_plan() -> None:
    assert set(PLAN.routes) == {p.code for p in PROVINCES} | {UNKNOWN}
    hubei = PLAN.routes["hubei"]
    assert hubei.objective == 0.99
    assert [(r.pool, r.after) for r in hubei.rings] == [("hubei", 0), ("central", 5), ("nation", 10)]
    gansu = PLAN.routes["gansu"]
    assert [(r.pool, r.after) for r in gansu.rings] == [("gansu", 0), ("northwest", 8), ("nation", 20)]
    assert [(r.pool, r.after) for r in PLAN.routes[UNKNOWN].rings] == [("nation", 0)]
    assert PLAN.pools["hubei"].home == "hubei"
    assert (PLAN.ring_timeout, PLAN.wrap_up, PLAN.max_wait, PLAN.rest_after_misses) == (20, 30, 600, 3)


def test_json_and_back() -> None:
    assert plan_from_json(json.loads(json.dumps(DATA))) == PLAN


def test_every_field_of_a_plan_is_written_and_read() -> None:
    numbers = [name for name in Plan._fields if isinstance(getattr(PLAN, name), (int, float))]
    numbers.remove("version")
    text = default_file("routing.yaml").read_text(encoding="utf-8")
    for name in numbers:
        value = getattr(PLAN, name)
        other = value * 0.9 or 5.0 if isinstance(value, float) else value + (-1 if value == 1 else 1)
        changed_plan = PLAN._replace(**{name: other})
        assert plan_from_json(plan_to_json(changed_plan)) == changed_plan
        assert f"\n{name}: " in text, f"{name} is missing in routing.yaml"


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda d: d.pop("pools"), "pools"),
        (lambda d: d.pop("provinces"), "provinces"),
        (lambda d: d["provinces"].pop("hubei"), "provinces"),
        (lambda d: d["provinces"].update(mars={"objective": 0.5, "rings": []}), "provinces.mars"),
        (lambda d: d.update(extra=1), "extra"),
        (lambda d: d.update(version="1"), "version"),
        (lambda d: d.update(version=-1), "version"),
        (lambda d: d.update(ring_timeout=1.5), "ring_timeout"),
        (lambda d: d.update(ring_timeout=True), "ring_timeout"),
        (lambda d: d.update(ring_timeout=10**400), "ring_timeout"),
        (lambda d: d.update(wrap_up=float("nan")), "wrap_up"),
        (lambda d: d.update(wrap_up=None), "wrap_up"),
        (lambda d: d.update(max_wait=1e9), "max_wait"),
        (lambda d: d["pools"].update({"A B": {}}), "pools.A B"),
        (lambda d: d["pools"]["hubei"].update(floor=-1), "pools.hubei.floor"),
        (lambda d: d["pools"]["hubei"].update(zh="x" * 41), "pools.hubei.zh"),
        (lambda d: d["pools"]["hubei"].update(home="mars"), "pools.hubei.home"),
        (lambda d: d["pools"]["hubei"].update(flor=1), "pools.hubei.flor"),
        (lambda d: d["provinces"]["hubei"].update(objective="high"), "provinces.hubei.objective"),
        (lambda d: d["provinces"]["hubei"].update(objective=1.0), "provinces.hubei.objective"),
        (lambda d: d["provinces"]["hubei"].pop("objective"), "provinces.hubei.objective"),
        (lambda d: d["provinces"]["hubei"].update(rings={}), "provinces.hubei.rings"),
        (
            lambda d: d["provinces"]["hubei"]["rings"][1].update(pool="nowhere"),
            "provinces.hubei.rings[2].pool",
        ),
        (lambda d: d["provinces"]["hubei"]["rings"][1].update(pool=[]), "provinces.hubei.rings[2].pool"),
        (
            lambda d: d["provinces"]["hubei"]["rings"][1].update(after=float("nan")),
            "provinces.hubei.rings[2].after",
        ),
        (lambda d: d["provinces"]["hubei"]["rings"][2].update(after=1), "provinces.hubei.rings[3].after"),
        (lambda d: d["provinces"]["hubei"]["rings"][1].pop("after"), "provinces.hubei.rings[2].after"),
    ],
)
def test_what_is_refused_names_its_key(change: Callable[[dict[str, Any]], object], where: str) -> None:
    with pytest.raises(PlanError) as caught:
        plan_from_json(changed(change))
    assert caught.value.where == where
    assert caught.value.allowed


def test_a_file_is_refused_with_its_line(tmp_path: Path) -> None:
    text = default_file("routing.yaml").read_text(encoding="utf-8")
    lines = text.splitlines()
    line = next(n for n, t in enumerate(lines, 1) if t.startswith("  hubei: {objective"))
    lines[line - 1] = lines[line - 1].replace("pool: central", "pool: centre")
    path = tmp_path / "routing.yaml"
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(PlanFileError) as caught:
        load_plan(path)
    assert f"routing.yaml:{line}: provinces.hubei.rings[2].pool: unknown pool 'centre'" in str(caught.value)
    with pytest.raises(PlanFileError, match="cannot be read"):
        load_plan(tmp_path / "none.yaml")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["version", "pools", "provinces", "wrap_up", "rest_after_misses"])


@settings(max_examples=200)
@given(KEYS, st.sampled_from(["", "hubei"]), JSON)
def test_no_other_error_than_a_plan_error(key: str, below: str, value: object) -> None:
    data = copy.deepcopy(DATA)
    if below and isinstance(data[key], dict):
        data[key][below] = value
    else:
        data[key] = value
    try:
        plan = plan_from_json(data)
    except PlanError:
        return
    assert plan_from_json(plan_to_json(plan)) == plan
