"""The compiled core: when it is made, what it is made of, and that it is the same as its sources."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import hatch_core
from hatch_build import BuildHook
from hatch_core import CoreBuildError

ADD = "def add(a: int, b: int) -> int:\n    return a + b\n"

needs_compiler = pytest.mark.skipif(bool(hatch_core.missing()), reason=hatch_core.missing() or "-")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A project whose core has one module that is compiled and one that is not."""
    core = tmp_path / "tree" / "seats" / "domain"
    core.mkdir(parents=True)
    (core.parent / "__init__.py").touch()
    (core.parent / "edge.py").write_text("WHERE = 'edge'\n")
    (core / "__init__.py").touch()
    (core / "native.py").write_text("KIND = 'python'\n")
    (core / "adder.py").write_text(
        "from seats.domain.native import KIND\n\ndef add(a: int, b: int) -> int:\n    return a + b\n"
    )
    return tmp_path / "tree"


@pytest.fixture
def old_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    monkeypatch.delenv("SEATS_COMPILE", raising=False)


def hook(root: Path, target: str = "wheel") -> BuildHook:
    return BuildHook(str(root), {}, None, None, "", target)  # type: ignore[arg-type]


@needs_compiler
def test_a_second_tree_with_a_compiled_core(tree: Path, tmp_path: Path) -> None:
    folder = tmp_path / "made"
    hatch_core.refresh(tree, folder)
    script = textwrap.dedent("""
        import sys
        from seats import edge
        from seats.domain import adder, native
        print(adder.add(2, 3), adder.KIND, edge.WHERE, adder.__file__.endswith(".so"), native.__file__.endswith(".py"))
    """)
    path = os.pathsep.join([str(folder), str(tree)])
    said = subprocess.run(
        [sys.executable, "-P", "-c", script],
        env={**os.environ, "PYTHONPATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.split() == ["5", "python", "edge", "True", "True"]

    made = (folder / "stamp").stat().st_mtime_ns
    hatch_core.refresh(tree, folder)
    assert (folder / "stamp").stat().st_mtime_ns == made, "nothing has changed"

    (tree / "seats" / "domain" / "adder.py").write_text(ADD.replace("-> int", "-> str"))
    with pytest.raises(CoreBuildError, match="Incompatible return value"):
        hatch_core.refresh(tree, folder)


@pytest.mark.usefixtures("old_machine")
def test_without_a_compiler_the_core_stays_python(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEATS_SKIP_UI", "1")
    assert hatch_core.missing() == "there is no C compiler (no-such-compiler)"
    assert hook(tree).dependencies() == []
    data = {"force_include": {}, "pure_python": True}
    hook(tree).initialize("standard", data)
    assert data == {"force_include": {}, "pure_python": True}


@pytest.mark.usefixtures("old_machine")
def test_who_insists_is_told_what_is_missing(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEATS_COMPILE", "1")
    with pytest.raises(SystemExit, match=r"^seats: there is no C compiler"):
        hook(tree).dependencies()


@needs_compiler
def test_wheels_are_compiled_and_working_trees_are_not(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEATS_COMPILE", raising=False)
    monkeypatch.setenv("SEATS_SKIP_UI", "1")
    assert hook(tree).dependencies() == list(hatch_core.NEEDS)
    assert hook(tree, "sdist").dependencies() == []
    made = [Path("seats", "domain", "adder.so")]
    monkeypatch.setattr(hatch_core, "compile_core", lambda root, work: made)
    data = {"force_include": {}, "pure_python": True, "infer_tag": False}
    hook(tree).initialize("editable", data)
    assert data == {"force_include": {}, "pure_python": True, "infer_tag": False}
    wheel = hook(tree)
    wheel.initialize("standard", data)
    assert list(data["force_include"].values()) == ["seats/domain/adder.so"]  # type: ignore[attr-defined]
    assert (data["pure_python"], data["infer_tag"]) == (False, True)
    wheel.finalize("standard", data, "")
