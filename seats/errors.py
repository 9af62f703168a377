"""The service's own errors: each says what was wrong, where, and what is allowed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class SeatsError(Exception):
    """Root of the errors raised while the service is put together."""


class Problem(NamedTuple):
    """One thing wrong with a configuration; ``where`` is a file and line, or the environment."""

    where: str
    key: str
    what: str
    allowed: str

    def __str__(self) -> str:
        """One line for a person."""
        return f"{self.where}: {self.key}: {self.what}; allowed: {self.allowed}"


class ConfigError(SeatsError):
    """A configuration file, or the environment, that cannot be used. ``problems`` has one entry per fault."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(p) for p in problems))
        self.problems = tuple(problems)


class SettingsError(ConfigError):
    """Unknown keys or bad values in the settings."""


class PlanFileError(ConfigError):
    """A routing file that cannot be used."""


class NumbersError(ConfigError):
    """A table of numbers or prefixes that cannot be used."""
