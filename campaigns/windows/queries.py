"""Which windows somebody may see, which lie ahead, and the next one in each country."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns.activities.marks import Mark
from campaigns.planning.models import Drive
from campaigns.planning.today import Coming
from campaigns.planning.windows import Window
from contacts.directory.queries import SearchMixin
from crm.accounts.models import User
from crm.accounts.rules import Action

if TYPE_CHECKING:
    from campaigns.windows.models import PolicyWindow

    _Windows = models.QuerySet[PolicyWindow]
else:
    _Windows = models.QuerySet

COMING_SHOWN = 6
MARKS_SHOWN = 200


class WindowQuerySet(SearchMixin, _Windows):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        """Those of one's countries. One in all countries is seen by everybody, and changed by who plans everywhere."""
        scope = user.scope(action)
        if not scope:
            return self.none()
        if scope.countries is None:
            return self
        here = Q(country__in=scope.countries)
        return self.filter(here | Q(country=None) if action == Action.SEE else here)

    def live(self) -> Self:
        return self.filter(archived_at=None)

    def ahead(self, today: dt.date) -> Self:
        """Open today, or later."""
        return self.live().filter(ends_on__gte=today)

    def of_countries(self, codes: Collection[str]) -> Self:
        return self.filter(Q(country__in=codes) | Q(country=None))

    def between(self, first: dt.date, last: dt.date) -> Self:
        return self.filter(starts_on__lte=last, ends_on__gte=first)


def _windows() -> WindowQuerySet:
    from campaigns.windows.models import PolicyWindow

    return PolicyWindow.objects.all()


def url_of_window(window: PolicyWindow) -> str:
    return reverse("window_detail", args=[window.uid])


def words_of(window: PolicyWindow) -> str:
    """Its name, and that the day is not sure."""
    return _("%(name)s (expected)") % {"name": window.label} if window.is_expected else window.label


def near(drive: Drive, countries: Sequence[str], today: dt.date) -> Mapping[str, Window]:
    """The next chance in each country: its own, or one in all of them. One query."""
    found: dict[str, Window] = {}
    for row in _windows().ahead(today).of_countries(countries).order_by("starts_on", "pk"):
        window = Window(on=max(row.starts_on, today), title=words_of(row), url=url_of_window(row))
        for code in [row.country_id] if row.country_id else countries:
            known = found.get(code)
            if known is None or window.on < known.on:
                found[code] = window
    return found


def marks(drive: Drive, first: dt.date, last: dt.date, user: User) -> Iterable[Mark]:
    """In the calendar of a drive: the windows of its countries that the user may see."""
    codes = list(drive.countries.values_list("code", flat=True))
    rows = _windows().visible_to(user).live().of_countries(codes).between(first, last).select_related("country")
    for row in rows.order_by("starts_on", "pk")[:MARKS_SHOWN]:
        words = f"{words_of(row)} · {row.country.label}" if row.country else words_of(row)
        last_on = row.ends_on if row.ends_on != row.starts_on else None
        yield Mark(max(row.starts_on, first), words, row.icon, url_of_window(row), "warn", last_on)


def coming(user: User, first: dt.date, last: dt.date) -> Iterable[Coming]:
    """Windows that open in these days in the countries of drives under way."""
    drives = Drive.objects.visible_to(user).filter(
        status__in=[Drive.Status.PLANNED, Drive.Status.ACTIVE], archived_at=None
    )
    countries = Drive.countries.through.objects.filter(drive__in=drives).values("country_id")
    rows = _windows().visible_to(user).live().filter(starts_on__range=(first, last))
    rows = rows.filter(Q(country__in=countries) | Q(country=None)).select_related("country")
    for row in rows.order_by("starts_on", "pk")[:COMING_SHOWN]:
        title = f"{words_of(row)} · {row.country.label}" if row.country else words_of(row)
        yield Coming(row.starts_on, "", str(row.get_kind_display()).capitalize(), title, url_of_window(row))
