"""Feeds made, renewed and revoked; each is one transaction with one audit entry. The address is signed from the row's uid: nothing that
opens it is stored, and a new address is a new row."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.calendars.models import CalendarFeed
from campaigns.planning.models import Drive
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry
from crm.audit.services import record
from crm.errors import NotAllowed
from crm.keyring import seal, unseal

PURPOSE = "calendar-feed"


def url_of(feed: CalendarFeed) -> str:
    return settings.BASE_URL + reverse("calendar_feed", kwargs={"token": seal(PURPOSE, feed.uid.bytes)})


def feed_of(token: str) -> CalendarFeed | None:
    """The feed that an address opens; None for one that we did not make, that was revoked, or whose owner may not sign in any more."""
    body = unseal(PURPOSE, token)
    if body is None or len(body) != 16:
        return None
    feed = CalendarFeed.objects.alive().filter(uid=UUID(bytes=body)).select_related("user", "drive").first()
    if feed is None or not feed.user.is_active or not feed.user.may(Action.SEE):
        return None
    if feed.drive is not None and not Drive.objects.visible_to(feed.user).filter(pk=feed.drive.pk).exists():
        return None
    return feed


def make_feed(*, actor: User, drive: Drive | None = None) -> CalendarFeed:
    """The user's address, for their own work or for a drive; the one there is, when there is one."""
    if drive is not None and not Drive.objects.visible_to(actor).filter(pk=drive.pk).exists():
        raise NotAllowed(_("This drive is not for you. Nothing was made."))
    alive = CalendarFeed.objects.alive().filter(user=actor, drive=drive).first()
    if alive is not None:
        return alive
    try:
        with transaction.atomic():
            return _made(actor, drive)
    except IntegrityError:  # two tabs at once: theirs will do
        return CalendarFeed.objects.alive().get(user=actor, drive=drive)


def _made(actor: User, drive: Drive | None) -> CalendarFeed:
    feed = CalendarFeed.objects.create(user=actor, drive=drive, made_at=timezone.now())
    changes = [("drive", None, str(drive.uid) if drive else "own")]
    record(verb="calendar_feed.made", object_type="calendar_feed", target=feed, actor=actor, changes=changes)
    return feed


def revoke_feed(*, feed: CalendarFeed, actor: User) -> AuditEntry | None:
    """From now on its address answers as one that never was. None when it was revoked already."""
    with transaction.atomic():
        now = timezone.now()
        if not CalendarFeed.objects.alive().filter(pk=feed.pk).update(revoked_at=now):
            return None
        changes = [("revoked_at", None, now.isoformat())]
        return record(
            verb="calendar_feed.revoked", object_type="calendar_feed", target=feed, actor=actor, changes=changes
        )


def renew_feed(*, feed: CalendarFeed, actor: User) -> CalendarFeed:
    """Another address for the same: the old one leads nowhere any more."""
    with transaction.atomic():
        revoke_feed(feed=feed, actor=actor)
        return make_feed(actor=actor, drive=feed.drive)


def note_fetch(feed: CalendarFeed, now: datetime) -> None:
    """That a calendar asked, once a day: it shows whether somebody still uses the address."""
    if feed.fetched_at is None or now - feed.fetched_at > timedelta(days=1):
        CalendarFeed.objects.filter(pk=feed.pk).update(fetched_at=now)
