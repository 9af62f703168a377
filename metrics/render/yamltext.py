"""YAML as people like to read it."""

from __future__ import annotations

from typing import Any

import yaml

HEADER = "# Made by `python -m metrics.generate` from metrics/definition. Change it there.\n"


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        """Write everything out."""
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def dump(data: Any, note: str = "") -> str:
    """A document with its header."""
    body = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    return HEADER + "".join(f"# {line}\n" for line in note.splitlines()) + body
