"""Errors of the lab."""

from __future__ import annotations

from telephony.errors import TelephonyError


class LabError(TelephonyError):
    """The lab cannot do what was asked; the message says why, and what mends it."""

    def __init__(self, what: str, where: str = "lab", allowed: str = "") -> None:
        super().__init__(what, where, allowed)


class MissingToolError(LabError):
    """A program of the host is missing."""

    def __init__(self, program: str, package: str) -> None:
        super().__init__(f"{program} is not installed; install it with: apt-get install {package}")
        self.program, self.package = program, package
