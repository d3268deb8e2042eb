"""The one door to the local mailbox for features: what it kept about somebody goes with them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from django.conf import settings


def forget_mail(addresses: Iterable[str], *, dry: bool = False) -> int:
    """Delete mail to, from or about these addresses from this machine's mailbox; returns how many. dry: only count."""
    if not settings.LOCAL:
        return 0  # mail left this machine, and there is no mailbox
    from crm.local.mailbox.store import forget

    return forget(Path(settings.LOCAL_DIR) / "mailbox", addresses, dry=dry)
