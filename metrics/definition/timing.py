"""Durations of the rules, in one place, so that a test can run the same rules faster."""

from __future__ import annotations

from typing import NamedTuple

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


class Timing(NamedTuple):
    """``pace`` 1 is real time; 0.05 makes an hour three minutes. Counts and thresholds stay as they are."""

    pace: float = 1.0

    def __call__(self, seconds: float) -> str:
        """A duration as PromQL and YAML write it."""
        whole = max(1, round(seconds * self.pace))
        for unit, size in (("w", 604800), ("d", 86400), ("h", 3600), ("m", 60)):
            if whole % size == 0:
                return f"{whole // size}{unit}"
        return f"{whole}s"
