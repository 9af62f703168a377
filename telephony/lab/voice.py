"""A caller's voice, made by synthesis: a few sentences of vowels without words, 8 kHz mu-law."""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Iterator
from functools import cache

RATE = 8000
_VOWELS = (  # the two lowest resonances of a, e, i, o, u in Hz
    (730, 1090),
    (530, 1840),
    (300, 2200),
    (570, 840),
    (320, 870),
)
_SENTENCES = (7, 5, 9)
"""Syllables of each sentence."""
_SYLLABLE_S, _PAUSE_S = 0.17, 0.45
_PEAK = 8000.0


@cache
def voice() -> bytes:
    """About 5 s of mu-law sound that can be played over and over. The same on every call."""
    samples = array("d", _talk(random.Random(20)))  # noqa: S311 - a tune, not a secret
    scale = _PEAK / max(map(abs, samples))
    return bytes(mulaw(int(value * scale)) for value in samples)


def mulaw(sample: int) -> int:
    """One 16 bit sample as G.711 mu-law."""
    sign, level = (0x80, -sample) if sample < 0 else (0, sample)
    level = min(level, 32635) + 132
    exponent = level.bit_length() - 8
    return ~(sign | exponent << 4 | (level >> (exponent + 3)) & 0x0F) & 0xFF


def _talk(dice: random.Random) -> Iterator[float]:
    for count in _SENTENCES:
        for n in range(count):
            fall = 1.0 - 0.25 * n / count
            yield from _syllable(dice.choice(_VOWELS), 190.0 * fall * dice.uniform(0.94, 1.06))
        yield from [0.0] * int(_PAUSE_S * RATE)


def _syllable(vowel: tuple[int, int], pitch: float) -> Iterator[float]:
    total = int(_SYLLABLE_S * RATE)
    period = RATE / pitch
    wave = _wave(vowel, pitch, round(period))
    for n in range(total):
        yield math.sin(math.pi * n / total) ** 0.7 * wave[int(n % period) % len(wave)]


def _wave(vowel: tuple[int, int], pitch: float, length: int) -> list[float]:
    """One period: the harmonics below 3.4 kHz, each as strong as the vowel lets it be."""
    strengths = [_strength(vowel, pitch * k) for k in range(1, int(3400 / pitch) + 1)]
    return [
        sum(a * math.sin(2 * math.pi * k * n / length) for k, a in enumerate(strengths, 1))
        for n in range(length)
    ]


def _strength(vowel: tuple[int, int], frequency: float) -> float:
    return sum(
        1.0 / (1.0 + ((frequency - peak) / width) ** 2) for peak, width in zip(vowel, (90, 130), strict=True)
    )
