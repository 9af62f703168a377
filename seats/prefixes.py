"""Which province a number prefix belongs to: one byte per mobile prefix of 7 digits, and the area codes.

The facts come from the package phone (all prefixes given out until the end of 2023, with the area code of
each). phonenumbers, the usual source, agrees where it speaks but knows a third fewer, none of the ranges
166 to 199 among them, and costs 100 MB of memory once its data of the whole world is imported.
"""

from __future__ import annotations

import csv
import re
import struct
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from seats import yamlfile
from seats.domain.regions import BY_CODE, PROVINCES, UNKNOWN
from seats.errors import ConfigError, NumbersError, Problem

MOBILE_FIRST, MOBILE_LAST = 1_300_000, 1_999_999
OVERRIDDEN = 0x80
"""Set on a byte of the mobile table that the override table wrote."""

_CODES = (UNKNOWN, *(p.code for p in PROVINCES))
_INDEX = {code: n for n, code in enumerate(_CODES)}
_BY_ZH = {p.zh[:2]: p.code for p in PROVINCES}  # two characters tell all provinces apart
_PREFIX = re.compile(r"1[3-9][0-9]{1,5}|0[1-9][0-9]{1,6}")
_PREFIX_ALLOWED = "3 to 7 digits of a mobile number, or a land-line area code with its 0"


class Found(NamedTuple):
    """A province, and whether the override table says so."""

    province: str
    overridden: bool


class PrefixTable:
    """Provinces of mobile prefixes (one byte each) and of area codes (without their 0)."""

    def __init__(self, mobile: bytearray, areas: dict[str, str]) -> None:
        if len(mobile) != MOBILE_LAST - MOBILE_FIRST + 1:
            raise ValueError(f"{len(mobile)} bytes; allowed: {MOBILE_LAST - MOBILE_FIRST + 1}")
        self._mobile = mobile
        self._areas: dict[str, Found] = {a: Found(p, False) for a, p in areas.items()}

    def mobile(self, national: str) -> Found:
        """Province of a mobile number of 11 digits, ``unknown`` if its prefix is not in the table."""
        value = self._mobile[int(national[:7]) - MOBILE_FIRST]
        return Found(_CODES[value & ~OVERRIDDEN], value >= OVERRIDDEN)

    def area(self, national: str) -> tuple[str, Found] | None:
        """Area code and province of a land-line number, both without the 0; None: no such area."""
        size = 2 if national.startswith(("10", "2")) else 3
        code = national[:size]
        found = self._areas.get(code)
        return (code, found) if found else None

    def override(self, prefix: str, province: str) -> None:
        """Let a prefix (see the override table) stand for a province, or for ``unknown``."""
        if prefix.startswith("0"):
            self._areas[prefix[1:]] = Found(province, True)
            return
        width = 10 ** (7 - len(prefix))
        first = int(prefix) * width - MOBILE_FIRST
        self._mobile[first : first + width] = bytes([_INDEX[province] | OVERRIDDEN]) * width

    def coverage(self) -> dict[str, float]:
        """Share (0–1) of the 7-digit prefixes under each 3-digit one whose province is known."""
        result = {}
        for head in range(130, 200):
            block = self._mobile[(head - 130) * 10_000 : (head - 129) * 10_000]
            result[str(head)] = 1 - sum(block.count(v) for v in (0, OVERRIDDEN)) / len(block)
        return result


def load_table(overrides: Path | None = None) -> PrefixTable:
    """The package's table with the override file on top. Raise :class:`NumbersError`."""
    table = _from_package()
    for prefix, province in read_overrides(overrides) if overrides else ():
        table.override(prefix, province)
    return table


