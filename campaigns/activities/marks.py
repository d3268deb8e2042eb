"""Days that matter to a drive without being activities: its beginning and end, its objectives, policy windows.

register(fn)    fn(drive, first, last, user) -> iterable of Mark
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns.activities.models import Objective
from campaigns.planning.models import Drive
from crm.accounts.models import User


@dataclass(frozen=True)
class Mark:
    """kind: a colour (blue, ok, warn). last_on: for what lasts several days."""

    on: dt.date
    label: str
    icon: str
    url: str
    kind: str = "blue"
    last_on: dt.date | None = None


Source = Callable[[Drive, dt.date, dt.date, User], Iterable[Mark]]
SOURCES: list[Source] = []


def register(source: Source) -> Source:
    SOURCES.append(source)
    return source


def marks_of(drive: Drive, first: dt.date, last: dt.date, user: User) -> list[Mark]:
    """All of them that touch these days, in their order."""
    found = [mark for source in SOURCES for mark in source(drive, first, last, user)]
    return sorted(found, key=lambda mark: (mark.on, mark.label))


@register
def of_the_drive(drive: Drive, first: dt.date, last: dt.date, user: User) -> Iterable[Mark]:
    page = reverse("drive_plan", args=[drive.uid])
    for day, words in ((drive.starts_on, _("The drive begins")), (drive.ends_on, _("The drive ends"))):
        if first <= day <= last:
            yield Mark(day, words, "flag", page)
    for objective in Objective.objects.live().filter(drive=drive, due_on__range=(first, last)).order_by("due_on", "pk"):
        words = _("Objective: %(name)s") % {"name": objective.name}
        yield Mark(objective.due_on, words, "target", f"{page}#objectives", "ok" if objective.is_met else "warn")
