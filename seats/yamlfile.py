"""Reads YAML with what an error message needs: the line of every key, and no silent duplicates."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import yaml

from seats.errors import ConfigError, Problem


class Document(NamedTuple):
    """A YAML file: its plain data, and the line of each key path (``pbx[1].host``, lists count from 1)."""

    path: Path
    data: Any
    lines: dict[str, int]

    def where(self, key: str) -> str:
        """``file:line`` of a key, or of the nearest key above it that the file has."""
        while key and key not in self.lines:
            key = parent(key)
        return f"{self.path}:{self.lines[key]}" if key else str(self.path)


def parent(key: str) -> str:
    """The key path one level up; empty at the top."""
    cut = max(key.rfind("."), key.rfind("["))
    return key[:cut] if cut > 0 else ""


def read(path: Path) -> Document:
    """Read one YAML mapping. Raise :class:`ConfigError` if it is missing, malformed or has a key twice."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise _problem(str(path), "file", f"cannot be read ({error.strerror})", "a readable file") from error
    except UnicodeDecodeError as error:
        raise _problem(str(path), "file", f"is not UTF-8 (byte {error.start})", "UTF-8 text") from error
    try:
        # compose builds nodes only; the safe loader constructs no objects from tags
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        lines: dict[str, int] = {}
        data = {} if node is None else _build(loader, node, "", path, lines)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _problem(f"{path}:{line}", "file", f"is not YAML ({error.problem})", "YAML") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _problem(str(path), "file", "is not YAML", "a YAML mapping") from error
    if not isinstance(data, dict):
        raise _problem(str(path), "file", f"holds {shape(data)}", "a YAML mapping")
    return Document(path, data, lines)


def shape(value: object) -> str:
    """What kind of value this is, without showing its contents."""
    if isinstance(value, dict):
        return f"a mapping of {len(value)}"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}"
    return repr(value)


def _problem(where: str, key: str, what: str, allowed: str) -> ConfigError:
    return ConfigError([Problem(where, key, what, allowed)])


def _build(loader: yaml.SafeLoader, node: yaml.Node, key: str, path: Path, lines: dict[str, int]) -> Any:
    if isinstance(node, yaml.MappingNode):
        return _build_mapping(loader, node, key, path, lines)
    if isinstance(node, yaml.SequenceNode):
        items = []
        for n, child in enumerate(node.value, 1):
            at = f"{key}[{n}]"
            lines[at] = child.start_mark.line + 1
            items.append(_build(loader, child, at, path, lines))
        return items
    return loader.construct_object(node, deep=True)


def _build_mapping(
    loader: yaml.SafeLoader, node: yaml.MappingNode, key: str, path: Path, lines: dict[str, int]
) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name_node, child in node.value:
        name = str(name_node.value)
        at = f"{key}.{name}" if key else name
        line = name_node.start_mark.line + 1
        if not isinstance(name_node, yaml.ScalarNode):
            raise _problem(f"{path}:{line}", key or "file", "has a key that is not text", "text keys")
        if name in result:
            raise _problem(f"{path}:{line}", at, f"stands twice (first on line {lines[at]})", "each key once")
        lines[at] = line
        result[name] = _build(loader, child, at, path, lines)
    return result
