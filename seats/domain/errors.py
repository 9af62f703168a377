"""The core's errors: each says what was wrong, where, and what is allowed."""

from __future__ import annotations


class DomainError(Exception):
    """Root of the core's errors."""


class PlanError(DomainError):
    """A routing plan that cannot be used."""

    def __init__(self, where: str, what: str, allowed: str) -> None:
        super().__init__(f"{where}: {what}; allowed: {allowed}")
        self.where, self.what, self.allowed = where, what, allowed


class CallbackError(DomainError):
    """What was asked of a callback is not possible now."""

    def __init__(self, callback: str, what: str, allowed: str) -> None:
        super().__init__(f"callback {callback}: {what}; allowed: {allowed}")
        self.callback, self.what, self.allowed = callback, what, allowed


class UnknownAgentError(DomainError):
    """No agent has this id."""

    def __init__(self, agent: str) -> None:
        super().__init__(f"no agent has the id {agent!r}")


class NotAllowedError(DomainError):
    """The agent's present state does not allow what was asked."""

    def __init__(self, agent: str, what: str, allowed: str) -> None:
        super().__init__(f"agent {agent}: {what}; allowed: {allowed}")
        self.what, self.allowed = what, allowed
