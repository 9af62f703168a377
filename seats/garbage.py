"""Python's garbage collector in a process that routes calls: it looks less often, and not at what stays anyway."""

from __future__ import annotations

import gc

THRESHOLDS = (10_000, 20, 50)
"""As of ``gc.set_threshold``. Nearly all that a call leaves behind goes without the collector's help."""


def settle() -> None:
    """What the process has for life (modules, settings, agents) is not searched again.

    A search of all of it takes 0.2 s, and calls wait.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
