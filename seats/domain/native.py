"""What the compiler of the core is told and Python passes over. This module itself is never compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_extensions import mypyc_attr
else:

    def mypyc_attr(**_: object):
        """``acyclic``: no object of this class is part of a cycle, so the garbage collector need not look.

        ``free_list_len=1``: the room of the last one that went is kept for the next.
        """
        return lambda kind: kind


__all__ = ["mypyc_attr"]
