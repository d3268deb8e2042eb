"""What a week's mail says, from the same queries as the screens: the queue's sources, what moved, the grids of drives that one leads."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.activities.models import Activity, TeamMember
from campaigns.activities.states import TeamRole
from campaigns.commitments.models import Commitment
from campaigns.interactions.presenting import first_words
from campaigns.planning.models import Drive
from campaigns.planning.today import running_of
from campaigns.positions.ladder import word_of
from campaigns.positions.models import PositionStep
from campaigns.queue import sources
from campaigns.queue.registry import Asked
from campaigns.todo.models import Task
from campaigns.todo.queries import covered_by
from campaigns.windows.queries import coming as windows_coming
from contacts.directory.models import Organization
from contacts.directory.queries import among
from crm.accounts.models import User
from crm.ui import formats

SHOWN = 8  # lines of a section
WEEK = dt.timedelta(days=7)
DRIVES_SHOWN = 5


@dataclass(frozen=True)
class Line:
    """way: up or down, of what moved; empty where neither is better."""

    words: str
    url: str = ""
    way: str = ""


@dataclass
class Section:
    code: str
    title: str
    lines: list[Line] = field(default_factory=list)
    more: int = 0

    @property
    def count(self) -> str:
        return formats.number(len(self.lines) + self.more)


@dataclass
class Digest:
    """first, last: the days that lie ahead."""

    user: User
    first: dt.date
    last: dt.date
    sections: list[Section]

    @property
    def days(self) -> str:
        return f"{formats.day(self.first)} – {formats.day(self.last)}"

    @property
    def is_empty(self) -> bool:
        return not any(section.lines for section in self.sections)

    @property
    def subject(self) -> str:
        counts = {section.code: len(section.lines) + section.more for section in self.sections}
        said = [
            words % {"n": formats.number(counts[code])}
            for code, words in (
                ("moved", ngettext("%(n)s moved", "%(n)s moved", counts["moved"])),
                ("cools", ngettext("%(n)s cools", "%(n)s cool", counts["cools"])),
                ("due", ngettext("%(n)s due", "%(n)s due", counts["due"])),
                ("blind", ngettext("%(n)s blind spot", "%(n)s blind spots", counts["blind"])),
            )
            if counts[code]
        ]
        return _("Your week: %(what)s") % {"what": ", ".join(said)}


def digest_of(user: User, *, now: dt.datetime | None = None) -> Digest:
    """For the week that begins today, in the zone and language that are active."""
    moment = now or timezone.now()
    today = timezone.localdate(moment)
    asked = Asked(user, covered_by(user, today), today, moment)
    leads = list(_led(user)[:DRIVES_SHOWN])
    mine = _my_drives(user)
    sections = [
        _section("moved", _("What moved"), _moved(user, mine, today)),
        _section("cools", _("What cools"), _cooling(asked)),
        _section("due", _("What is due"), _due(asked)),
        _section("blind", _("What is blind"), _blind(user, leads)),
    ]
    return Digest(user, today, today + WEEK - dt.timedelta(days=1), sections)


def _section(code: str, title: str, lines: Iterable[Line]) -> Section:
    found = list(lines)
    return Section(code, title, found[:SHOWN], max(0, len(found) - SHOWN))


def _active(user: User) -> Any:
    return Drive.objects.visible_to(user).filter(status=Drive.Status.ACTIVE, archived_at=None)


def _my_drives(user: User) -> Any:
    """Under way, and one's own or one is on the team."""
    teams = TeamMember.objects.live().filter(user=user)
    return _active(user).filter(Q(owner=user) | Q(pk__in=teams.values("drive_id")))


def _led(user: User) -> Any:
    teams = TeamMember.objects.live().filter(user=user, role=TeamRole.LEAD)
    rows = _active(user).filter(Q(owner=user) | Q(pk__in=teams.values("drive_id")))
    return rows.select_related("campaign").order_by("ends_on", "pk")


