"""Steps on the ladder in an institution's timeline, and in that of whoever said so."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, time

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns.positions.ladder import word_of
from campaigns.positions.models import PositionStep
from contacts.directory.models import Person
from contacts.directory.timeline import Entry, Subject
from crm.accounts.models import User


def _of(subject: Subject) -> dict[str, Subject]:
    return {"said_by": subject} if isinstance(subject, Person) else {"organization": subject}


def about(subject: Subject) -> list[QuerySet[PositionStep]]:
    return [PositionStep.objects.filter(**_of(subject))]


def steps(subject: Subject, user: User, before: datetime | None, limit: int) -> Iterable[Entry]:
    """One query. A step has a day: it stands at its noon."""
    rows = PositionStep.objects.visible_to(user).filter(**_of(subject)).with_previous()
    if before is not None:
        rows = rows.filter(on__lte=before.date())
    rows = rows.select_related("ask", "organization", "recorded_by").order_by("-on", "-pk")[: limit + 20]
    entries = (_entry(row, isinstance(subject, Person)) for row in rows)
    return [entry for entry in entries if before is None or entry.at < before][:limit]


def _entry(row: PositionStep, is_person: bool) -> Entry:
    previous = vars(row)["previous"]
    stand = f"{word_of(previous)} → {word_of(row.stance)}" if previous else word_of(row.stance)
    title = _("Withdrawn as wrong: %(stand)s") if row.withdrawn_at else _("Position: %(stand)s")
    body = " · ".join(filter(None, [row.organization.label if is_person else "", row.ask.label, row.evidence[:200]]))
    return Entry(
        datetime.combine(row.on, time(12), tzinfo=UTC), title % {"stand": stand}, "stairs-up", row.rung.colour, body,
        reverse("position_step", args=[row.uid]), row.recorded_by.name if row.recorded_by else "",
    )  # fmt: skip
