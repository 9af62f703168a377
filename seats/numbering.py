"""Province of a caller, from what the call brings along.

In this order: dialled number or trunk, the caller's own choice, customer list, land-line area code,
mobile prefix. What cannot be told is ``unknown``: never a guess, never an exception.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from seats.domain.errors import PlanError
from seats.domain.regions import PROVINCES, UNKNOWN
from seats.domain.requests import Confidence, Origin
from seats.errors import NumbersError, Problem
from seats.prefixes import PrefixTable, checked_province, load_table, read_csv

_LONGEST = 40
_LINES_SHOWN = 5
_NUMBER = re.compile(r"[ ]*\+?[ (]*[0-9][0-9 ().\-]*", re.ASCII)
_SEPARATORS = str.maketrans("", "", " ().-+")
_MOBILE = re.compile(r"1[3-9][0-9]{9}", re.ASCII)
_NOBODY = Origin(UNKNOWN, "none", Confidence.NONE)
_ABROAD = {"852": ("hongkong", 8, 8), "853": ("macau", 8, 8), "886": ("taiwan", 8, 9)}
"""Country code → province, and how many digits follow it."""

_CHOICES: dict[str, str] = {
    **{p.code: p.code for p in PROVINCES},
    **{p.gb: p.code for p in PROVINCES},
    **{p.zh: p.code for p in PROVINCES},
}


class Parsed(NamedTuple):
    """A number in one spelling, and what it tells of the province (None: nothing)."""

    canonical: str
    origin: Origin | None


class Customer(NamedTuple):
    """What the customer list says of a number: a province, and a priority class or nothing."""

    province: str
    klass: str = ""


class Numbering:
    """Resolves callers to provinces. The maps' numbers may be written in any usual form."""

    def __init__(
        self,
        table: PrefixTable,
        dialled: Mapping[str, str] | None = None,
        trunks: Mapping[str, str] | None = None,
        customers: Mapping[str, Customer] | None = None,
    ) -> None:
        self._table = table
        self._dialled = {self.parse(n).canonical: p for n, p in (dialled or {}).items()}
        self._trunks = {name.casefold(): province for name, province in (trunks or {}).items()}
        self._customers = {self.parse(n).canonical: c for n, c in (customers or {}).items()}

    @classmethod
    def load(
        cls,
        overrides: Path | None = None,
        customers: Path | None = None,
        dialled: Mapping[str, str] | None = None,
        trunks: Mapping[str, str] | None = None,
        classes: Collection[str] = (),
    ) -> Numbering:
        """Read the tables (about a quarter of a second). Raise :class:`NumbersError`.

        ``classes`` are the priority classes there are.
        """
        listed = read_customers(customers, classes) if customers else None
        return cls(load_table(overrides), dialled, trunks, listed)

    def resolve(self, number: str, did: str = "", choice: str = "", trunk: str = "") -> Origin:
        """Province of the caller ``number`` who dialled ``did`` over ``trunk`` and chose ``choice``.

        A choice (IVR) is a province code, a GB/T 2260 code of two digits or a Chinese name. The class comes
        from the customer list, wherever the province comes from. Never raises.
        """
        parsed = self.parse(number) if self._customers else None
        customer = self._customers.get(parsed.canonical) if parsed and parsed.canonical else None
        klass = customer.klass if customer else ""
        if province := self._of_door(did, trunk):
            return Origin(province, "trunk", Confidence.CERTAIN, klass)
        if province := _CHOICES.get(choice.strip().lower()) if choice and len(choice) <= _LONGEST else None:
            return Origin(province, "ivr", Confidence.CERTAIN, klass)
        if customer:
            return Origin(customer.province, "customer", Confidence.CERTAIN, klass)
        return (parsed or self.parse(number)).origin or _NOBODY

    def parse(self, number: str) -> Parsed:
        """One spelling for a number, however a trunk writes it, with its province.

        Mobile: 11 digits; land line: with its 0; abroad: with +; anything else that has digits: the digits.
        """
        if len(number) > _LONGEST or not _NUMBER.fullmatch(number):
            return Parsed("", None)
        digits = number.translate(_SEPARATORS)
        if number.lstrip().startswith("+"):
            return self._international(digits)
        if digits.startswith("00"):
            return self._international(digits[2:])
        if digits.startswith("0"):
            return self._mainland(digits[1:], 3) or Parsed(digits, None)
        return self._bare(digits)

    def _of_door(self, did: str, trunk: str) -> str | None:
        if self._dialled and did and (province := self._dialled.get(self.parse(did).canonical)):
            return province
        return self._trunks.get(trunk.casefold()) if self._trunks and trunk else None

    def _international(self, digits: str) -> Parsed:
        if digits.startswith("86"):
            national = digits[2:].removeprefix("0")
            return self._mainland(national, 3) or Parsed(f"+{digits}", None)
        return _abroad(digits, Confidence.CERTAIN) or Parsed(f"+{digits}", None)

    def _bare(self, digits: str) -> Parsed:
        """A number without any prefix that says how to read it."""
        if _MOBILE.fullmatch(digits):
            return self._mobile(digits)
        if digits.startswith("86") and len(digits) >= 12:
            return self._mainland(digits[2:], 7) or Parsed(digits, None)
        if abroad := _abroad(digits, Confidence.LIKELY):
            return abroad
        # 95… and 96… without a 0 are companies' nation-wide numbers, not the area codes of Ningxia
        if not digits.startswith(("95", "96")) and (line := self._mainland(digits, 7)):
            return line
        return Parsed(digits, None)

    def _mainland(self, national: str, shortest: int) -> Parsed | None:
        """A national number without its 0: mobile, or area code and at least ``shortest`` digits."""
        if _MOBILE.fullmatch(national):
            return self._mobile(national)
        area = self._table.area(national)
        if area is None or not shortest <= len(national) - len(area[0]) <= 8:
            return None
        found = area[1]
        source = "override" if found.overridden else "area_code"
        return Parsed(f"0{national}", _origin(found.province, source, Confidence.CERTAIN))

    def _mobile(self, national: str) -> Parsed:
        found = self._table.mobile(national)
        source = "override" if found.overridden else "mobile_prefix"
        return Parsed(national, _origin(found.province, source, Confidence.LIKELY))


