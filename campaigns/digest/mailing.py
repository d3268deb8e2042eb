"""The weekly mail on its way: Monday morning where its reader is, claimed first, off by one press.

A week that a machine slept through until Thursday is left out: a digest of what was due would be no help then.
"""

from __future__ import annotations

import logging
import smtplib
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.db import transaction
from django.db.models import F
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation

from campaigns.digest.building import Digest, digest_of
from campaigns.digest.models import DigestChoice, DigestWeek
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry
from crm.audit.services import record
from crm.keyring import seal, unseal

logger = logging.getLogger(__name__)
PURPOSE = "digest"
MORNING = 7
LATEST_WEEKDAY = 2  # until Wednesday
WAITS = [timedelta(minutes=n) for n in (15, 60, 240)]
KEPT = timedelta(days=60)


def mail_digests(*, now: datetime | None = None, limit: int = 50) -> int:
    """Mail whoever's week began; returns how many mails went. Run twice, or by two workers, it mails nobody twice."""
    moment = now or timezone.now()
    DigestWeek.objects.filter(week_on__lt=(moment - KEPT).date()).delete()
    sent = 0
    for user, week_on in _waiting(moment)[:limit]:
        if _claim(user, week_on, moment):
            sent += _mail(user, week_on, moment)
    return sent


def week_of(user: User, moment: datetime) -> date | None:
    """The Monday whose mail is to leave now, where the user is; None outside of its days and hours."""
    local = moment.astimezone(ZoneInfo(user.time_zone))
    monday = local.date() - timedelta(days=local.weekday())
    if local.weekday() > LATEST_WEEKDAY or (local.weekday() == 0 and local.hour < MORNING):
        return None
    return monday


def _waiting(moment: datetime) -> list[tuple[User, date]]:
    off = DigestChoice.objects.filter(is_off=True).values("user_id")
    users = (
        User.objects.staff().filter(is_active=True, grants__isnull=False).exclude(pk__in=off).distinct().order_by("pk")
    )
    weeks = [(user, week) for user in users if (week := week_of(user, moment))]
    done = set(
        DigestWeek.objects.filter(week_on__in={week for _user, week in weeks})
        .exclude(claimed_at=None, again_at__lte=moment)
        .values_list("user_id", "week_on")
    )
    return [(user, week) for user, week in weeks if (user.pk, week) not in done and user.may(Action.SEE)]


def _claim(user: User, week_on: date, moment: datetime) -> bool:
    with transaction.atomic():
        _row, is_new = DigestWeek.objects.get_or_create(user=user, week_on=week_on, defaults={"claimed_at": moment})
        if is_new:
            return True
        mine = DigestWeek.objects.filter(user=user, week_on=week_on, claimed_at=None, again_at__lte=moment)
        return bool(mine.update(claimed_at=moment))


def _mail(user: User, week_on: date, moment: datetime) -> bool:
    with translation.override(user.language), timezone.override(ZoneInfo(user.time_zone)):
        digest = digest_of(user, now=moment)
        if digest.is_empty:
            return False
        message = message_of(digest)
    try:
        message.send()
    except (OSError, smtplib.SMTPException) as error:
        _give_back(user, week_on, moment)
        logger.warning("the week of %s did not leave: %s", user.pk, error)
        return False
    DigestWeek.objects.filter(user=user, week_on=week_on).update(sent_at=timezone.now())
    return True


def _give_back(user: User, week_on: date, moment: datetime) -> None:
    row = DigestWeek.objects.get(user=user, week_on=week_on)
    if row.tries < len(WAITS):
        again = moment + WAITS[row.tries]
        DigestWeek.objects.filter(pk=row.pk).update(claimed_at=None, again_at=again, tries=F("tries") + 1)


def message_of(digest: Digest) -> EmailMessage:
    """As text and as HTML, with the headers by which a mail program shows its own button (RFC 8058)."""
    off = off_url(digest.user)
    context = {"digest": digest, "base": settings.BASE_URL, "off": off, "link": settings.BASE_URL + reverse("digest")}
    headers = {"List-Unsubscribe": f"<{off}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    message = EmailMultiAlternatives(
        digest.subject,
        render_to_string("campaigns/digest/mail/week.txt", context),
        settings.DEFAULT_FROM_EMAIL,
        [digest.user.email],
        headers=headers,
    )
    message.attach_alternative(render_to_string("campaigns/digest/mail/week.html", context), "text/html")
    return message


# --- on and off -------------------------------------------------------------------------------------------------------
def off_url(user: User) -> str:
    return settings.BASE_URL + reverse("digest_off", args=[seal(PURPOSE, user.uid.bytes)])


def user_of(token: str) -> User | None:
    """Whose link it is; None for one that we did not make."""
    body = unseal(PURPOSE, token)
    if body is None or len(body) != 16:
        return None
    return User.objects.filter(uid=UUID(bytes=body)).first()


def is_on(user: User) -> bool:
    return not DigestChoice.objects.filter(user=user, is_off=True).exists()


def choose(*, user: User, is_off: bool, actor: User | None) -> AuditEntry | None:
    """On or off. None when it is so already: the second press does nothing."""
    with transaction.atomic():
        User.objects.select_for_update(of=("self",)).get(pk=user.pk)
        choice, _made = DigestChoice.objects.get_or_create(user=user)
        if choice.is_off == is_off:
            return None
        choice.is_off, choice.changed_at = is_off, timezone.now()
        choice.save()
        changes = [("is_off", not is_off, is_off)]
        return record(verb="digestchoice.set", target=choice, actor=actor, changes=changes, summary=user.name)


def restore_choice(*, uid: UUID, values: dict[str, bool], expected: dict[str, bool], actor: User) -> None:
    DigestChoice.objects.filter(uid=uid).update(is_off=values["is_off"], changed_at=timezone.now())
