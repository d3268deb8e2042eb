"""A bulk edit as a job: a few thousand rows a step, with progress; stopped, it keeps what it did, under one entry that undoes it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import transaction
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contacts.directory.lists import OrganizationFilters, PersonFilters, asks_for_archived
from contacts.directory.models import Organization, Person
from contacts.directory.services.bulk import Bulk, Place, finish, run_some
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.errors import NotAllowed
from crm.jobs.models import Job
from crm.jobs.services import JobCancelled, Run, job_kind, start_job
from crm.ui.formats import number
from crm.ui.sources import request_of

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

KIND = "directory.bulk_edit"


@dataclass(frozen=True)
class Other:
    """A change of many that another feature makes: its page takes the same selection by POST. kind: person or organization."""

    kind: str
    label: StrOrPromise
    icon: str
    url_name: str


OTHERS: list[Other] = []


def register_other(other: Other) -> None:
    if other not in OTHERS:
        OTHERS.append(other)


AT_ONCE = 500


def rows_for(user: User, kind: str, *, archived: bool = False) -> Any:
    """Whom the user may edit in bulk, or bring back."""
    model: Any = Person if kind == "person" else Organization
    rows = model.objects.archived() if archived else model.objects.active()
    rows = rows.visible_to(user, Action.BULK)
    return rows.with_place() if kind == "person" else rows


def chosen(user: User, kind: str, *, picked: list[str], query: str, archived: bool = False) -> Any:
    """Those picked by uid, or (with none picked) all that match the list's state; archived ones are only brought back, and only
    from a list that shows them."""
    rows = rows_for(user, kind, archived=archived)
    if picked:
        return rows.filter(uid__in=picked)
    if archived and not asks_for_archived(QueryDict(query)):
        return rows.none()
    filters = PersonFilters if kind == "person" else OrganizationFilters
    return filters(request_of(user, query=query), rows, params=QueryDict(query)).queryset


def start_bulk(*, bulk: Bulk, actor: User, picked: list[str], query: str, total: int) -> Job:
    return start_job(
        kind=KIND,
        title=bulk.title,
        owner=actor,
        params={"bulk": asdict(bulk), "actor": str(actor.uid), "picked": picked, "query": query},
        total=total,
    )


@job_kind(KIND)
def edit_many(run: Run) -> Any:
    bulk = Bulk(**run.params["bulk"])
    actor = User.objects.get(uid=UUID(run.params["actor"]))
    if not actor.is_active or not actor.may(Action.BULK):
        raise NotAllowed(_("Your role may no longer edit many at once. What was changed before is kept."))
    rows = chosen(actor, bulk.kind, picked=run.params["picked"], query=run.params["query"], archived=bulk.brings_back)
    place = Place(**run.state)
    try:
        run.check()
        with transaction.atomic():
            seen = run_some(bulk=bulk, rows=rows, actor=actor, place=place)
            run.save_state(**asdict(place))
        run.advance(seen)
    except JobCancelled:
        _tell(run, bulk, place)
        raise
    if seen:
        return run.again()
    _tell(run, bulk, place)
    return None


def _tell(run: Run, bulk: Bulk, place: Place) -> None:
    entry = finish(bulk=bulk, place=place)
    url = reverse("activity_entry", args=[entry.uid]) if entry else ""
    run.result(url=url, outcome=outcome(place.changed), changed=place.changed)


def outcome(count: int) -> str:
    return ngettext("%(n)s was changed.", "%(n)s were changed.", count) % {"n": number(count)}
