"""What planning shows on Today: how far the running drives are, whom they miss, and what is coming up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.mailings.models import Mailing
from campaigns.mailings.states import State
from campaigns.planning.grid import Grid, countries_of, grid_of
from campaigns.planning.models import Drive
from crm.accounts.models import User
from crm.ui import formats, today
from crm.ui.counting import counts

DRIVES_SHOWN = 3
MISSING_SHOWN = 3
AHEAD = dt.timedelta(days=14)
ITEMS_SHOWN = 6


@dataclass(frozen=True)
class RunningDrive:
    """One drive as its card shows it."""

    drive: Drive
    url: str
    days_left: int
    parts: list[dict[str, Any]]
    missing: str
    missing_url: str


def running_drives(user: User) -> today.Card | None:
    """The drives under way. Their numbers come a moment later: a grid is too much work for a page that begins the day."""
    number = _known(user)[0]
    if not number:
        return None
    return today.Card(
        title=ngettext("Drive under way", "Drives under way", number),
        lazy_url=reverse("drives_today"),
        column="main",
        order=20,
        url=reverse("drive_list"),
        link=_("All drives"),
    )


def running(user: User) -> list[RunningDrive]:
    """The drives under way, one's own first: whom they reached and which sides are missing."""
    rows = sorted(_active(user).order_by("ends_on", "pk")[:20], key=lambda drive: drive.owner_id != user.pk)
    return [running_of(drive, user) for drive in rows[:DRIVES_SHOWN]]


def _known(user: User) -> list[int]:
    """How many drives are under way, and whether there are any. Asked once a request."""
    if (known := user.__dict__.get("_drives_known")) is None:
        anything = Drive.objects.visible_to(user).filter(archived_at=None)[:1]
        known = user.__dict__["_drives_known"] = counts([[_active(user)], [anything]])
    return list(known)


def _active(user: User) -> Any:
    return Drive.objects.visible_to(user).filter(status=Drive.Status.ACTIVE, archived_at=None)


def running_of(drive: Drive, user: User) -> RunningDrive:
    """Whom it reached and which sides are missing, as far as the user may see it."""
    mailings = list(Mailing.objects.visible_to(user).filter(drive=drive).values_list("pk", flat=True))
    grid = grid_of(drive, countries=countries_of(drive, user), mailings=mailings)
    url = reverse("drive_detail", args=[drive.uid])
    return RunningDrive(
        drive=drive,
        url=url,
        days_left=(drive.ends_on - timezone.localdate()).days,
        parts=_parts(grid, reverse("drive_institutions", args=[drive.uid])),
        missing=_missing(grid),
        missing_url=url,
    )


def _parts(grid: Grid, url: str) -> list[dict[str, Any]]:
    total = grid.total
    found = [
        ("ok", total.reached, _("reached"), "reached"),
        ("rest", max(0, total.reachable - total.reached), _("can be reached"), "open"),
        (
            "warn",
            max(0, total.institutions - max(total.reachable, total.reached)),
            _("without a working address"),
            "closed",
        ),
    ]
    return [
        {"kind": kind, "count": count, "label": label, "url": f"{url}?{urlencode({'state': state})}"}
        for kind, count, label, state in found
    ]


def _missing(grid: Grid) -> str:
    """ "Nobody known: Employers in Chad, …, and 4 more"; empty when every side is there."""
    if not grid.missing:
        return ""
    places = [
        _("%(side)s in %(country)s") % {"side": side.label, "country": row.country.label}
        for row, side in grid.missing[:MISSING_SHOWN]
    ]
    rest = len(grid.missing) - len(places)
    if rest:
        places.append(ngettext("%(n)s more", "%(n)s more", rest) % {"n": formats.number(rest)})
    return formats.listing(places)


@dataclass(frozen=True)
class Coming:
    """Something with a date that lies ahead."""

    on: dt.date
    clock: str
    what: str
    title: str
    url: str


Source = Callable[[User, dt.date, dt.date], Iterable[Coming]]
_SOURCES: list[Source] = []


def register_coming(source: Source) -> None:
    """What else lies ahead: fn(user, first day, last day) -> iterable of Coming."""
    _SOURCES.append(source)


def coming_up(user: User) -> today.Card | None:
    """What lies ahead, a moment later: it asks every feature that knows days. Nothing, where there is no drive yet."""
    if not _known(user)[1]:
        return None
    return today.Card(title=_("Coming up"), lazy_url=reverse("coming_today"), order=30)


def coming(user: User) -> list[Coming]:
    """Mailings that leave, drives that begin or end, and what other features know, within two weeks: the first of them."""
    now = timezone.now()
    day = timezone.localdate(now)
    items = [*_mailings(user, now), *_drives(user, day)]
    items += [item for source in _SOURCES for item in source(user, day, day + AHEAD)]
    items.sort(key=lambda item: (item.on, item.clock))
    return items[:ITEMS_SHOWN]


def _mailings(user: User, now: dt.datetime) -> list[Coming]:
    due = Mailing.objects.visible_to(user).filter(state=State.SCHEDULED, send_at__range=(now, now + AHEAD))
    return [
        Coming(
            timezone.localtime(row.send_at).date(),
            formats.clock(row.send_at),
            _("Mailing"),
            row.label,
            reverse("mailing_detail", args=[row.uid]),
        )
        for row in due.order_by("send_at")[:ITEMS_SHOWN]
        if row.send_at
    ]


def _drives(user: User, day: dt.date) -> list[Coming]:
    until = day + AHEAD
    live = Drive.objects.visible_to(user).filter(
        status__in=[Drive.Status.PLANNED, Drive.Status.ACTIVE], archived_at=None
    )
    rows = live.filter(Q(starts_on__range=(day, until)) | Q(ends_on__range=(day, until))).order_by("ends_on", "pk")
    return [
        Coming(on, "", what, row.label, reverse("drive_detail", args=[row.uid]))
        for row in rows[:20]
        for on, what in ((row.starts_on, _("Drive begins")), (row.ends_on, _("Drive ends")))
        if day <= on <= until
    ]
