"""What a stranger asks for under an address that is not confirmed yet: a seat at an event, a place in a network.

One open row an address, replaced by what the same address says again; nothing tells the visitor whether anything was kept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from campaigns.files.storage import release_all
from contacts.consent.addresses import address_hash, address_hashes, address_key
from contacts.consent.models import Suppression
from crm.limits import allow

LETTERS_A_DAY = 3


def take(
    rows: Any,
    *,
    email: str,
    limit: tuple[str, str],
    said: Mapping[str, Any],
    files: Callable[[], Iterable[Any]] | None,
    queue: Callable[[Any], object],
) -> Any | None:
    """Keep what was said and have the letter queued that asks to confirm it.

    rows: the related manager, of a model with `address_hash`, `state` of which OPEN may stand once an address, and `files`. limit: the
    name of the limit of letters, and of whom. files: stores those that came along. None where nothing is sent: the address asked never
    to be written to, it waits for a decision already, or was asked three times today. Then too everything is written, a file to the disk,
    before it is taken back.
    """
    key = address_key(email)
    hashes = address_hashes(key)
    name, whom = limit
    is_never = Suppression.objects.filter(address_hash__in=hashes).exists()
    is_allowed = allow(name, f"{whom} {key}", limit=LETTERS_A_DAY, seconds=86_400)
    with transaction.atomic():
        kept = list(files()) if files else []  # a file of a refused one has no owner, and goes in a day
        try:
            with transaction.atomic():
                row = _put(rows, hashes, {**said, "email": email.strip()}, address_hash(key), kept)
                queue(row)
                if is_never or not is_allowed or row.state != rows.model.State.ASKED:
                    raise _Refused
        except (_Refused, IntegrityError):  # or the same form twice in one moment: the other one is as good
            return None
    return row


class _Refused(Exception):
    """What was written is taken back: the work was the same, so its time tells nothing of an address."""


def _put(rows: Any, hashes: list[bytes], values: Mapping[str, Any], own_hash: bytes, kept: Collection[Any]) -> Any:
    model = rows.model
    row = rows.select_for_update().filter(address_hash__in=hashes, state__in=model.OPEN).first()
    if row is None:
        row = rows.create(address_hash=own_hash, **values)
    else:
        # a new letter has all of its days
        for field, value in {**values, "created_at": timezone.now()}.items():
            setattr(row, field, value)
        row.save()
        release_all(row.files.exclude(file__in=kept))  # one that comes again stays where it is
    for file in kept:
        row.files.get_or_create(file=file)
    return row
