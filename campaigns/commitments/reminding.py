"""Mail to a commitment's owner: two weeks before, on the day, a week after, and for each milestone.

Each reminder is a row first, once for a commitment, a kind and a day; then it is claimed and mailed, so that two workers and a task
that runs twice mail it once. A mail server that takes nothing is tried further and further apart, and then given up.
"""

from __future__ import annotations

import logging
import smtplib
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from campaigns.commitments.models import Commitment, Milestone, Reminder
from campaigns.commitments.rule import light_of

logger = logging.getLogger(__name__)
Kind = Reminder.Kind
# kind → days from today to the due date; a day missed because nothing ran is made up for within a week
AHEAD = {Kind.SOON: 14, Kind.DUE: 0, Kind.OVERDUE: -7}
GRACE = 7
WAITS = [timedelta(minutes=n) for n in (5, 30, 120, 480)]


def note_due(*, now: datetime | None = None) -> int:
    """Write down the reminders of today; returns how many are new."""
    moment = now or timezone.now()
    today = timezone.localdate(moment)
    rows = [
        Reminder(commitment_id=pk, kind=kind, about_on=on, made_at=moment, due_at=moment)
        for kind, pk, on in [*_of_commitments(today), *_of_milestones(today)]
    ]
    before = Reminder.objects.count()
    Reminder.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
    return Reminder.objects.count() - before


def _of_commitments(today: date) -> Iterable[tuple[str, int, date]]:
    owned = Commitment.objects.open().filter(owner__isnull=False, owner__is_active=True)
    for kind, days in AHEAD.items():
        first = today + timedelta(days=days)
        for pk, on in owned.filter(due_on__range=(first - timedelta(days=GRACE), first)).values_list("pk", "due_on"):
            if kind != Kind.SOON or on > today:
                yield kind, pk, on


def _of_milestones(today: date) -> Iterable[tuple[str, int, date]]:
    rows = Milestone.objects.filter(
        done_on__isnull=True, due_on__range=(today - timedelta(days=GRACE), today),
        commitment__state="open", commitment__owner__is_active=True,
    )  # fmt: skip
    for pk, on in rows.values_list("commitment_id", "due_on").distinct():
        yield Kind.MILESTONE, pk, on


def mail_due(*, now: datetime | None = None, limit: int = 50) -> int:
    """Mail what is written down; returns how many went. Each try is claimed first."""
    moment = now or timezone.now()
    waiting = Reminder.objects.filter(sent_at__isnull=True, dropped="", due_at__lte=moment)
    sent = 0
    for pk in list(waiting.order_by("due_at", "pk").values_list("pk", flat=True)[:limit]):
        with transaction.atomic():
            row = waiting.select_for_update(skip_locked=True).filter(pk=pk).first()
            if row is None:
                continue
            row.due_at, row.tries = moment + WAITS[min(row.tries, len(WAITS) - 1)], row.tries + 1
            row.save(update_fields=["due_at", "tries"])
        sent += _mail(row)
    return sent


def _mail(reminder: Reminder) -> bool:
    rows = Commitment.objects.select_related("owner", "organization").prefetch_related("milestones")
    commitment = rows.get(pk=reminder.commitment_id)
    owner = commitment.owner
    if not commitment.is_open or _is_moved(reminder, commitment):
        return _drop(reminder, "over")
    if owner is None or not owner.is_active:
        return _drop(reminder, "nobody")
    with translation.override(owner.language):
        said = {
            Kind.SOON: _("In two weeks: %(name)s"), Kind.DUE: _("Due today: %(name)s"),
            Kind.OVERDUE: _("Overdue: %(name)s"), Kind.MILESTONE: _("Milestone: %(name)s"),
        }  # fmt: skip
        subject = said[Kind(reminder.kind)] % {"name": " ".join(commitment.organization.name.split())}
        context = {
            "commitment": commitment, "owner": owner, "reminder": reminder,
            "light": light_of(commitment, timezone.localdate()),
            "late": [m for m in commitment.milestones.all() if m.done_on is None and m.due_on <= reminder.about_on],
            "url": settings.BASE_URL + reverse("commitment_detail", args=[commitment.uid]),
        }  # fmt: skip
        text = render_to_string("campaigns/commitments/mail/reminder.txt", context)
    try:
        send_mail(subject=subject, message=text, from_email=settings.DEFAULT_FROM_EMAIL, recipient_list=[owner.email])
    except (OSError, smtplib.SMTPException) as error:
        logger.error("%s could not be reminded of commitment %s: %s", owner.pk, commitment.pk, error)
        return _drop(reminder, "mail_down") if reminder.tries >= len(WAITS) else False
    Reminder.objects.filter(pk=reminder.pk).update(sent_at=timezone.now(), sent_to=owner)
    return True


def _is_moved(reminder: Reminder, commitment: Commitment) -> bool:
    """Whether the day that it is about is another one by now."""
    if reminder.kind == Kind.MILESTONE:
        return not any(m.done_on is None and m.due_on == reminder.about_on for m in commitment.milestones.all())
    return commitment.due_on != reminder.about_on


def _drop(reminder: Reminder, why: str) -> bool:
    Reminder.objects.filter(pk=reminder.pk).update(dropped=why)
    return False
