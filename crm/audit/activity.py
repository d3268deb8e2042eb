"""Activity as a list: of everything, of one object, of one person of staff. One table, one bar of filters."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import User
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action
from crm.audit.models import Door
from crm.audit.queries import (
    attach_changes,
    entries_of_object,
    entries_visible_to,
    objects_found,
    verbs_in_use,
)
from crm.audit.readable import attach_words, done
from crm.audit.services import can_undo
from crm.audit.subjects import KINDS, Kind, kind_label, kinds_for
from crm.ui import formats
from crm.ui.filters import Chip, Choice, Facet, FilterBar, Search
from crm.ui.sources import Source, register
from crm.ui.tables import Column, Table


# --- filters ------------------------------------------------------------------------------------------------------------
def _who(request: HttpRequest) -> list[Choice]:
    people = User.objects.staff().order_by("-is_active", "name", "pk").values_list("uid", "name")
    return [*((str(uid), name) for uid, name in people), ("none", _("nobody: Groundswell itself"))]


def _by_who(rows: Any, values: list[str]) -> Any:
    uids = [value for value in values if value != "none" and _is_uid(value)]
    people = rows.filter(actor__in=list(User.objects.filter(uid__in=uids).values_list("pk", flat=True)))
    return people | rows.filter(actor=None) if "none" in values else people


def _is_uid(value: str) -> bool:
    try:
        UUID(value)
    except ValueError:
        return False
    return True


def _kinds(request: Any) -> list[Choice]:
    return [(kind.name, kind.label) for kind in kinds_for(request.user)]


def _verbs(request: HttpRequest) -> list[Choice]:
    return sorted(
        ((verb, f"{kind_label(verb.partition('.')[0])}: {done(verb).lower()}") for verb in verbs_in_use()),
        key=lambda choice: str(choice[1]),
    )


WHO = Facet("who", _("Who"), _who, _by_who, icon="user")
KIND = Facet("kind", _("Kind"), _kinds, lambda rows, values: rows.filter(object_type__in=values))
VERB = Facet("what", _("What"), _verbs, lambda rows, values: rows.filter(verb__in=values))
DOOR = Facet("door", _("Through"), Door.choices, lambda rows, values: rows.filter(door__in=values))


class ActivityFilters(FilterBar):
    """Also two days, `from` and `until`, in the reader's zone."""

    search: Search | None = Search(_("Find by what was changed"))
    facets: Sequence[Facet] = (WHO, KIND, VERB, DOOR)

    @property
    def days(self) -> tuple[dt.date | None, dt.date | None]:
        found = []
        for name in ("from", "until"):
            try:
                found.append(parse_date(self.params.get(name, "")))
            except ValueError:  # the 31st of February
                found.append(None)
        return found[0], found[1]

    def narrowed(self, *, without: str = "") -> Any:
        """The words name objects; they are looked up first."""
        rows = self._base
        if self.search and self.q:
            rows = rows.filter(pk__in=entries_of_object(objects_found(self.request.user, self.q)).values("pk"))  # type: ignore[arg-type]
        for bound in self.bound:
            if bound.values and bound.name != without:
                rows = bound.facet.apply(rows, bound.values)
        first, last = self.days
        if first:
            rows = rows.filter(at__gte=_midnight(first))
        if last:
            rows = rows.filter(at__lt=_midnight(last + dt.timedelta(days=1)))
        return rows

    @property
    def is_active(self) -> bool:
        return super().is_active or any(self.days)

    @property
    def chips(self) -> list[Chip]:
        days = zip(("from", "until"), (_("From"), _("Until")), self.days, strict=True)
        extra = [
            Chip(str(label), formats.long_day(day), self._url_without(name, self.params.get(name, "")))
            for name, label, day in days
            if day
        ]
        return [*super().chips, *extra]

    @property
    def kept(self) -> list[tuple[str, str]]:
        return [(name, value) for name, value in super().kept if name not in {"from", "until"}]

    @property
    def state(self) -> list[tuple[str, str]]:
        return super().state + [
            (name, self.params.get(name, "")) for name in ("from", "until") if self.params.get(name)
        ]


