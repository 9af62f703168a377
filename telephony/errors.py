"""The telephony room's errors: each says what was wrong, where, and what is allowed."""

from __future__ import annotations


class TelephonyError(Exception):
    """Root of the room's errors; ``what`` went wrong, ``where``, and what is ``allowed`` instead."""

    def __init__(self, what: str, where: str, allowed: str = "") -> None:
        super().__init__(f"{where}: {what}" + (f"; allowed: {allowed}" if allowed else ""))
        self.what, self.where, self.allowed = what, where, allowed


class BadValueError(TelephonyError, ValueError):
    """A value that must not be written to a PBX."""


class LinkError(TelephonyError):
    """A connection to a PBX cannot be had or was lost."""


class UnreachableError(LinkError):
    """Nothing that speaks AMI answered at the address in time."""


class NobodyThereError(UnreachableError):
    """The host answered that nothing listens at the port: the PBX is not running."""


class LoginRefusedError(LinkError):
    """The PBX refused the credentials: trying again soon cannot help."""


class LinkLostError(LinkError):
    """The connection is gone; what was under way may or may not have been done, and is never sent again."""


class ActionError(TelephonyError):
    """An action was not carried out, or nobody can say."""


class ActionTimeoutError(ActionError):
    """No answer within the action's deadline; it may still have been done."""


class ActionRefusedError(ActionError):
    """The PBX answered the action with an error: it was not done."""
