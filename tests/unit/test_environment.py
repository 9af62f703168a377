from __future__ import annotations

from pydantic import BaseModel

from seats.environment import overlay


class Node(BaseModel):
    host: str = ""
    port: int = 0


class Model(BaseModel):
    name: str = ""
    tags: tuple[str, ...] = ()
    nodes: tuple[Node, ...] = ()
    words: dict[str, str] = {}


def test_a_variable_overrides_one_key_and_leaves_the_others() -> None:
    data = {"name": "file", "nodes": [{"host": "a", "port": 1}, {"host": "b"}]}
    laid = overlay(data, {"X_NODES__1__HOST": "c", "X_NODES__2__HOST": "d", "Y_NAME": "no"}, "X_", Model)
    assert laid.data == {"name": "file", "nodes": [{"host": "a", "port": 1}, {"host": "c"}, {"host": "d"}]}
    assert laid.origins == {"nodes[2].host": "X_NODES__1__HOST", "nodes[3].host": "X_NODES__2__HOST"}
    assert not laid.problems
    assert data["nodes"] == [{"host": "a", "port": 1}, {"host": "b"}], "the file's data stays as it was"


def test_lists_are_split_at_commas_and_digits_may_be_names_in_a_mapping() -> None:
    laid = overlay({}, {"X_TAGS": "a, b,", "X_WORDS__955": "w"}, "X_", Model)
    assert laid.data == {"tags": ["a", "b"], "words": {"955": "w"}}


def test_ten_comes_after_nine() -> None:
    laid = overlay({}, {f"X_NODES__{n}__HOST": str(n) for n in range(12)}, "X_", Model)
    assert [node["host"] for node in laid.data["nodes"]] == [str(n) for n in range(12)]
    assert not laid.problems


def test_gaps_and_contradictions_are_told() -> None:
    env = {"X_NODES__3__HOST": "a", "X_NODES__FIRST__HOST": "b", "X_NAME": "n", "X_NAME__OTHER": "o"}
    told = {p.key: p for p in overlay({}, env, "X_", Model).problems}
    assert set(told) == {"X_NODES__3__HOST", "X_NODES__FIRST__HOST", "X_NAME__OTHER"}
    assert told["X_NODES__3__HOST"].allowed == "0 to 0"