class OwnFilters(ActivityFilters):
    """Of one person of staff: who it was is known."""

    facets = (KIND, VERB, DOOR)


class ObjectFilters(ActivityFilters):
    """Of one object: what it was is known."""

    search = None
    facets = (WHO, VERB, DOOR)


def _midnight(day: dt.date) -> dt.datetime:
    return timezone.make_aware(dt.datetime.combine(day, dt.time()))


# --- the list -----------------------------------------------------------------------------------------------------------
class ActivityTable(Table):
    columns = (
        Column("at", _("When"), sort=["at", "pk"], css="fit"),
        Column("actor", _("Who"), value=lambda row: row.actor.name if row.actor else "", export=lambda row: row.actor.name if row.actor else ""),
        Column("words", _("What")),
        Column("changes", _("Before → after"), value=lambda row: "; ".join(line.text for line in row.lines)),
        Column("undo", "", export=None, css="fit"),
        Column("kind", _("Kind"), value="kind_label"),
        Column("object", _("Of what"), value="object_name"),
        Column("door", _("Through"), value=lambda row: row.get_door_display()),
        Column("undone", _("Undone"), value=lambda row: hasattr(row, "undone_by")),
        Column("verb", _("Verb")),
        Column("object_uid", _("Id of the object")),
        Column("uid", _("Id")),
    )  # fmt: skip
    shown = 5  # the rest is for the file
    default_sort = "-at"
    row_template = "crm/audit/_row.html"
    file_name = "activity"
    only: Iterable[UUID] | None = None  # of many objects: the changes of these

    def prepare(self, rows: list[Any]) -> None:
        attach_changes(rows, only=self.only)
        attach_words(rows, self.request.user)
        may_all = self.request.user.may(Action.ADMINISTER)
        for row in rows:
            mine = may_all or row.actor_id == self.request.user.pk
            vars(row)["may_undo"] = mine and can_undo(row) and bool(row.shown)


def _table(
    request: StaffRequest, rows: Any, filters: type[FilterBar], only: Iterable[UUID] | None = None
) -> ActivityTable:
    bar = filters(request, rows.select_related("actor", "undone_by__actor", "undoes"))
    table = ActivityTable(request, bar.queryset, filters=bar, may_export=request.user.may(Action.EXPORT))
    table.only = only
    return table


def everything(request: StaffRequest) -> ActivityTable:
    return _table(request, entries_visible_to(request.user), ActivityFilters)


def of_user(request: StaffRequest, user: str) -> ActivityTable:
    """What one person of staff did: one's own, or anybody's for who plans or administers."""
    if str(request.user.uid) != user and not request.user.may(Action.BULK):
        raise Http404("not one's own")
    actor = User.objects.filter(uid=user).first()
    if actor is None:
        raise Http404("no such user")
    return _table(request, entries_visible_to(request.user).filter(actor=actor), OwnFilters)


def of_object(request: StaffRequest, kind: str, uid: str) -> ActivityTable:
    """The history of one object, for whoever may see the object."""
    known, _name = subject(request.user, kind, uid)
    uids = [UUID(uid), *known.also(UUID(uid))]
    return _table(request, entries_of_object(uids), ObjectFilters, only=uids)


def subject(user: User, kind: str, uid: str) -> tuple[Kind, str]:
    """The kind and the name of an object that the user may see; 404 otherwise."""
    known = KINDS.get(kind)
    if known is None or not known.may_see(user):
        raise Http404("no such kind")
    name = known.rows(user).filter(uid=uid).order_by().values_list(known.words or "uid", flat=True).first()
    if name is None:
        raise Http404("not visible")
    return known, str(name if known.words else known.label)


register(Source("activity", _("Activity"), lambda given: reverse("activity"), everything))
register(
    Source(
        "activity_user",
        _("Activity of a colleague"),
        lambda given: reverse("activity_user", args=[given["user"]]),
        of_user,
    )
)
register(
    Source(
        "activity_object",
        _("History"),
        lambda given: reverse("activity_object", args=[given["kind"], given["uid"]]),
        of_object,
    )
)
