"""Music for the lab, made by synthesis: soft broken chords, 8 kHz, mono, 16 bit."""

from __future__ import annotations

import math
import wave
from array import array
from pathlib import Path

RATE = 8000
_CHORDS = (  # semitones from A3: Am7, Fmaj7, Cmaj7, G6
    (0, 3, 7, 10),
    (-4, 0, 3, 7),
    (3, 7, 10, 14),
    (-2, 2, 5, 9),
)
_NOTE_S = 0.375
_DECAY_S = 1.2


def write_music(path: Path) -> None:
    """Write about 12 s of music that loops without a seam."""
    samples = _mix(_notes())
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.tobytes())


def _notes() -> list[int]:
    """Semitones in playing order: each chord up, and down again."""
    return [tone for chord in _CHORDS for tone in (*chord, chord[3], chord[2], chord[1], chord[2])]


def _mix(notes: list[int]) -> array[int]:
    step = int(_NOTE_S * RATE)
    total = step * len(notes)
    sound = [0.0] * total
    for index, tone in enumerate(notes):
        for offset, value in enumerate(_pluck(tone)):
            sound[(index * step + offset) % total] += value
    peak = max(map(abs, sound))
    return array("h", (int(value / peak * 9000) for value in sound))


def _pluck(tone: int) -> list[float]:
    pitch = 220.0 * 2.0 ** (tone / 12.0) * 2.0 * math.pi / RATE
    length = int(_DECAY_S * RATE)
    attack = RATE // 50
    return [
        min(1.0, n / attack)
        * math.exp(-3.5 * n / length)
        * (math.sin(pitch * n) + 0.25 * math.sin(2.0 * pitch * n))
        for n in range(length)
    ]
