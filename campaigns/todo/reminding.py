"""The morning's mail: what is due today and was not done, one mail for each person, claimed before it leaves.

A task is reminded of once, on its day, when it is seven in the morning where its reader is. While somebody is away their deputy
gets it, and reads for whom. A mail server that takes nothing is tried again a few times; the tasks stand on Today all the same.
"""

from __future__ import annotations

import logging
import smtplib
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import F, Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import ngettext

from campaigns.todo.models import Task
from campaigns.todo.queries import deputies
from crm.accounts.models import User

logger = logging.getLogger(__name__)
MORNING = 7
LATEST = timedelta(days=3)  # older ones are overdue: the queue says so every day, a mail about each would be noise
WAITS = [timedelta(minutes=n) for n in (5, 15, 60, 180)]
MOST = 200


def mail_reminders(*, now: datetime | None = None, limit: int = 50) -> int:
    """Mail what is due where it is morning; returns how many mails went. Claimed first, so two workers mail nothing twice."""
    moment = now or timezone.now()
    sent = 0
    for reader in _readers(moment)[:limit]:
        tasks = _claim(reader, moment)
        if tasks:
            sent += _mail(reader, tasks, moment)
    return sent


def _to_remind(moment: datetime) -> Q:
    return Q(reminded_at__isnull=True) & (Q(remind_after__isnull=True) | Q(remind_after__lte=moment))


def _readers(moment: datetime) -> list[User]:
    """Whose tasks wait to be told of, as far as it is past seven where they are."""
    latest = (moment + timedelta(days=1)).date()  # somewhere it is tomorrow
    rows = Task.objects.due(latest).filter(_to_remind(moment), due_on__gte=moment.date() - LATEST)
    waiting = set(rows.order_by().values_list("assignee_id", flat=True).distinct())
    standing_in = deputies(moment.date())
    keys = {standing_in.get(key, key) for key in waiting}
    users = User.objects.filter(pk__in=keys, is_active=True).order_by("pk")
    return [user for user in users if moment.astimezone(ZoneInfo(user.time_zone)).hour >= MORNING]


def _claim(reader: User, moment: datetime) -> list[Task]:
    """The reader's tasks of the day, and of whom they stand in for, marked as told."""
    day = moment.astimezone(ZoneInfo(reader.time_zone)).date()
    standing_in = deputies(day)
    of = [away for away, deputy in standing_in.items() if deputy == reader.pk]
    of += [] if reader.pk in standing_in else [reader.pk]
    with transaction.atomic():
        rows = Task.objects.due(day).of(of).filter(_to_remind(moment), due_on__gte=day - LATEST)
        tasks = list(
            rows.select_for_update(skip_locked=True, of=("self",))
            .select_related("assignee", "organization", "person")
            .order_by("due_on", "pk")[:MOST]
        )
        Task.objects.filter(pk__in=[task.pk for task in tasks]).update(
            reminded_at=moment, remind_tries=F("remind_tries") + 1
        )
    return tasks


def _mail(reader: User, tasks: list[Task], moment: datetime) -> bool:
    zone = ZoneInfo(reader.time_zone)
    with translation.override(reader.language), timezone.override(zone):
        context = {
            "reader": reader,
            "tasks": tasks,
            "day": moment.astimezone(zone).date(),
            "link": settings.BASE_URL + reverse("task_list"),
        }
        subject = ngettext("%(n)s task is due today", "%(n)s tasks are due today", len(tasks)) % {"n": len(tasks)}
        text = render_to_string("campaigns/todo/mail/due.txt", context)
    try:
        send_mail(subject=subject, message=text, from_email=settings.DEFAULT_FROM_EMAIL, recipient_list=[reader.email])
    except (OSError, smtplib.SMTPException) as error:
        _give_back(tasks, moment)
        logger.warning("%s could not be reminded of %s tasks: %s", reader.pk, len(tasks), error)
        return False
    return True


def _give_back(tasks: list[Task], moment: datetime) -> None:
    for task in tasks:
        tries = task.remind_tries  # as it was before this try
        if tries < len(WAITS):
            Task.objects.filter(pk=task.pk).update(reminded_at=None, remind_after=moment + WAITS[tries])


def day_in(user: User, moment: datetime | None = None) -> date:
    """Which day it is where the user is."""
    return (moment or timezone.now()).astimezone(ZoneInfo(user.time_zone)).date()
