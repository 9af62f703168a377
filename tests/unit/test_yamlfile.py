from __future__ import annotations

from pathlib import Path

import pytest

from seats import yamlfile
from seats.errors import ConfigError


def write(folder: Path, text: str) -> Path:
    path = folder / "x.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_data_and_the_line_of_every_key(tmp_path: Path) -> None:
    path = write(tmp_path, "a: 1\nb:\n  - {c: x}\n  - c: y\n")
    document = yamlfile.read(path)
    assert document.data == {"a": 1, "b": [{"c": "x"}, {"c": "y"}]}
    assert document.where("b[2].c") == f"{path}:4"
    assert document.where("b[1].nothing") == f"{path}:3"
    assert document.where("nothing") == str(path)


def test_empty_file_is_an_empty_mapping(tmp_path: Path) -> None:
    assert yamlfile.read(write(tmp_path, "# nothing\n")).data == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\na: 2\n", "x.yaml:2: a: stands twice (first on line 1)"),
        ("a: [1\n", "is not YAML"),
        ("- a\n", "holds a list of 1; allowed: a YAML mapping"),
        ("a: !!python/name:os.getcwd ''\n", "is not YAML"),
        ("? [a]\n: 1\n", "has a key that is not text"),
        ("a: &a [*a]\n", "is not YAML"),
        ("a: 2020-99-99\n", "is not YAML"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        yamlfile.read(write(tmp_path, text))
    assert said in str(caught.value)


def test_a_missing_file_and_bytes_that_are_no_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        yamlfile.read(tmp_path / "none.yaml")
    (tmp_path / "b.yaml").write_bytes(b"a: \xff\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        yamlfile.read(tmp_path / "b.yaml")
