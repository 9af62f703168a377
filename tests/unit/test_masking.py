from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seats.masking import mask


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("13812345678", "138****5678"),
        ("+8613812345678", "138****5678"),
        ("0086 138-1234-5678", "138****5678"),
        ("02788886666", "027****6666"),
        ("85212345678", "852****5678"),
        ("10086", "*****"),
        ("1234567", "*******"),
        ("12345678", "123****5678"),
        ("", ""),
        ("anonymous", "*******"),
    ],
)
def test_what_is_shown(number: str, shown: str) -> None:
    assert mask(number) == shown


@given(st.text(max_size=3000))
def test_never_more_than_seven_digits_and_always_short(number: str) -> None:
    shown = mask(number)
    assert sum(c.isdigit() for c in shown) <= 7
    assert set(shown) <= set("0123456789*")
    assert len(shown) <= 11


@given(st.from_regex(r"[0-9]{0,7}", fullmatch=True))
def test_short_numbers_are_starred_whole(number: str) -> None:
    assert not any(c.isdigit() for c in mask(number))
