"""Promises, their ends and what was heard of them in an institution's timeline."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, time

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns.commitments.models import Commitment, CommitmentUpdate
from campaigns.commitments.rule import LIGHTS
from contacts.directory.models import Person
from contacts.directory.timeline import Entry, Subject
from crm.accounts.models import User


def _of(subject: Subject) -> dict[str, Subject]:
    return {"promised_by": subject} if isinstance(subject, Person) else {"organization": subject}


def about(subject: Subject) -> list[QuerySet[Commitment]]:
    return [Commitment.objects.filter(**_of(subject))]


def commitments(subject: Subject, user: User, before: datetime | None, limit: int) -> Iterable[Entry]:
    """Two queries at most. A promise stands at the noon of its day."""
    rows = list(Commitment.objects.visible_to(user).filter(**_of(subject)).order_by("-made_on", "-pk")[: limit + 100])
    found = [entry for row in rows for entry in _entries(row)]
    # an accepted word of theirs is also when they were last heard
    heard = [row.pk for row in rows if row.heard_on]
    updates = CommitmentUpdate.objects.filter(commitment__in=heard, state="accepted")  # none are not asked for
    known = {row.pk: row for row in rows}
    if before is not None:
        updates = updates.filter(received_at__lt=before)
    found += [_heard(update, known[update.commitment_id]) for update in updates.order_by("-received_at")[: limit + 1]]
    found = [entry for entry in found if before is None or entry.at < before]
    return sorted(found, key=lambda entry: entry.at, reverse=True)[:limit]


def _entries(row: Commitment) -> Iterable[Entry]:
    url = reverse("commitment_detail", args=[row.uid])
    at = datetime.combine(row.made_on, time(12), tzinfo=UTC)
    yield Entry(at, _("Promised"), "heart-handshake", "blue", row.text[:300], url)
    if row.settled_at:
        label, colour = LIGHTS[row.state]
        yield Entry(row.settled_at, _("Promise %(state)s") % {"state": label}, "heart-handshake", colour, row.text[:300], url)  # fmt: skip


def _heard(update: CommitmentUpdate, row: Commitment) -> Entry:
    title = _("Of its promise: %(progress)s") % {"progress": update.get_progress_display()}
    url = reverse("commitment_detail", args=[row.uid])
    return Entry(update.received_at, title, "message-circle", "", update.text[:300], url)
