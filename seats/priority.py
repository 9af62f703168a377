"""Realtime priority for the threads that a ring may wait for, where the system lets us have it."""

from __future__ import annotations

import os
import resource
import sys

LEVEL = 10
"""Of SCHED_RR: before everything ordinary, in turn with an Asterisk that was started with ``-p`` (the same).

Behind it, a ring waits until Asterisk leaves a core idle, which with 200 callers on hold takes milliseconds;
before it, Asterisk's own part of the ring takes as much longer, and its media would depend on us.
"""

SWITCH_SECONDS = 0.0005
"""For which a thread that computes may keep others from Python; 0.005 unless told otherwise."""


def take_realtime() -> bool:
    """Run the calling thread, and none that it starts, before ordinary ones; whether the system allowed it.

    A ring waits for nobody then: an ordinary thread that becomes ready while another one computes may wait for
    the next tick of the kernel's clock, 4 ms, and with a busy PBX on the machine for several. Where the system
    allows a lower level only, that is taken.
    """
    if not hasattr(os, "sched_setscheduler"):
        return False
    return any(_take(level) for level in (LEVEL, _allowed()) if level > 0)


def share_python() -> None:
    """Let the thread that routes have the interpreter soon, whichever thread computes."""
    sys.setswitchinterval(SWITCH_SECONDS)


def _take(level: int) -> bool:
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(level))
    except OSError:  # needs CAP_SYS_NICE, or a limit (LimitRTPRIO) that is as high
        return False
    return True


def _allowed() -> int:
    """The highest level that the system allows without a capability."""
    limit = resource.getrlimit(resource.RLIMIT_RTPRIO)[0]
    return LEVEL if limit == resource.RLIM_INFINITY else min(limit, LEVEL)
