"""Recorded callers and rosters from CSV files; what is wrong is named by file, line and key."""

from __future__ import annotations

import csv
import math
import random
from collections import Counter
from collections.abc import Callable, Container, Iterator
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import NamedTuple, TypeVar

from seats.domain.plan import Plan
from seats.domain.regions import BY_CODE, PROVINCES
from seats.simulation.callers import Caller, Habits, draw_ringing
from seats.simulation.scenario import Crew, Scenario, first_of

CALLER_COLUMNS = ("time", "province", "patience", "handling")
AGENT_COLUMNS = ("agent", "province", "pools")
_BY_NAME = {p.zh: p.code for p in PROVINCES}
_SHOWN = 20
_DAY = 86400.0
_LONGEST = 7 * _DAY

T = TypeVar("T")


class RecordError(Exception):
    """Files that cannot be used; each line says file, line, key, what is wrong and what is allowed."""


class Recorded(NamedTuple):
    """Callers as they were recorded; the seed only says what the agents' phones do."""

    callers: tuple[Caller, ...]
    seconds: float
    habits: Habits

    @property
    def handling(self) -> dict[str, float]:
        """Not known: empty."""
        return {}

    def day(self, seed: int) -> Iterator[Caller]:
        """The callers in order of arrival."""
        rng = random.Random(seed)  # noqa: S311 - a simulation wants repeatable numbers
        for caller in self.callers:
            yield caller._replace(ringing=draw_ringing(rng, self.habits))


def recorded(
    plan: Plan, callers: Path, agents: Path, *, answer: float = 0.0, misses: float = 0.0
) -> Scenario:
    """A scenario of recorded callers, a roster and a routing plan. Raise :class:`RecordError`."""
    rows = read_callers(callers, plan)
    crews = read_agents(agents, plan)
    start = rows[0].at
    shifted = tuple(row._replace(n=n, at=row.at - start) for n, row in enumerate(rows))
    source = Recorded(shifted, max(shifted[-1].at, 1.0), Habits({}, {}, answer, misses))
    return Scenario(callers.name, plan, crews, source, priority=first_of(plan))


def read_callers(path: Path, plan: Plan) -> list[Caller]:
    """Callers in order of time. ``time`` is Unix seconds or ISO 8601; patience and handling are seconds."""
    sheet = _Sheet(path, CALLER_COLUMNS, needed=4)
    rows = []
    for line, row in sheet.rows():
        at = sheet.cell(line, row, "time", _time, "Unix seconds or ISO 8601 such as 2020-02-10T09:00:00")
        province = sheet.cell(
            line, row, "province", _province(plan.routes), "a province code or its Chinese name"
        )
        patience = sheet.cell(line, row, "patience", _seconds, "seconds, 0 to 604800")
        handling = sheet.cell(line, row, "handling", _seconds, "seconds, 0 to 604800")
        if at is not None and province is not None and patience is not None and handling is not None:
            rows.append(Caller(line, at, province, patience, handling))
    sheet.done("callers")
    rows.sort(key=lambda caller: caller.at)
    if rows[-1].at - rows[0].at > 31 * _DAY:
        raise RecordError(f"{path}: time: spans more than 31 days; allowed: at most 31 days in one file")
    return rows


def read_agents(path: Path, plan: Plan) -> tuple[Crew, ...]:
    """Agents as crews of those who are alike. ``pools`` are separated by ``;``; default: by province."""
    sheet = _Sheet(path, AGENT_COLUMNS, needed=2)
    crews: Counter[tuple[str, tuple[str, ...]]] = Counter()
    seen: set[str] = set()

    def name(text: str) -> str:
        if text in seen:
            raise ValueError(f"{text!r} stands here twice")
        seen.add(text)
        return text

    for line, row in sheet.rows():
        agent = sheet.cell(line, row, "agent", name, "each agent once")
        home = sheet.cell(line, row, "province", _province(BY_CODE), "a province code or its Chinese name")
        if agent is None or home is None:
            continue
        if row.get("pools"):
            pools = sheet.cell(
                line, row, "pools", _pools(plan), f"pools of the plan: {', '.join(plan.pools)}"
            )
        else:
            own = (home, BY_CODE[home].region, "nation")
            pools = tuple(pool for pool in own if pool in plan.pools)
        if pools is not None:
            crews[home, pools] += 1
    sheet.done("agents")
    return tuple(
        Crew(f"{home}:{'+'.join(pools)}", home, pools, (count,)) for (home, pools), count in crews.items()
    )


