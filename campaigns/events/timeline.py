"""Invitations, answers and attendance on the page of a person and of an institution."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.events.models import Event, Invitation, Registration
from contacts.directory.models import Person
from contacts.directory.timeline import Entry, Subject, TimelineSource, register
from crm.accounts.models import User


def _answers() -> dict[str, tuple[str, str, str]]:
    return {
        "yes": (_("Said yes to %(event)s"), "circle-check", "ok"),
        "other": (_("Sends somebody else to %(event)s"), "user-share", "ok"),
        "maybe": (_("Said maybe to %(event)s"), "help-circle", "warn"),
        "no": (_("Said no to %(event)s"), "circle-x", "rest"),
    }


def _of(subject: Subject) -> dict[str, Subject]:
    return {"person": subject} if isinstance(subject, Person) else {"organization": subject}


def _about(subject: Subject) -> list[QuerySet[Any]]:
    return [Invitation.objects.filter(**_of(subject)), Registration.objects.came().filter(**_of(subject))]


def events(subject: Subject, user: User, before: datetime | None, limit: int) -> Iterable[Entry]:
    of = _of(subject)
    seen = Event.objects.visible_to(user)
    entries: list[Entry] = []
    answers = _answers()
    invitations = Invitation.objects.filter(event__in=seen, **of).select_related("event", "person")
    for row in invitations.order_by("-created_at")[:limit]:
        url = reverse("event_detail", args=[row.event.uid])
        name = {"event": row.event.label}
        entries.append(Entry(row.created_at, _("Invited to %(event)s") % name, "calendar-plus", "", url=url))
        if row.answer and row.answered_at:
            words, icon, kind = answers[row.answer]
            entries.append(Entry(row.answered_at, words % name, icon, kind, body=row.note, url=url))
    came = Registration.objects.came().filter(event__in=seen, **of).select_related("event")
    for seat in came.order_by("-came_at")[:limit]:
        if seat.came_at:
            url = reverse("event_detail", args=[seat.event.uid])
            title = _("Came to %(event)s") if isinstance(subject, Person) else _("%(name)s came to %(event)s")
            entries.append(
                Entry(seat.came_at, title % {"event": seat.event.label, "name": seat.name}, "door-enter", "ok", url=url)
            )
    shown = [entry for entry in entries if before is None or entry.at < before]
    yield from sorted(shown, key=lambda entry: entry.at, reverse=True)[:limit]


def register_sources() -> None:
    register(TimelineSource("event", gettext_lazy("Events"), "calendar-event", events, order=36, about=_about))
