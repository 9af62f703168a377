"""The spool's files: what is in them, for how long, and what becomes of them on a disk that takes nothing."""

from __future__ import annotations

import os
import resource
import signal
import time
import uuid
from pathlib import Path
from unittest.mock import Mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seats.store import spool as spool_module
from seats.store.entries import entry, merged, number_of
from seats.store.spool import SEGMENT, Spool, left_in
from tests.contract.story import opened


def lines(first: int, last: int) -> list[bytes]:
    return [b"%d {}\n" % number for number in range(first, last + 1)]


def kept(folder: Path) -> list[int]:
    """The numbers that a restart would find, in its order."""
    found = [path for left in left_in(folder) for path in left.files]
    return [number_of(line) for path in found for line in path.read_bytes().splitlines()]


def test_an_entry_reads_back() -> None:
    line = entry(7, opened("pbx1:1"))
    assert (number_of(line), line.count(b"\n"), line[-1:]) == (7, 1, b"\n")
    changes = merged([line, entry(8, opened("pbx1:2"))])
    assert [row["id"] for row in changes["add_request"]] == ["pbx1:1", "pbx1:2"]
    assert [row["number"] for row in changes["add_request"]] == ["13871234567"] * 2
    assert [row["action"] for row in changes["add_audit"]] == ["request_opened"] * 2


@pytest.mark.parametrize("line", [b"", b"1", b'1 {"add_request":[{\n', b'1 {"of_later":[]}\n', b"1 []\n"])
def test_what_is_no_entry_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match="no entry"):
        merged([line])


def test_entries_stay_until_the_database_has_them(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    spool = Spool(folder)
    spool._append(3, b"".join(lines(1, 3)))
    spool._append(4, b"".join(lines(4, 4)))
    assert kept(folder) == [1, 2, 3, 4]
    spool._forget(3)
    assert kept(folder) == [1, 2, 3, 4], "a file is dropped whole"
    spool._forget(4)
    assert kept(folder) == []
    spool._append(5, b"".join(lines(5, 5)))
    assert kept(folder) == [5]


def test_nothing_is_left_once_all_is_written(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.start()
    spool.add(2, lines(1, 2))
    spool.drop(2)
    spool.close()
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_written_is_left(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.add(2, lines(1, 2))
    spool.start()
    spool.drop(1)
    spool.close()
    assert kept(tmp_path) == [1, 2]
    [left] = left_in(tmp_path)
    assert left.writer == spool.writer


def test_only_we_may_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "spool"
    spool = Spool(folder)
    spool._append(1, b"1 {}\n")
    [path] = folder.iterdir()
    assert (folder.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_always_there_is_what_the_database_lacks(data: st.DataObject, tmp_path: Path) -> None:
    """And no more of what it has than one file's worth, however it goes on."""
    folder = tmp_path / uuid.uuid4().hex
    spool = Spool(folder, segment=20)
    told = has = 0
    for _ in range(data.draw(st.integers(1, 30))):
        if data.draw(st.booleans()):
            new = data.draw(st.integers(1, 4))
            spool._append(told + new, b"".join(lines(told + 1, told + new)))
            told += new
        else:
            has = data.draw(st.integers(has, told))
            spool._forget(has)
        found = kept(folder)
        assert found == list(range(told - len(found) + 1, told + 1))
        assert told - has <= len(found) <= told - has + 8
    spool._forget(told)
    spool._end_file()
    assert kept(folder) == []


def test_a_file_is_ended_when_it_is_large(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool._append(1, b"1 " + b"x" * SEGMENT)
    spool._append(2, b"2 {}\n")
    assert len(list(tmp_path.iterdir())) == 2
    spool._forget(1)
    assert kept(tmp_path) == [2]


def test_a_disk_that_takes_nothing_is_told_and_tried_again(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    folder.write_text("in the way")
    spool = Spool(folder)
    spool._append(1, b"1 {}\n")
    spool._append(2, b"2 {}\n")
    assert "exists" in spool.error
    folder.unlink()
    spool._append(3, b"3 {}\n")
    assert (spool.error, kept(folder)) == ("", [3])
    spool._forget(3)
    assert kept(folder) == []


def test_a_disk_that_becomes_full_leaves_whole_entries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past the limit for a file a write is cut short, then refused: as with the last free block."""
    spool = Spool(tmp_path)
    monkeypatch.setattr(spool_module, "log", Mock())  # pytest's capture is a file as well
    before, ignored = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        spool._append(2, b"".join(lines(1, 2)))
        resource.setrlimit(resource.RLIMIT_FSIZE, (14, before[1]))
        spool._append(4, b"".join(lines(3, 4)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert spool.error == os.strerror(27)  # EFBIG
    spool._append(6, b"".join(lines(5, 6)))
    assert spool.error == ""
    torn, after = [path.read_bytes() for left in left_in(tmp_path) for path in left.files]
    assert torn == b"1 {}\n2 {}\n3 {}"[:14], "the end of a line that was never finished"
    assert after == b"5 {}\n6 {}\n"


def test_nothing_ends_the_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even a log that lies on the same full disk."""
    folder = tmp_path / "spool"
    folder.write_text("in the way")
    monkeypatch.setattr(spool_module, "log", Mock(error=Mock(side_effect=OSError("log: no space"))))
    spool = Spool(folder)
    spool.start()
    spool.add(1, lines(1, 1))
    while not spool.error:
        time.sleep(0.01)
    folder.unlink()
    spool.add(2, lines(2, 2))
    spool.close()
    assert (spool.error, kept(folder)) == ("", [2])


def test_the_thread_tells_when_it_begins(tmp_path: Path) -> None:
    told: list[str] = []
    spool = Spool(tmp_path, in_thread=lambda: told.append("begun"))
    spool.start()
    spool.close()
    assert told == ["begun"]
    spool.close()  # once more does nothing
    assert spool_module.left_in(tmp_path / "nowhere") == []