class _Sheet:
    """A CSV file being read, with what is wrong in it."""

    def __init__(self, path: Path, columns: tuple[str, ...], needed: int) -> None:
        self.path = path
        self.columns = columns
        self.problems: list[str] = []
        self.good = 0
        self.reader = csv.reader(StringIO(_text(path)), strict=True)
        self.header = [column.strip() for column in self._next() or []]
        self._check_header(needed)

    def rows(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Line number and cells of every row that has all its cells."""
        while (row := self._next()) is not None:
            line = self.reader.line_num
            if len(row) == len(self.header):
                self.good += 1
                yield line, {key: cell.strip() for key, cell in zip(self.header, row, strict=True)}
            else:
                what = "is empty" if not any(row) else f"has {len(row)} cells"
                self.wrong(line, "row", what, f"{len(self.header)} cells: {','.join(self.header)}")

    def cell(
        self, line: int, row: dict[str, str], key: str, read: Callable[[str], T], allowed: str
    ) -> T | None:
        """One cell's value; None, and a problem noted, if it is empty or wrong."""
        try:
            if not row[key]:
                raise ValueError("is empty")
            return read(row[key])
        except ValueError as error:
            self.wrong(line, key, str(error), allowed)
            return None

    def wrong(self, line: int, key: str, what: str, allowed: str) -> None:
        """Note a problem."""
        self.problems.append(f"{self.path}:{line}: {key}: {what}; allowed: {allowed}")

    def done(self, what: str) -> None:
        """Raise :class:`RecordError` if anything was wrong, or nothing was there."""
        if self.problems:
            more = len(self.problems) - _SHOWN
            rest = [f"{self.path}: and {more} more"] if more > 0 else []
            raise RecordError("\n".join(self.problems[:_SHOWN] + rest))
        if not self.good:
            raise RecordError(f"{self.path}: file: has no {what}; allowed: at least one row below the header")

    def _next(self) -> list[str] | None:
        try:
            return next(self.reader, None)
        except csv.Error as error:
            line = self.reader.line_num
            raise RecordError(
                f"{self.path}:{line}: row: is not CSV ({error}); allowed: CSV, RFC 4180"
            ) from error

    def _check_header(self, needed: int) -> None:
        wanted = self.columns[:needed]
        unknown = [c for c in self.header if c not in self.columns]
        missing = [c for c in wanted if c not in self.header]
        double = [c for c, n in Counter(self.header).items() if n > 1]
        for columns, what in (
            (unknown, "is no column here"),
            (missing, "is missing"),
            (double, "comes twice"),
        ):
            if columns:
                allowed = f"a header of {','.join(self.columns)}"
                raise RecordError(f"{self.path}:1: {columns[0] or 'column'}: {what}; allowed: {allowed}")


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise RecordError(
            f"{path}: file: cannot be read ({error.strerror}); allowed: a readable file"
        ) from error
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        what = f"is not UTF-8 (byte {error.start}); allowed: UTF-8 text, with or without BOM"
        raise RecordError(f"{path}:{line}: file: {what}") from error


def _time(text: str) -> float:
    try:
        at = float(text)
    except ValueError:
        try:
            at = datetime.fromisoformat(text).timestamp()
        except ValueError:
            raise ValueError(f"{_cut(text)} is no time") from None
    return _positive(at, text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise ValueError(f"{_cut(text)} is no number") from None
    if seconds > _LONGEST:
        raise ValueError(f"{_cut(text)} is more than a week")
    return _positive(seconds, text)


def _positive(number: float, text: str) -> float:
    if not math.isfinite(number):
        raise ValueError(f"{_cut(text)} is no number")
    if number < 0.0:
        raise ValueError(f"{_cut(text)} is negative")
    return number


def _province(known: Container[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        code = _BY_NAME.get(text, text)
        if code not in known:
            raise ValueError(f"{_cut(text)} does not exist")
        return code

    return read


def _pools(plan: Plan) -> Callable[[str], tuple[str, ...]]:
    def read(text: str) -> tuple[str, ...]:
        names = tuple(name.strip() for name in text.split(";") if name.strip())
        for name in names:
            if name not in plan.pools:
                raise ValueError(f"unknown pool {_cut(name)}")
        return names

    return read


def _cut(text: str) -> str:
    shown = text if len(text) <= 40 else f"{text[:39]}…"
    return repr(shown)
