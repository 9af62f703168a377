"""The fixed choices people pick from: reasons of not being ready, and what a call was about."""

from __future__ import annotations

import msgspec

from seats.web.errors import BadInputError


class Choice(msgspec.Struct, frozen=True):
    """A code with its names."""

    code: str
    zh: str
    en: str


REASONS: tuple[Choice, ...] = (
    Choice("break", "小休", "Break"),
    Choice("meal", "用餐", "Meal"),
    Choice("meeting", "会议", "Meeting"),
    Choice("training", "培训", "Training"),
    Choice("callback", "回访", "Calling back"),
    Choice("tech", "设备故障", "Equipment trouble"),
)
DISPOSITIONS: tuple[Choice, ...] = (
    Choice("consult", "咨询", "Enquiry"),
    Choice("claim", "报案", "Claim"),
    Choice("policy", "保单服务", "Policy service"),
    Choice("complaint", "投诉", "Complaint"),
    Choice("other", "其他", "Other"),
)
FAULTS = frozenset(
    {
        "no_microphone",
        "microphone_muted",
        "audio_blocked",
        "no_output",
        "not_registered",
        "page_hidden_frozen",
        "other_tab",
    }
)
"""Why a desk cannot answer."""


def check(code: str, choices: tuple[Choice, ...], field: str) -> str:
    """The code if it is one of the choices or empty. Raise :class:`BadInputError`."""
    allowed = [choice.code for choice in choices]
    if code and code not in allowed:
        raise BadInputError("no such choice", field=field, allowed=", ".join(allowed))
    return code