def _moved(user: User, drives: Any, today: dt.date) -> Iterator[Line]:
    """Steps on the asks of one's drives and of institutions that one looks after, and promises that ended, in the last seven days."""
    mine = Q(ask__drive__in=drives) | Q(organization__contact_guard__owner=user)
    steps = PositionStep.objects.visible_to(user).filter(mine).between(today - WEEK, today)
    moved = steps.moves().direction(["up", "down", "first"]).select_related("organization", "ask")
    step: Any  # with `previous`
    for step in moved.order_by("-on", "-pk")[:60]:
        place = {"who": step.organization.label, "to": word_of(step.stance), "ask": step.ask.label}
        way = ""
        if step.previous is None:
            words = _("%(who)s is %(to)s: %(ask)s") % place
        else:
            words = _("%(who)s: %(from)s → %(to)s, %(ask)s") % {**place, "from": word_of(step.previous)}
            way = "up" if step.stance > step.previous else "down"
        yield Line(words, reverse("position_step", args=[step.uid]), way)
    since = timezone.now() - WEEK
    settled = Commitment.objects.visible_to(user).filter(settled_at__gte=since, state__in=["kept", "broken"])
    rows = settled.filter(Q(owner=user) | Q(drive__in=drives)).select_related("organization")
    for row in rows.order_by("-settled_at", "-pk")[:60]:
        said = _("%(who)s kept its promise: %(text)s") if row.state == "kept" else _("%(who)s did not keep its promise: %(text)s")  # fmt: skip
        words = said % {"who": row.organization.label, "text": first_words(row.text)}
        yield Line(words, reverse("commitment_detail", args=[row.uid]), "up" if row.state == "kept" else "down")


def _cooling(asked: Asked) -> list[Line]:
    """Institutions that one looks after and that are silent, as in the queue."""
    reasons = list(sources.silent(asked))
    keys = [reason.organization_id for reason in reasons if reason.organization_id]
    known = Organization.objects.active().visible_to(asked.user).filter(among("id", keys)).in_bulk() if keys else {}
    return [
        Line(
            f"{known[reason.organization_id].label}: {reason.words}",
            reverse("organization_detail", args=[known[reason.organization_id].uid]),
        )
        for reason in reasons
        if reason.organization_id in known
    ]


def _due(asked: Asked) -> list[Line]:
    """Tasks, promises that one follows, one's activities and windows, until the end of the week."""
    user, last = asked.user, asked.today + WEEK - dt.timedelta(days=1)
    found: list[tuple[dt.date, Line]] = []
    tasks = Task.objects.due(last).of(asked.whose).select_related("organization").order_by("due_on", "pk")
    for task in tasks[: asked.limit]:
        about = f" ({task.organization.label})" if task.organization else ""
        found.append((task.due_on, Line(_dated(task.due_on, f"{task.title}{about}", asked.today), reverse("task_edit", args=[task.uid]))))  # fmt: skip
    found += [(reason.on or asked.today, Line(reason.words, reason.url)) for reason in sources.commitments(asked)]
    rows = (
        Activity.objects.visible_to(user)
        .live()
        .open()
        .filter(owner=user, due_on__lte=last)
        .select_related("country")
        .order_by("due_on", "pk")
    )
    for row in rows[: asked.limit]:
        found.append((row.due_on, Line(_dated(row.due_on, row.place_label, asked.today), reverse("drive_activity", args=[row.uid]))))  # fmt: skip
    for item in windows_coming(user, asked.today, last):
        found.append((item.on, Line(_dated(item.on, f"{item.what}: {item.title}", asked.today), item.url)))
    return [line for _day, line in sorted(found, key=lambda pair: pair[0])]


def _dated(day: dt.date, words: str, today: dt.date) -> str:
    if day < today:
        return _("%(what)s, was due on %(day)s") % {"what": words, "day": formats.day(day)}
    return _("%(day)s: %(what)s") % {"what": words, "day": formats.day(day)}


def _blind(user: User, drives: Iterable[Drive]) -> Iterator[Line]:
    """For each drive that one leads: the sides that nobody knows, as on Today."""
    for drive in drives:
        running = running_of(drive, user)
        if running.missing:
            words = _("%(drive)s: nobody known for %(places)s") % {"drive": drive.label, "places": running.missing}
            yield Line(words, f"{reverse('drive_detail', args=[drive.uid])}?{urlencode({'colour': 'people'})}#missing")
