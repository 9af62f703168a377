"""Phone numbers as people and logs may see them."""

from __future__ import annotations

import re

_NOT_DIGITS = re.compile(r"[^0-9]+")
_CHINA = re.compile(r"(?:00)?86(?=[0-9]{10})")
HEAD, TAIL = 3, 4


def mask(number: str) -> str:
    """Keep the first 3 and last 4 characters of a number: ``138****5678``.

    China's country code is left out, so one caller looks the same however the trunk writes the number.
    Never shows more than 7 digits; a number of 7 digits or fewer is starred whole. Anything that is
    not a number (a SIP name, a withheld caller) is starred as well: it may identify a person too.
    """
    digits = _NOT_DIGITS.sub("", number[:64])
    if prefix := _CHINA.match(digits):
        digits = digits[prefix.end() :]
    if len(digits) <= HEAD + TAIL:
        return "*" * min(len(number), HEAD + TAIL)
    return f"{digits[:HEAD]}****{digits[-TAIL:]}"
