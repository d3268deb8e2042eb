"""The door of an event: a page for a phone that works while it is offline, and badges to scan there."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from campaigns.events import checking
from campaigns.events.badges import MOST, badges_pdf
from campaigns.events.lists import RegistrationFilters
from campaigns.events.models import Event, Registration
from campaigns.events.telling import when_of
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, public, requires
from crm.errors import DomainError, NotAllowed
from crm.middleware import PrivacyMiddleware
from crm.ui import formats
from crm.ui.responses import done
from crm.ui.tables import selected
from crm.ui.toasts import toast

WORKER = Path(__file__).with_name("door_worker.js")


@public
@require_safe
def door_worker(request: HttpRequest) -> HttpResponse:
    """The service worker of the door's page: it says nothing about anybody. Served here so that its reach is /events/."""
    answer = HttpResponse(WORKER.read_text(), content_type="text/javascript; charset=utf-8")
    answer["Cache-Control"] = "no-cache"
    return answer


@requires(Action.LOG)
def event_door(request: StaffRequest, uid: UUID) -> HttpResponse:
    """No name stands in the page itself: the list is fetched, and kept on the device until somebody removes it."""
    event = _event(request, uid)
    page = render(request, "campaigns/events/door.html", {"event": event, "when": when_of(event), "words": _words()})
    page["Permissions-Policy"] = PrivacyMiddleware.POLICY.replace("camera=()", "camera=(self)")
    return page


def _words() -> dict[str, str]:
    """What the page's script says."""
    return {
        "came": _("Came"), "undo": _("Take back"), "welcome": _("Welcome"), "already": _("Checked in already"),
        "unknown": _("This code is not on the list"), "offline": _("No network. What you note is kept here."),
        "online": _("Up to date"), "waiting": _("to send"), "signin": _("Sign in again to send what is kept here."),
        "gone": _("This event is not open to you any more. What you noted is kept here: ask a planner."),
        "failed": _("The server does not answer rightly. What you note is kept here, and tried again."),
        "of": _("of"), "line": _("on the waiting list"), "forgotten": _("The list is removed. Load the page again to fetch it."),
        "unsent": _("Some notes are not sent yet, so nothing was removed."),
        "nostore": _("This browser keeps nothing on the device, as private windows do. Open the page in an ordinary window."),
        "blind": _("Noted. The name is not on this device’s list yet; the server will know it."),
        "camera": _("Camera"), "close": _("Close the camera"),
        "nocamera": _("The camera may not be used here: allow it in the browser’s settings. Until then type the name, or scan the badge with the phone’s own camera."),
        "missing": _("There is no camera here, or another program uses it. Type the name, or scan the badge with the phone’s own camera."),
        "insecure": _("A browser opens the camera only on a page whose address begins with https. Type the name, or scan the badge with the phone’s own camera."),
        "nodecoder": _("What reads the codes is not on this device yet. Load this page once while there is a network. Until then type the name, or scan the badge with the phone’s own camera."),
        "why_unknown": _("The server does not know this seat: it may be of another event, or taken out since. Ask them, then note them as somebody who is not on the list."),
        "why_no_name": _("There was no name in it. Note them once more, with a name."),
        "why_unreadable": _("The server cannot read this note. Note them once more, then remove this one."),
        "why_other": _("The server did not take this note. Send it again, or note them once more."),
    }  # fmt: skip


@requires(Action.LOG)
@require_safe
def event_door_list(request: StaffRequest, uid: UUID) -> HttpResponse:
    event = _event(request, uid)
    return _told(event, request)


@requires(Action.LOG)
@require_POST
def event_door_notes(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Body: {"notes": [{"key", "at", "seat" | "name" and "organization", "out"}]}. Answers each key, and the list as it is now.

    A note that cannot be read is answered by itself: it must not keep those beside it from being taken.
    """
    event = _event(request, uid)
    rows = _rows(request.body)
    if rows is None:
        return JsonResponse({"problem": _("These notes cannot be read. Nothing was kept.")}, status=422)
    notes, refused = [], {}
    for row in rows:
        try:
            notes.append(_note(row))
        except (ValueError, KeyError, TypeError):
            refused[str(row.get("key"))[:80]] = "unreadable"
    answers = checking.take_notes(event=event, actor=request.user, notes=notes)
    return _told(event, request, answers=answers | refused)


def _told(event: Event, request: StaffRequest, **more: Any) -> JsonResponse:
    answer = JsonResponse({"people": checking.door_list(event, request.user), **more})
    answer["Cache-Control"] = "no-store"
    return answer


def _rows(body: bytes) -> list[dict[str, Any]] | None:
    """None for anything that is not a list of objects."""
    try:
        rows = json.loads(body)["notes"]
    except (ValueError, KeyError, TypeError):
        return None
    is_list = isinstance(rows, list) and len(rows) <= checking.MOST_NOTES and all(isinstance(row, dict) for row in rows)
    return rows if is_list else None


def _note(row: dict[str, Any]) -> checking.Note:
    at: datetime | None = parse_datetime(str(row["at"]))
    if at is None or timezone.is_naive(at):
        raise ValueError("a moment needs its zone")
    return checking.Note(
        key=UUID(str(row["key"])),
        at=at,
        seat=UUID(str(row["seat"])) if row.get("seat") else None,
        name=str(row.get("name") or "")[:200],
        organization=str(row.get("organization") or "")[:300],
        is_out=bool(row.get("out")),
    )


@requires(Action.LOG)
@require_safe
def event_badges(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Of everybody who has a seat, by name."""
    event = _event(request, uid)
    rows = Registration.objects.visible_to(request.user).seated().filter(event=event)
    rows = rows.select_related("event", "organization", "constituency").order_by("name", "pk")[:MOST]
    answer = HttpResponse(badges_pdf(event, rows), content_type="application/pdf")
    answer["Content-Disposition"] = f'inline; filename="badges-{event.slug}.pdf"'
    answer["Cache-Control"] = "no-store"
    return answer


@requires(Action.EDIT_DIRECTORY)
@require_POST
def event_adopt(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Those of the selected who are not in the directory yet get a page there."""
    event = _event(request, uid, Action.EDIT_DIRECTORY)
    back = f"{reverse('event_detail', args=[uid])}?tab=people"
    of = Registration.objects.visible_to(request.user, Action.EDIT_DIRECTORY).filter(event=event)
    try:
        rows = selected(request, of, filters=RegistrationFilters)
        added = sum(checking.adopt(registration=row, actor=request.user) is not None for row in rows[:500])
    except DomainError as error:
        toast(request, error.message)
        return done(request, back)
    words = ngettext("%(n)s person is in the directory now.", "%(n)s people are in the directory now.", added)
    toast(request, words % {"n": formats.number(added)})
    return done(request, back)


def _event(request: StaffRequest, uid: UUID, action: Action = Action.LOG) -> Event:
    event: Event = get_object_or_404(Event.objects.visible_to(request.user).select_related("country", "drive"), uid=uid)
    if not Event.objects.visible_to(request.user, action).filter(pk=event.pk).exists():
        raise NotAllowed(_("You may see this event, but your role does not let you change it."))
    return event
