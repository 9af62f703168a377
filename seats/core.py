"""Which core runs: its Python sources, or what was compiled from them (``hatch_core``)."""

from __future__ import annotations

from seats.domain import reducer


def core_kind() -> str:
    """``compiled`` or ``interpreted``."""
    return "interpreted" if str(reducer.__file__).endswith(".py") else "compiled"
