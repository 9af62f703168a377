"""Which province a number prefix belongs to, as a table of one byte per mobile prefix of 7 digits.

Two packages know prefixes: phonenumbers (area codes, and mobile ranges up to about 2016) and phone (mobile
prefixes up to the end of 2023, so it wins where both speak). Imported, phonenumbers' data of the whole
world costs 100 MB; a short-lived child process (``python -m seats.prefixes``) does that and hands over
the 700 kB we need.
"""

from __future__ import annotations

import csv
import json
import re
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
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
_BY_EN = {p.en: p.code for p in PROVINCES}
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
        found = self._areas.get(code) or self._areas.get(code[:2])
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
    """The table of phonenumbers with the override file on top. Raise :class:`NumbersError`."""
    table = _from_child()
    for prefix, province in read_overrides(overrides) if overrides else ():
        table.override(prefix, province)
    return table


def read_overrides(path: Path) -> list[tuple[str, str]]:
    """Prefixes and province codes of an override file (YAML ``prefixes:`` or CSV), shortest prefix first."""
    rows = read_csv(path, "prefix") if path.suffix == ".csv" else _read_yaml(path)
    entries = []
    for where, prefix, province in rows:
        if not _PREFIX.fullmatch(prefix):
            raise NumbersError([Problem(where, "prefixes", f"{prefix[:40]!r} is no prefix", _PREFIX_ALLOWED)])
        entries.append((prefix, checked_province(where, prefix, province)))
    return sorted(entries, key=lambda entry: len(entry[0]))


def read_csv(path: Path, what: str) -> Iterator[tuple[str, str, str]]:
    """(place, first column, second column) of each line; a first line ``<what>,province`` is a heading."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for n, row in enumerate(csv.reader(file), 1):
                if not row or row[0].startswith("#") or (n == 1 and row[0].strip() == what):
                    continue
                if len(row) != 2:
                    problem = Problem(f"{path}:{n}", what, f"has {len(row)} columns", f"{what},province")
                    raise NumbersError([problem])
                yield f"{path}:{n}", row[0].strip(), row[1].strip()
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


# --- from phonenumbers ---------------------------------------------------------------------------


def _from_child() -> PrefixTable:
    command = [sys.executable, "-m", "seats.prefixes"]
    try:
        done = subprocess.run(command, capture_output=True, check=True, timeout=60)  # noqa: S603 - our own module
    except (OSError, subprocess.SubprocessError) as error:
        problem = Problem(
            "phonenumbers", "prefixes", f"cannot be loaded ({error})", "an installed phonenumbers"
        )
        raise NumbersError([problem]) from error
    areas, _, mobile = done.stdout.partition(b"\n")
    return PrefixTable(bytearray(mobile), json.loads(areas))


def build(geodata: Mapping[str, Mapping[str, str]]) -> tuple[bytearray, dict[str, str]]:
    """Mobile table and area codes from ``{E.164 prefix: {language: place}}``; longer prefixes win."""
    mobile = bytearray(MOBILE_LAST - MOBILE_FIRST + 1)
    areas: dict[str, str] = {}
    chinese = ((key[2:], names) for key, names in geodata.items() if key.startswith("86"))
    for prefix, names in sorted(chinese, key=lambda entry: len(entry[0])):
        province = _province_of(names)
        if not prefix.startswith("1") or prefix.startswith("10"):
            if len(prefix) <= 3:
                areas[prefix] = province
        elif 4 <= len(prefix) <= 7 and prefix >= "13":  # three digits are nation-wide: no province
            width = 10 ** (7 - len(prefix))
            first = int(prefix) * width - MOBILE_FIRST
            mobile[first : first + width] = bytes([_INDEX[province]]) * width
    return mobile, areas


def lay_phone_data(mobile: bytearray, data: bytes) -> None:
    """Lay the phone package's file over a mobile table: texts, then (prefix, text, operator) rows."""
    (first_row,) = struct.unpack_from("<i", data, 4)
    names: dict[int, int] = {}
    for prefix, at, _operator in struct.iter_unpack("<iiB", data[first_row:]):
        if at not in names:
            place = data[at : data.index(b"\0", at)].decode()
            names[at] = _INDEX[_province_of({"zh": place})]
        if MOBILE_FIRST <= prefix <= MOBILE_LAST:
            mobile[prefix - MOBILE_FIRST] = names[at]


def _province_of(names: Mapping[str, str]) -> str:
    if zh := names.get("zh"):
        return _BY_ZH.get(zh[:2], UNKNOWN)
    return _BY_EN.get(names.get("en", "").rpartition(", ")[2], UNKNOWN)


def _main() -> None:
    from phonenumbers.geodata import GEOCODE_DATA  # noqa: PLC0415 - 100 MB, wanted in the child only

    mobile, areas = build(GEOCODE_DATA)
    lay_phone_data(mobile, files("phone").joinpath("phone.dat").read_bytes())
    sys.stdout.buffer.write(json.dumps(areas).encode() + b"\n" + bytes(mobile))


if __name__ == "__main__":
    _main()
