"""Secrets for a laptop: made once under `.local/`, so that `make run` needs no set-up. Never used when LOCAL is off."""

import json
import os
import secrets
from pathlib import Path


def local_secrets(folder: Path) -> dict[str, str]:
    """Read `<folder>/secrets.json`, making it on the first call. Safe when two processes start at once."""
    path = folder / "secrets.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        made = {
            "SECRET_KEY": secrets.token_urlsafe(48),
            "TRACKING_KEYS": f"k1:{secrets.token_hex(32)}",
            "ADDRESS_KEYS": f"a1:{secrets.token_hex(32)}",
        }
        draft = path.with_suffix(f".{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(made, indent=1))
        try:
            os.link(draft, path)  # fails if another process was first: then theirs is the one
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return json.loads(path.read_text())
