"""The queue, made: reasons by who they are about, the most pressing first, each with its context. As many queries for one entry as
for forty."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.queue.context import places
from campaigns.queue.registry import CONTEXT, SOURCES, Asked, Line, Reason
from campaigns.todo.queries import covered_by
from contacts.directory.models import Organization, Person
from contacts.directory.queries import among
from crm.accounts.models import User

SHOWN = 25  # more than a day's work; the others stand there when these are done


@dataclass
class Entry:
    """Somebody to turn to today. `organization` is None for people without one, and both are for tasks about nobody."""

    organization: Organization | None = None
    person: Person | None = None
    reasons: list[Reason] = field(default_factory=list)
    context: list[Line] = field(default_factory=list)

    @property
    def first(self) -> Reason:
        return self.reasons[0]

    @property
    def title(self) -> str:
        row = self.organization or self.person
        return row.label if row else self.first.next

    @property
    def url(self) -> str:
        if self.organization:
            return reverse("organization_detail", args=[self.organization.uid])
        if self.person:
            return reverse("person_detail", args=[self.person.uid])
        return self.first.url

    @property
    def log_url(self) -> str:
        given = [f"organization={self.organization.uid}"] if self.organization else []
        given += [f"person={self.person.uid}"] if self.person else []
        return f"{reverse('log')}?{'&'.join(given)}" if given else ""

    @property
    def suggestion(self) -> str:
        """What to do now: a protocol stands before everything, then the first reason's own step."""
        hold = next((line.words for line in self.context if line.kind == "warn"), "")
        return _("Hold, or go the way that it says: %(words)s") % {"words": hold} if hold else self.first.next


@dataclass
class Queue:
    entries: list[Entry]
    more: int
    covering: list[User]


def queue_of(user: User, *, now: datetime | None = None) -> Queue:
    """For `user`, today in the zone that is active."""
    moment = now or timezone.now()
    today = timezone.localdate(moment)
    whose = covered_by(user, today)
    asked = Asked(user, whose, today, moment)
    reasons = [reason for source in SOURCES.values() for reason in source.find(asked)] if whose else []
    entries = _grouped(reasons)
    shown = entries[:SHOWN]
    _fill(shown, user)
    away = [key for key in whose if key != user.pk]
    covering = list(User.objects.filter(pk__in=away).order_by("name")) if away else []
    return Queue([entry for entry in shown if entry.reasons], max(0, len(entries) - SHOWN), covering)


def _grouped(reasons: list[Reason]) -> list[Entry]:
    """One entry for each institution; for each person without one; for each task about nobody."""
    found: dict[object, Entry] = {}
    for reason in reasons:
        key: object = (
            ("o", reason.organization_id)
            if reason.organization_id
            else ("p", reason.person_id)
            if reason.person_id
            else reason
        )
        found.setdefault(key, Entry()).reasons.append(reason)
    for entry in found.values():
        entry.reasons.sort(key=_urgency)
    return sorted(found.values(), key=lambda entry: _urgency(entry.first))


def _urgency(reason: Reason) -> tuple[int, date, str]:
    return (reason.rank, reason.on or date.min, reason.words)


def _fill(entries: list[Entry], user: User) -> None:
    """Rows and context of the entries shown. Who is out of the user's reach by now is a task without a name."""
    keys = list(dict.fromkeys(r.organization_id for entry in entries for r in entry.reasons if r.organization_id))
    people = list(dict.fromkeys(r.person_id for entry in entries for r in entry.reasons if r.person_id))
    known = places(keys, user) if keys else {}
    persons = (
        {row.pk: row for row in Person.objects.active().visible_to(user).filter(among("id", people))} if people else {}
    )
    lines: dict[int, list[Line]] = {}
    for provider in CONTEXT if known else ():
        for key, found in provider(list(known), user).items():
            lines.setdefault(key, []).extend(found)
    for entry in entries:
        place = entry.first.organization_id or 0
        person = next((r.person_id for r in entry.reasons if r.person_id in persons), None)
        entry.person = persons.get(person or 0)
        entry.organization = known.get(place)
        entry.context = sorted(lines.get(place, []), key=lambda line: line.order)
