"""An entry: the changes of one event as a numbered line of JSON, and back. Pure.

So an event waits for the database, in memory and in the spool: small, of plain values only, and readable by
people and by later versions of this program.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from seats.domain.events import Event
from seats.store.statements import ORDER, Changes, change

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, list[dict[str, object]]]).decode


def entry(number: int, event: Event) -> bytes:
    """The event's changes under its number, a line with its end.

    Raise what an event raises that is none, or holds what cannot be told in JSON.
    """
    out: Changes = defaultdict(list)
    change(event, out)
    return b"%d %s\n" % (number, _encode(out))


def number_of(line: bytes) -> int:
    """The entry's number. Raise ``ValueError`` for what is no entry."""
    return int(line.partition(b" ")[0])


def merged(lines: Iterable[bytes]) -> Changes:
    """All changes of a group. Raise ``ValueError`` for what is no entry, or one of a newer program."""
    result: Changes = {name: [] for name in ORDER}
    for line in lines:
        try:
            for name, rows in _decode(line.partition(b" ")[2]).items():
                result[name] += rows
        except (msgspec.DecodeError, KeyError) as error:
            raise ValueError(f"is no entry: {error}") from error
    return result
