"""``python -m telephony.lab``: have an Asterisk for the lab, building the private root if there is none."""

from __future__ import annotations

import sys

from telephony.lab.errors import LabError
from telephony.lab.root import find_installation


def main() -> int:
    """Exit status 1, with one line that says why, when no Asterisk can be had."""
    try:
        find_installation(lambda line: print(line, file=sys.stderr, flush=True))  # noqa: T201 - a program's progress
    except LabError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a program's last word
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
