"""Keep track of signed-in browsers, and sign them out from elsewhere."""

from __future__ import annotations

import time

from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import User
from crm.accounts.session_models import DEVICE_LENGTH, BrowserSession
from crm.addresses import client_address
from crm.audit.services import record

SEEN = "seen"  # in the session: the key and the moment that the row holds, so that most requests ask nothing
NOTED_EVERY_SECONDS = 300


def note(request: HttpRequest, user: User) -> None:
    """Write down where this session is used: at sign-in, when its key is changed, and then every five minutes."""
    key = request.session.session_key
    if key is None:
        request.session.save()
        key = request.session.session_key
    known, _at = request.session.get(SEEN) or (key, 0)
    BrowserSession.objects.filter(session_key=known, user=user).update(session_key=key)
    BrowserSession.objects.update_or_create(
        session_key=key,
        defaults={
            "user": user,
            "address": client_address(request),
            "agent": request.META.get("HTTP_USER_AGENT", "")[:DEVICE_LENGTH],
            "last_seen_at": timezone.now(),
        },
    )
    request.session[SEEN] = [key, int(time.time())]


def note_now_and_then(request: HttpRequest, user: User) -> None:
    """`note`, if it is time to."""
    key, at = request.session.get(SEEN) or ("", 0)
    if request.session.session_key and (key != request.session.session_key or time.time() - at > NOTED_EVERY_SECONDS):
        note(request, user)


def forget_ended(user: User) -> None:
    """Drop rows whose session is signed out or too old."""
    alive = Session.objects.filter(session_key=OuterRef("session_key"), expire_date__gt=timezone.now())
    BrowserSession.objects.filter(~Exists(alive), user=user).delete()


def clear_expired() -> int:
    """Delete sessions past their time, and rows of sessions that are gone; returns how many rows. Safe to run twice."""
    Session.objects.filter(expire_date__lte=timezone.now()).delete()
    alive = Session.objects.filter(session_key=OuterRef("session_key"))
    return BrowserSession.objects.filter(~Exists(alive)).delete()[0]


def end(*, sessions: QuerySet[BrowserSession], user: User, actor: User | None, why: str = "") -> int:
    """Sign these browsers of `user` out at once; returns how many. One audit entry for all of them."""
    with transaction.atomic():
        rows = list(sessions.filter(user=user).select_for_update())
        Session.objects.filter(session_key__in=[row.session_key for row in rows]).delete()
        BrowserSession.objects.filter(pk__in=[row.pk for row in rows]).delete()
        if rows:
            record(
                verb="session.ended",
                target=user,
                actor=actor,
                summary=why or _("Signed out: %(devices)s") % {"devices": "; ".join(str(row) for row in rows)},
                changes=[("sessions", len(rows), 0)],
            )
    return len(rows)


def end_others(request: HttpRequest, user: User, *, why: str = "") -> int:
    """Sign all other browsers of the request's user out."""
    others = BrowserSession.objects.exclude(session_key=request.session.session_key or "")
    return end(sessions=others, user=user, actor=user, why=why)
