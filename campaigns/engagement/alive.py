"""The tracker's sign of life: a file beside its spool, so that whoever sees the spool sees when `track` was last there."""

from __future__ import annotations

import time
from pathlib import Path

NAME = "track.alive"
EVERY = 5.0  # seconds


def sign(folder: Path) -> None:
    """Leave one in the spool's folder. Raises OSError when the disk does not take it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NAME).touch()


def age(folder: Path) -> float | None:
    """Seconds since the last one; None when there was never any, or the folder is not seen from here."""
    try:
        return max(0.0, time.time() - (folder / NAME).stat().st_mtime)
    except FileNotFoundError:
        return None
