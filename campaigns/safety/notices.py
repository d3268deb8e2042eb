"""Mail to a mailing's owner when it paused by itself, or is held: one for each time, by the product's own way out.

A notice is written down in the transaction of the pause and mailed by a task. A mail server that takes nothing is tried a few
times, further and further apart, and then given up: the pause stands on the screens all the same. A transport that comes and
goes is told of once an hour, and only when it stays away for two minutes.
"""

from __future__ import annotations

import logging
import smtplib
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from campaigns.mailings.models import Mailing
from campaigns.mailings.states import State
from campaigns.safety.models import PauseNotice
from crm.accounts.models import User
from crm.accounts.rules import Role

logger = logging.getLogger(__name__)
PATIENCE = timedelta(minutes=2)  # a transport that is back by then is no news
QUIET = timedelta(hours=1)
WAITS = [timedelta(minutes=n) for n in (1, 5, 15, 60, 240)]
Kind, Dropped = PauseNotice.Kind, PauseNotice.Dropped


def announce(*, mailing_id: int, kind: str, reason: str, now: datetime | None = None) -> PauseNotice | None:
    """Have the owner told of a pause, in the caller's transaction; None when they were told of the like just now."""
    moment = now or timezone.now()
    if kind == Kind.TRANSPORT:
        told = PauseNotice.objects.filter(Q(sent_at__isnull=False) | Q(dropped=Dropped.NO))
        if told.filter(mailing_id=mailing_id, kind=kind, at__gt=moment - QUIET).exists():
            return None
    due_at = moment + (PATIENCE if kind == Kind.TRANSPORT else timedelta())
    return PauseNotice.objects.create(mailing_id=mailing_id, kind=kind, reason=reason[:300], at=moment, due_at=due_at)


def mail_due(*, now: datetime | None = None, limit: int = 20) -> int:
    """Mail the notices that are due; returns how many went. Each try is claimed first, so two workers mail none twice."""
    moment = now or timezone.now()
    waiting = PauseNotice.objects.filter(sent_at__isnull=True, dropped=Dropped.NO, due_at__lte=moment)
    sent = 0
    for pk in list(waiting.order_by("due_at").values_list("pk", flat=True)[:limit]):
        with transaction.atomic():
            notice = waiting.select_for_update(skip_locked=True).filter(pk=pk).first()
            if notice is None:
                continue
            notice.due_at, notice.tries = moment + WAITS[min(notice.tries, len(WAITS) - 1)], notice.tries + 1
            notice.save(update_fields=["due_at", "tries"])
        sent += _mail(notice)
    return sent


def _mail(notice: PauseNotice) -> bool:
    mailing = Mailing.objects.select_related("drive", "written_by").filter(pk=notice.mailing_id).first()
    if mailing is None or mailing.state not in (State.PAUSED, State.HELD) or mailing.state_reason != notice.reason:
        return _drop(notice, Dropped.OVER)
    owner = owner_of(mailing)
    if owner is None:
        return _drop(notice, Dropped.NOBODY)
    with translation.override(owner.language):
        context = {
            "mailing": mailing,
            "owner": owner,
            "notice": notice,
            "is_held": mailing.state == State.HELD,
            "link": settings.BASE_URL + reverse("mailing_detail", args=[mailing.uid]),
        }
        said = _("“%(name)s” is held") if mailing.state == State.HELD else _("“%(name)s” is paused")
        subject = said % {"name": " ".join(mailing.name.split())}
        text = render_to_string("campaigns/safety/mail/paused.txt", context)
    try:
        send_mail(subject=subject, message=text, from_email=settings.DEFAULT_FROM_EMAIL, recipient_list=[owner.email])
    except (OSError, smtplib.SMTPException) as error:
        logger.error("%s could not be told that mailing %s is paused: %s", owner.pk, mailing.pk, error)
        return _drop(notice, Dropped.MAIL_DOWN) if notice.tries >= len(WAITS) else False
    PauseNotice.objects.filter(pk=notice.pk).update(sent_at=timezone.now(), sent_to=owner)
    return True


def _drop(notice: PauseNotice, why: str) -> bool:
    PauseNotice.objects.filter(pk=notice.pk).update(dropped=why)
    return False


def owner_of(mailing: Mailing) -> User | None:
    """Who wrote it; when they may no longer sign in, who asked for its review or approved it, else an administrator."""
    approver = mailing.approval.approved_by if mailing.approval else None
    for user in (mailing.written_by, mailing.review_asked_by, approver):
        if user is not None and user.is_active:
            return user
    admins = User.objects.staff().filter(is_active=True, grants__role=Role.ADMIN, grants__is_everywhere=True)
    return admins.order_by("pk").first()
