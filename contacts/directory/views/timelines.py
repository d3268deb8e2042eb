"""The timeline's part of a page, and its further pages."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from contacts.directory import timeline
from contacts.directory.aliases import resolve
from contacts.directory.models import Organization, Person
from contacts.directory.views.access import page_url
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires


def timeline_of(request: StaffRequest, subject: Person | Organization) -> dict[str, Any]:
    """What _timeline.html needs: the page that the request asks for, and the kinds to filter by."""
    known = [source.kind for source in timeline.SOURCES]
    kinds = [kind for kind in request.GET.getlist("kind") if kind in known]
    page = timeline.page_of(subject, request.user, kinds=kinds, before=_moment(request.GET.get("before", "")))
    own = reverse("timeline", args=[subject._meta.model_name, subject.uid])
    return {
        "page": page,
        "more_url": f"{own}?{_query(kinds, page.before)}" if page.before else "",
        "is_first": "before" not in request.GET,
        "tabs": [_tab(subject, _("All"), "history", "", not kinds)]
        + [_tab(subject, s.label, s.icon, s.kind, kinds == [s.kind]) for s in timeline.SOURCES],
        "kind": kinds[0] if len(kinds) == 1 else "",
    }


def _tab(subject: Any, label: Any, icon: str, kind: str, is_current: bool) -> dict[str, Any]:
    url = f"{page_url(subject)}{'?kind=' + kind if kind else ''}#timeline"
    return {"label": label, "url": url, "icon": icon, "current": is_current}


def _query(kinds: list[str], before: datetime) -> str:
    query = QueryDict(mutable=True)
    query.setlist("kind", kinds)
    query["before"] = before.isoformat()
    return query.urlencode()


def _moment(text: str) -> datetime | None:
    try:
        found = parse_datetime(text)
    except ValueError:
        return None
    return timezone.make_aware(found) if found and timezone.is_naive(found) else found


@requires(Action.SEE)
def timeline_page(request: StaffRequest, kind: str, uid: UUID) -> HttpResponse:
    """Older entries: a fragment for htmx, the whole page of the subject else."""
    rows: Any = Person.objects if kind == "person" else Organization.objects
    subject = resolve(rows.visible_to(request.user), uid)
    template = "_timeline_more.html" if request.htmx else "timeline_page.html"  # type: ignore[attr-defined]
    context = {"timeline": timeline_of(request, subject), "subject": subject, "back": page_url(subject)}
    return render(request, f"contacts/directory/{template}", context)
