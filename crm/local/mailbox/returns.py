"""The road back: mail to the return domain becomes two files in the spool's `inbound` folder, which Groundswell takes in.

`<id>.eml` is the message as it came, `<id>.json` its envelope; the envelope is renamed into place last, so whoever sees it
sees the whole message. Files go only when their rows are committed, so neither side can lose one.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from pathlib import Path

from crm.ids import new_uid

logger = logging.getLogger(__name__)


class Returns:
    """Where mail to `domain` goes."""

    def __init__(self, *, folder: Path, domain: str) -> None:
        self.folder, self.domain = folder, domain.lower()
        self.folder.mkdir(parents=True, exist_ok=True)

    def takes(self, address: str) -> bool:
        return bool(self.domain) and address.rpartition("@")[2].lower() == self.domain

    def hand_over(self, *, sender: str, recipient: str, raw: bytes) -> None:
        """Write the message down for Groundswell, and wake it; a lost wake-up only means a few seconds more."""
        name = str(new_uid())
        _write(self.folder / f"{name}.eml", raw)
        envelope = json.dumps({"sender": sender, "recipient": recipient}).encode()
        _write(self.folder / f"{name}.json", envelope)
        threading.Thread(target=_wake, daemon=True).start()


def _write(path: Path, data: bytes) -> None:
    draft = path.with_suffix(path.suffix + ".tmp")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)


def _wake() -> None:
    from crm.celery import app

    try:
        app.send_task("campaigns.outreach.handle_inbound", retry=False, expires=30)
    except Exception as error:  # no broker, or a broker that hangs up: the folder is looked at every few seconds anyway
        logger.info("inbound mail waits for the next look: %s", error)
