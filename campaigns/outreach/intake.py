"""The folder where mail for us waits: `<id>.eml` with its envelope `<id>.json`, put there by whoever received it."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from pathlib import Path

from campaigns.outreach.services import take_in

logger = logging.getLogger(__name__)


def take_in_folder(folder: Path, *, limit: int = 1000) -> int:
    """Take in what waits, oldest first; files go when their rows are committed. Returns how many there were."""
    taken = 0
    if not folder.is_dir():
        return taken
    for envelope in sorted(folder.glob("*.json"))[:limit]:
        letter = envelope.with_suffix(".eml")
        try:
            found = json.loads(envelope.read_text())
            at = datetime.fromtimestamp(envelope.stat().st_mtime, UTC)
            take_in(raw=letter.read_bytes(), recipient=found["recipient"], sender=found["sender"], at=at)
        except FileNotFoundError:
            continue  # somebody else took it in
        except (KeyError, TypeError, ValueError) as error:
            logger.error("an inbound message cannot be read and is set aside: %s: %s", envelope.name, error)
            envelope.rename(envelope.with_suffix(".bad"))
            continue
        # the envelope first: a letter without one is not looked at again
        envelope.unlink(missing_ok=True)
        letter.unlink(missing_ok=True)
        taken += 1
    return taken
