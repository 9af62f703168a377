"""The steps of the dialplan pack: a Redirect that meets another step must not find one of another context there."""

from __future__ import annotations

import re
from itertools import combinations

from telephony.lab.conf import default_pack

WHERE_CALLERS_STAND = ("connect", "hold", "sound", "fallback", "goodbye", "say", "overflow", "words", "word")


def steps(context: str) -> set[int]:
    """Numbers of the steps of a context, but for the first of each place, which leads into its range."""
    text = (default_pack() / "extensions_seats.conf").read_text()
    lines = text.partition(f"\n[seats-{context}]\n")[2].partition("\n[")[0].splitlines()
    found, number = set(), 0
    for line in lines:
        if first := re.match(r"exten => [^,]+,(\d+)", line):
            number = int(first[1])
        elif line.startswith(" same => n"):
            number += 1
        else:
            continue
        found.add(number)
    return found


def test_no_two_contexts_share_a_step() -> None:
    known = {context: steps(context) - {1, 2} for context in WHERE_CALLERS_STAND}
    assert all(known.values())
    for (one, ours), (other, theirs) in combinations(known.items(), 2):
        assert not ours & theirs, f"{one} and {other}"


def test_the_ranges_are_those_that_the_pack_states() -> None:
    text = (default_pack() / "extensions_seats.conf").read_text()
    stated: dict[str, set[int]] = {}
    for context, first, last in re.findall(
        r"(\w+) (\d+)-(\d+)", text.partition("ranges of their own:")[2].partition("; what is")[0]
    ):
        stated.setdefault("hold" if context in ("and", "tell") else context, set()).update(
            range(int(first), int(last) + 1)
        )
    for context in WHERE_CALLERS_STAND:
        assert steps(context) - {1, 2} <= stated[context], context
