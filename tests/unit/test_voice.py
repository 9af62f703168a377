"""The callers' voice: real mu-law, and sound in it."""

from __future__ import annotations

import pytest

from telephony.lab.voice import RATE, mulaw, voice


@pytest.mark.parametrize(
    ("sample", "code"), [(0, 0xFF), (-1, 0x7F), (1000, 0xCE), (32767, 0x80), (-32768, 0x00), (132, 0xEF)]
)
def test_mulaw_is_that_of_g711(sample: int, code: int) -> None:
    assert mulaw(sample) == code


def test_the_voice_speaks_and_pauses_and_is_always_the_same() -> None:
    heard = voice()
    assert 4 < len(heard) / RATE < 8
    quiet = heard.count(0xFF) / len(heard)
    assert 0.1 < quiet < 0.5
    assert voice() is heard
