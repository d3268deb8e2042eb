"""One segment looked at: its size over time, what it shares with another, where it is used, and why somebody is in or out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from contacts.directory.models import Organization, Person
from contacts.segments.compiler import compile_segment
from contacts.segments.counting import Overlap, overlap
from contacts.segments.models import Segment, Selects
from contacts.segments.presenting import segment_tabs
from contacts.segments.registry import PEOPLE
from contacts.segments.sentence import sentence
from contacts.segments.sizes import size_chart
from contacts.segments.tables import attach_seats, segment_at
from contacts.segments.usage import uses_of
from contacts.segments.why import Standing, explain, standings
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import DomainError

MOST_SEGMENTS = 200
OFFERED = 8


def _segment(request: StaffRequest, uid: UUID) -> Segment:
    return get_object_or_404(Segment.objects.visible_to(request.user).select_related("owner"), uid=uid)


def _rows(request: StaffRequest, selects: str) -> Any:
    rows: Any = Person.objects if selects == PEOPLE else Organization.objects
    return rows.visible_to(request.user)


# --- size, overlap, use ---------------------------------------------------------------------------------------------
@requires(Action.SEE)
@require_GET
def segment_about(request: StaffRequest, uid: UUID) -> HttpResponse:
    segment = _segment(request, uid)
    other = segment_at(request, "with", segment.selects)
    found, problem = _overlap(request, segment, other) if other and other != segment else (None, "")
    same_kind = Segment.objects.visible_to(request.user).active().filter(selects=segment.selects)
    context = {
        "segment": segment,
        "tabs": segment_tabs(segment, "segment_about"),
        "words": sentence(segment.tree, segment.selects),
        "chart": size_chart(segment, str(Selects(segment.selects).label.capitalize())),
        "first": segment.sizes.order_by("day").first(),
        "uses": uses_of(segment, request.user),
        "others": same_kind.exclude(pk=segment.pk).order_by("sort_key", "pk")[:MOST_SEGMENTS],
        "other": other if other != segment else None,
        "parts": _parts(segment, other, found) if other and found else [],
        "problem": problem,
        "limited": request.user.scope(Action.SEE).countries is not None,
    }
    return render(request, "contacts/segments/segment_about.html", context)


def _overlap(request: StaffRequest, segment: Segment, other: Segment) -> tuple[Overlap | None, str]:
    countries = request.user.scope(Action.SEE).countries
    try:
        here, there = (compile_segment(row, scope_countries=countries) for row in (segment, other))
        return overlap(here, there), ""
    except DomainError as error:
        return None, error.message


def _parts(segment: Segment, other: Segment, found: Overlap) -> list[dict[str, Any]]:
    """The three numbers, each with its rows."""
    here, there = (reverse("segment_members", args=[row.uid]) for row in (segment, other))
    return [
        {"label": _("in both"), "count": found.both, "kind": "blue", "url": f"{here}?also={other.uid}"},
        {"label": _("only in “%(name)s”") % {"name": segment.name}, "count": found.only_here, "kind": "ok", "url": f"{here}?without={other.uid}"},
        {"label": _("only in “%(name)s”") % {"name": other.name}, "count": found.only_there, "kind": "warn", "url": f"{there}?without={segment.uid}"},
    ]  # fmt: skip


# --- why ------------------------------------------------------------------------------------------------------------
@requires(Action.SEE)
@require_GET
def segment_why(request: StaffRequest, uid: UUID) -> HttpResponse:
    """`member` is whom it is about; `q` finds one."""
    segment = _segment(request, uid)
    rows = _rows(request, segment.selects)
    asked, words = request.GET.get("member", ""), request.GET.get("q", "").replace("\x00", "").strip()[:200]
    row = get_object_or_404(rows, uid=_uid(asked)) if asked else None
    why, problem = None, ""
    if row is not None:
        try:
            why = explain(segment, row)
        except DomainError as error:
            problem = error.message
    context = {
        "segment": segment,
        "tabs": segment_tabs(segment, "segment_why"),
        "row": row,
        "row_url": reverse("person_detail" if segment.selects == PEOPLE else "organization_detail", args=[row.uid]) if row else "",
        "why": why,
        "problem": problem,
        "q": words,
        "offered": _offered(rows, words, segment.selects) if words and row is None else [],
    }  # fmt: skip
    return render(request, "contacts/segments/segment_why.html", context)


def _uid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)


def _offered(rows: Any, words: str, selects: str) -> list[Any]:
    found = list(rows.active().search(words).order_by("sort_key", "pk")[:OFFERED])
    if selects == PEOPLE:
        attach_seats(found)
    return found


@requires(Action.SEE)
@require_GET
def person_segments(request: StaffRequest, uid: UUID) -> HttpResponse:
    return _standing_page(request, uid, PEOPLE, "person_detail")


@requires(Action.SEE)
@require_GET
def organization_segments(request: StaffRequest, uid: UUID) -> HttpResponse:
    return _standing_page(request, uid, Selects.ORGANIZATIONS.value, "organization_detail")


def _standing_page(request: StaffRequest, uid: UUID, selects: str, back: str) -> HttpResponse:
    """The segments that a person (or an organization) is in now: a page, and a fragment of the row's own page."""
    row = get_object_or_404(_rows(request, selects), uid=uid)
    segments = Segment.objects.visible_to(request.user).active().filter(selects=selects).order_by("sort_key", "pk")
    found: Iterable[Standing] = []
    problem = ""
    try:
        found = standings(row, segments[:MOST_SEGMENTS], selects=selects)
    except DomainError as error:
        problem = error.message
    active = row.archived_at is None and getattr(row, "erased_at", None) is None
    context = {
        "row": row,
        "back": reverse(back, args=[row.uid]),
        "is_active": active,
        "inside": [item.segment for item in found if item.answer is True and active],
        "unknown": [item.segment for item in found if item.answer is None and active],
        "outside": [item.segment for item in found if item.answer is False or not active],
        "problem": problem,
    }
    return render(request, "contacts/segments/row_segments.html", context)
