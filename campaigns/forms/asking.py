"""What a stranger asks for under an address that is not confirmed yet: a seat at an event, a place in a network.

One open row an address, replaced by what the same address says again; nothing tells the visitor whether anything was kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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
    to be written to, it waits for a decision already, or was asked three times today.
    """
    key = address_key(email)
    hashes = address_hashes(key)
    name, whom = limit
    if Suppression.objects.filter(address_hash__in=hashes).exists() or not allow(
        name, f"{whom} {key}", limit=LETTERS_A_DAY, seconds=86_400
    ):
        return None
    values = {**said, "email": email.strip()}
    model = rows.model
    with transaction.atomic():
        row = rows.select_for_update().filter(address_hash__in=hashes, state__in=model.OPEN).first()
        if row is None:
            try:
                with transaction.atomic():
                    row = rows.create(address_hash=address_hash(key), **values)
            except IntegrityError:  # the same form twice in one moment: the other one is as good
                return None
        elif row.state != model.State.ASKED:
            return None
        else:
            # a new letter has all of its days
            for field, value in {**values, "created_at": timezone.now()}.items():
                setattr(row, field, value)
            row.save()
            release_all(row.files.all())
        for file in files() if files else ():
            row.files.get_or_create(file=file)
        queue(row)
    return row