def read_overrides(path: Path) -> list[tuple[str, str]]:
    """Prefixes and province codes of an override file (YAML ``prefixes:`` or CSV), shortest prefix first."""
    csv_rows = (row[:3] for row in read_csv(path, "prefix"))
    rows = csv_rows if path.suffix == ".csv" else _read_yaml(path)
    entries = []
    for where, prefix, province in rows:
        if not _PREFIX.fullmatch(prefix):
            raise NumbersError([Problem(where, "prefixes", f"{prefix[:40]!r} is no prefix", _PREFIX_ALLOWED)])
        entries.append((prefix, checked_province(where, prefix, province)))
    return sorted(entries, key=lambda entry: len(entry[0]))


def read_csv(path: Path, what: str, more: str = "") -> Iterator[tuple[str, str, str, str]]:
    """(place, first column, second, third) of each line; a first line ``<what>,province`` is a heading.

    There may be a third column only if there is a name for it, ``more``; missing, it is empty.
    """
    shape = f"{what},province" + (f" or {what},province,{more}" if more else "")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for n, row in enumerate(csv.reader(file), 1):
                if not row or row[0].startswith("#") or (n == 1 and row[0].strip() == what):
                    continue
                if len(row) != 2 and not (more and len(row) == 3):
                    raise NumbersError([Problem(f"{path}:{n}", what, f"has {len(row)} columns", shape)])
                yield f"{path}:{n}", row[0].strip(), row[1].strip(), row[2].strip() if row[2:] else ""
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise NumbersError(
            [Problem(str(path), what, f"cannot be read ({error})", "a UTF-8 CSV file")]
        ) from error


def checked_province(where: str, key: str, province: str) -> str:
    """The province code, if it is one. Raise :class:`NumbersError`."""
    if province not in _INDEX:
        allowed = f"a province code: {', '.join((*BY_CODE, UNKNOWN))}"
        raise NumbersError([Problem(where, key, f"{province[:40]!r} is not a province code", allowed)])
    return province


def _read_yaml(path: Path) -> Iterator[tuple[str, str, str]]:
    try:
        document = yamlfile.read(path)
    except ConfigError as error:
        raise NumbersError(error.problems) from error
    entries = document.data.get("prefixes") or {}
    if set(document.data) != {"prefixes"} or not isinstance(entries, dict):
        raise NumbersError([Problem(str(path), "file", "has other keys", "prefixes: {prefix: province}")])
    for prefix, province in entries.items():
        yield document.where(f"prefixes.{prefix}"), prefix, str(province)


# --- the package's data ---------------------------------------------------------------------------


def build(data: bytes) -> PrefixTable:
    """The table of the phone package's file: a head, places as text, then (prefix, place, operator) rows."""
    (first_row,) = struct.unpack_from("<i", data, 4)
    places, areas = _places(data, first_row)
    mobile = bytearray(MOBILE_LAST - MOBILE_FIRST + 1)
    for prefix, place, _operator in struct.iter_unpack("<iiB", data[first_row:]):
        if MOBILE_FIRST <= prefix <= MOBILE_LAST:
            mobile[prefix - MOBILE_FIRST] = places[place]
    return PrefixTable(mobile, areas)


def _places(data: bytes, end: int) -> tuple[dict[int, int], dict[str, str]]:
    """Province numbers by place, provinces by area code; a place is ``湖北|武汉|430000|027``."""
    places: dict[int, int] = {}
    areas: dict[str, str] = {}
    at = 8
    while at < end:
        stop = data.index(b"\0", at)
        province, _city, _post_code, area = data[at:stop].decode().split("|")
        code = _BY_ZH[province[:2]]
        places[at] = _INDEX[code]
        areas[area.lstrip("0")] = code
        at = stop + 1
    return places, areas


def _from_package() -> PrefixTable:
    try:
        return build(files("phone").joinpath("phone.dat").read_bytes())
    except (ImportError, OSError, ValueError, LookupError, struct.error) as error:
        allowed = "the package phone, version 0.4.5"
        raise NumbersError(
            [Problem("prefix data", "phone.dat", f"cannot be read ({error!r})", allowed)]
        ) from error
