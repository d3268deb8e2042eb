"""Secrets for a laptop: made once under `.local/`, so that `make run` needs no set-up. Never used when LOCAL is off."""

import fcntl
import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path

_MAKERS: dict[str, Callable[[], str]] = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(48),
    "TRACKING_KEYS": lambda: f"k1:{secrets.token_hex(32)}",
    "ADDRESS_KEYS": lambda: f"a1:{secrets.token_hex(32)}",
    "DATA_KEYS": lambda: f"d1:{secrets.token_hex(32)}",
}


def local_secrets(folder: Path) -> dict[str, str]:
    """Read `<folder>/secrets.json`, making what it lacks. Safe when two processes start at once."""
    path = folder / "secrets.json"
    known = _read(path)
    if known.keys() >= _MAKERS.keys():
        return known
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "secrets.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = _read(path)  # another process may have been first: then its secrets are the ones
        missing = _MAKERS.keys() - known.keys()
        if missing:
            known |= {name: make() for name, make in _MAKERS.items() if name in missing}
            draft = path.with_suffix(f".{os.getpid()}")
            draft.touch(mode=0o600)
            draft.write_text(json.dumps(known, indent=1))
            draft.replace(path)
    return known


def _read(path: Path) -> dict[str, str]:
    return dict(json.loads(path.read_text())) if path.exists() else {}
