"""Free loopback ports."""

from __future__ import annotations

import random
import socket

from telephony.lab.errors import LabError

_FIRST, _LAST = 10_240, 19_998  # below the ephemeral range, so that outgoing connections do not take them
_given: set[int] = set()
_dice = random.SystemRandom()


def free_port() -> int:
    """A port of 127.0.0.1 that is free for TCP and UDP and was not given before by this process."""
    for _ in range(500):
        port = _dice.randrange(_FIRST, _LAST, 2)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port
    raise LabError(f"no free port between {_FIRST} and {_LAST}")


def give_back(*ports: int) -> None:
    """The ports are not needed any more."""
    _given.difference_update(ports)


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True
