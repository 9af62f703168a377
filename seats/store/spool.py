"""What the database does not have yet, on this machine's own disk: a killed service loses nothing it heard.

Entries are appended to a file by a thread of its own as soon as they are told, and dropped once the database
has them. They are left to the system's cache, which outlives the process, not the machine's loss of power.
What a killed service left, the next one writes to the ledger before it takes anything up: each entry once,
since the database keeps the number of the last entry that it has of every writer. A file of a writer that the
database does not know is another database's, and is left alone.

A disk that takes nothing is told and tried again with the next entries; meanwhile what is lost with the
service is completed from the PBX's record, as far as that goes.
"""

from __future__ import annotations

import os
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import NamedTuple

import structlog

log = structlog.get_logger(__name__)

SEGMENT = 1 << 20
"""Bytes after which a new file is begun, so that old ones can be dropped while there is always something new."""
SUFFIX = ".entries"


class _Entries(NamedTuple):
    last: int
    lines: Sequence[bytes]


class _Dropped(NamedTuple):
    last: int


class Spool:
    """The files of one writer in a folder. ``add`` and ``drop`` never wait; ``start`` … ``close``.

    ``in_thread`` is called in the thread that writes.
    """

    def __init__(
        self,
        folder: Path,
        *,
        segment: int = SEGMENT,
        in_thread: Callable[[], object] | None = None,
    ) -> None:
        self.writer = uuid.uuid4().hex
        self._folder, self._segment, self._in_thread = folder, segment, in_thread
        self._orders: SimpleQueue[_Entries | _Dropped | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._file: int | None = None
        self._path = folder
        self._size = 0
        self._last = 0
        self._full: deque[tuple[int, Path]] = deque()
        """Files that are not written any more, each with the number of its last entry."""
        self._serial = 0
        self.error = ""
        """Why the last attempt to write failed; empty once one succeeds."""

    def start(self) -> None:
        """Begin to write; what was added before comes first."""
        self._thread = Thread(target=self._run, name="spool", daemon=True)
        self._thread.start()

    def add(self, last: int, lines: Sequence[bytes]) -> None:
        """Keep entries, of which ``last`` is the last one's number."""
        self._orders.put(_Entries(last, lines))

    def drop(self, last: int) -> None:
        """The database has every entry up to the one of this number."""
        self._orders.put(_Dropped(last))

    def close(self) -> None:
        """End after all that was ordered. Files remain if the database does not have all of it."""
        if self._thread is not None:
            self._orders.put(None)
            self._thread.join()
            self._thread = None

    # --- the thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        if self._in_thread is not None:
            self._in_thread()
        while (order := self._orders.get()) is not None:
            try:
                if type(order) is _Entries:
                    self._append(order.last, b"".join(order.lines))
                else:
                    self._forget(order.last)
            except Exception as error:  # the log may lie on the same full disk: nothing ends this thread
                self.error = str(error)
        self._end_file()

    def _append(self, last: int, data: bytes) -> None:
        try:
            _write(self._open_file(), data)
        except OSError as error:
            if not self.error:
                log.error("spool_not_written", folder=str(self._folder), error=error.strerror)
            self.error = error.strerror or str(error)
            self._end_file()
            return
        if self.error:
            log.info("spool_written_again", folder=str(self._folder))
        self.error = ""
        self._last = last
        self._size += len(data)
        if self._size >= self._segment:
            self._end_file()

    def _open_file(self) -> int:
        """The file at hand, or a new one."""
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # entries hold phone numbers
            self._serial += 1
            self._path = self._folder / f"{self.writer}-{self._serial:06d}{SUFFIX}"
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            self._size = 0
        return self._file

    def _end_file(self) -> None:
        """Write no more to the file at hand, and let it go if nothing is in it."""
        if self._file is None:
            return
        with suppress(OSError):
            os.close(self._file)
        self._file = None
        if self._size:
            self._full.append((self._last, self._path))
        else:
            _remove(self._path)

    def _forget(self, last: int) -> None:
        while self._full and self._full[0][0] <= last:
            _remove(self._full.popleft()[1])
        if self._file is not None and self._size and self._last <= last:
            with suppress(OSError):
                os.ftruncate(self._file, 0)
                self._size = 0


class Left(NamedTuple):
    """What one writer left in a folder."""

    writer: str
    files: tuple[Path, ...]


def left_in(folder: Path) -> list[Left]:
    """Every writer that left files, the oldest first. Raise ``OSError``."""
    found: dict[str, list[Path]] = {}
    if folder.is_dir():
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            found.setdefault(path.name.rpartition("-")[0], []).append(path)
    all_of_them = [Left(writer, tuple(files)) for writer, files in found.items()]
    return sorted(all_of_them, key=lambda left: left.files[0].stat().st_mtime)


def _write(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
