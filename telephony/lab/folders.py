"""Folders of a process' own, and the removal of those that killed processes have left."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path


def own_folder(parent: Path, prefix: str) -> Path:
    """A new private folder, named so that :func:`sweep` knows whose it is; sweeps first."""
    sweep(parent, prefix)
    folder = parent / f"{prefix}{os.getpid()}-{secrets.token_hex(4)}"
    folder.mkdir(mode=0o700, parents=True)
    return folder


def sweep(parent: Path, prefix: str) -> None:
    """Remove the folders of processes that are gone."""
    for folder in parent.glob(f"{prefix}*"):
        owner = folder.name.removeprefix(prefix).split("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            shutil.rmtree(folder, ignore_errors=True)