def read_customers(path: Path, classes: Collection[str] = ()) -> dict[str, Customer]:
    """Customers by number, from a CSV file of number, province and, if wanted, a class of ``classes``.

    Raise :class:`NumbersError`.
    """
    result = {}
    for where, number, province, klass in read_csv(path, "number", "class"):
        if not number or len(number) > _LONGEST or not _NUMBER.fullmatch(number):
            raise NumbersError(
                [Problem(where, "number", "is not a phone number", "digits, spaces, + ( ) - .")]
            )
        if klass and klass not in classes:
            allowed = f"{', '.join(sorted(classes)) or 'none: the routing has no classes'}, or nothing"
            raise NumbersError([Problem(where, "class", f"unknown class {klass[:40]!r}", allowed)])
        result[number] = Customer(checked_province(where, "province", province), klass)
    return result


def check_classes(path: Path, classes: Collection[str]) -> None:
    """Check that routing has every class that a customer list gives. Raise :class:`PlanError` with the lines.

    Blocking. A list that cannot be read stops the next start whatever the routing says, and is not judged here.
    """
    uses: dict[str, list[str]] = {}
    with suppress(NumbersError):
        for where, _, _, klass in read_csv(path, "number", "class"):
            if klass and klass not in classes:
                uses.setdefault(klass, []).append(where.rpartition(":")[2])
    if not uses:
        return
    klass, lines = next(iter(uses.items()))
    some = ", ".join(lines[:_LINES_SHOWN]) + (" …" if len(lines) > _LINES_SHOWN else "")
    what = f"{klass[:40]!r} is gone, but {len(lines)} customers of {path} have it (lines {some})"
    raise PlanError("classes", what, "keep the class, or change the customer list first")


def _abroad(digits: str, confidence: Confidence) -> Parsed | None:
    province, shortest, longest = _ABROAD.get(digits[:3], ("", 0, 0))
    if not province or not shortest <= len(digits) - 3 <= longest:
        return None
    return Parsed(f"+{digits}", Origin(province, "area_code", confidence))


def _origin(province: str, source: str, confidence: Confidence) -> Origin | None:
    return None if province == UNKNOWN else Origin(province, source, confidence)
