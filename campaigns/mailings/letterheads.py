"""Changing what a sender's letters say around their text. It is part of what is approved, so a change is noticed."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from campaigns.mailings.models import Sender
from campaigns.mailings.references import check_pattern
from crm.accounts.models import User
from crm.audit.services import Change, record


def save_letterhead(
    *,
    sender: Sender,
    actor: User,
    signatures: Mapping[str, str],
    places: Mapping[str, str],
    reference_pattern: str,
) -> Sender:
    """Set a sender's signatures and places (language → text) and pattern; Invalid for a pattern that could number twice."""
    values = {
        "signatures": dict(signatures),
        "places": dict(places),
        "reference_pattern": check_pattern(reference_pattern),
    }
    with transaction.atomic():
        row = Sender.objects.select_for_update().get(pk=sender.pk)
        changes: list[Change] = [
            (name, getattr(row, name), value) for name, value in values.items() if getattr(row, name) != value
        ]
        if not changes:
            return row
        for name, _before, value in changes:
            setattr(row, name, value)
        row.save(update_fields=[*values, "updated_at"])
        record(verb="sender.edited", target=row, actor=actor, changes=changes)
    return row
