"""What agents' phones showed: was one ever rung for two callers, or by an offer that was over?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from telephony.lab.agents import Ring
from tests.chaos.storm import Span

FALLBACK = "fallback"
"""The name that the PBX's own queue shows in place of an offer."""
AT_ONCE = 0.1
"""Seconds between the ring of the fallback and ours in which neither could know of the other."""
CROSSING = 0.1
"""Seconds by which the PBX may end a ring after it began the next: it sends the two from different threads."""
_OVER = ("cancel", "bye", "hangup")
_ENDED_BY_PBX = ("cancel", "bye")


class Pair(NamedTuple):
    """A phone that had something live when it was rung again.

    ``ended``: when the PBX ended the first, or was killed and could not any more (Unix seconds; inf: never).
    """

    one: Ring
    two: Ring
    ended: float

    @property
    def crossed(self) -> bool:
        """The first was over but for the way to the phone."""
        return self.ended - self.two.at < CROSSING

    @property
    def met(self) -> bool:
        """The fallback and the service rang before either could know of the other."""
        return FALLBACK in (self.one.offer, self.two.offer) and self.two.at - self.one.at < AT_ONCE

    def __str__(self) -> str:
        one, two = self.one, self.two
        return (
            f"{two.address} is rung at {two.at:.3f} for {two.shown} (offer {two.offer}) and has {one.what} for "
            f"{one.shown} (offer {one.offer}) since {one.at:.3f}, ended {self.ended:.3f}"
        )


def is_ours(ring: Ring) -> bool:
    """Whether an offer of the service rang, ``<term>x<number>``."""
    return "x" in ring.offer


def rung_in_order(rings: Sequence[Ring]) -> Iterator[str]:
    """I6: an offer of ours rings once, and never after one of a later term of the service."""
    times: Counter[str] = Counter()
    highest = 0
    for ring in rings:
        if ring.what != "ring" or not is_ours(ring):
            continue
        times[ring.offer] += 1
        term = int(ring.offer.partition("x")[0], 36)
        if term < highest:
            yield f"I6: offer {ring.offer} rang after one of term {highest}"
        highest = max(highest, term)
    yield from (f"I6: offer {offer} rang {n} times" for offer, n in times.items() if n > 1)


def two_at_once(rings: Sequence[Ring], kills: Sequence[Span]) -> Iterator[Pair]:
    """Whatever was live at a phone when it was rung, and that ring. ``kills`` are those of the PBX."""
    phones: dict[str, list[Ring]] = defaultdict(list)
    for ring in rings:
        phones[ring.address].append(ring)
    for each in phones.values():
        yield from _at_one_phone(each, kills)


def _at_one_phone(rings: list[Ring], kills: Sequence[Span]) -> Iterator[Pair]:
    live: dict[tuple[str, str], Ring] = {}
    for n, ring in enumerate(rings):
        key = (ring.shown, ring.offer)
        live = {k: r for k, r in live.items() if not _cut(r, ring.at, kills)}
        if ring.what in _OVER:
            live.pop(key, None)
        elif ring.what == "ring":
            for other in live.values():
                yield Pair(other, ring, _ended(other, rings[n:], kills))
            live[key] = ring
        elif key in live:
            live[key] = ring


def _cut(ring: Ring, at: float, kills: Sequence[Span]) -> bool:
    """A killed PBX ends every leg without a word to the phone."""
    return any(ring.at <= kill.ended and kill.began <= at for kill in kills)


def _ended(ring: Ring, later: list[Ring], kills: Sequence[Span]) -> float:
    """When the PBX ended a ring or talk, or died: what the phone does of its own is no end by the PBX."""
    told = [r.at for r in later if (r.shown, r.offer) == (ring.shown, ring.offer) and r.what in _ENDED_BY_PBX]
    return min([*told, *(kill.began for kill in kills if kill.began >= later[0].at)], default=float("inf"))
