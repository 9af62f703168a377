"""The two READMEs say the same: same commands, figures and pictures; and what they point at is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENGLISH, CHINESE = (ROOT / name for name in ("README.md", "README.zh-CN.md"))


def parts(file: Path, pattern: str) -> list[str]:
    return re.findall(pattern, file.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    "pattern",
    [r"^```\n.*?^```", r"^!\[.*?\]\((.*?)\)", r"^(#+) ", r"^\|(?: *[-0-9.]+ *\|)+$", r"\d[\d,.]*\d"],
)
def test_both_have_the_same_blocks_in_the_same_order(pattern: str) -> None:
    assert parts(ENGLISH, pattern) == parts(CHINESE, pattern)


def test_both_name_the_same_things() -> None:
    named = [set(parts(file, r"`([^`\n]+)`")) for file in (ENGLISH, CHINESE)]
    assert named[0] == named[1]


@pytest.mark.parametrize("file", [ENGLISH, CHINESE])
def test_what_is_pointed_at_is_there(file: Path) -> None:
    missing = [to for to in parts(file, r"\]\(([^)#:]+)\)") if not (ROOT / to).exists()]
    assert missing == []
