"""Realtime priority for the thread that routes calls, where the system lets us have it."""

from __future__ import annotations

import os

LEVEL = 1
"""Of SCHED_RR: before everything ordinary, behind an Asterisk that was started with ``-p`` (10)."""


def take_realtime() -> bool:
    """Run the calling thread, and none that it starts, before ordinary ones; whether the system allowed it.

    A ring waits for nobody then: an ordinary thread that becomes ready while another one computes may wait for
    the next tick of the kernel's clock, 4 ms, and with a busy PBX on the machine for several.
    """
    if not hasattr(os, "sched_setscheduler"):
        return False
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(LEVEL))
    except OSError:  # needs CAP_SYS_NICE or a limit (LimitRTPRIO) above 0
        return False
    return True
