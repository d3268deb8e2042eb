"""The brief of an institution as page and PDF, and the briefs that a planned meeting needs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from campaigns.activities.models import Activity
from campaigns.activities.reaching import find_activity
from campaigns.briefs.building import brief_of
from campaigns.briefs.printing import briefs_pdf
from contacts.directory.aliases import resolve
from contacts.directory.models import Organization
from contacts.directory.views.access import moved
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import Invalid

MOST_AT_ONCE = 20
SHOWN = 100


def _organizations(request: StaffRequest) -> Any:
    return Organization.objects.visible_to(request.user).select_related("constituency", "country")


@requires(Action.SEE)
@require_safe
def meeting_brief(request: StaffRequest, uid: UUID) -> HttpResponse:
    """One page to read before the door opens, and to print."""
    organization = resolve(_organizations(request), uid)
    if answer := moved(request, organization, uid, "meeting_brief"):
        return answer
    context = {"brief": brief_of(organization, request.user), "organization": organization}
    return render(request, "campaigns/briefs/brief.html", context)


@requires(Action.SEE)
@require_safe
def meeting_brief_pdf(request: StaffRequest, uid: UUID) -> HttpResponse:
    organization = resolve(_organizations(request), uid)
    return _file(request, [organization], slugify(organization.name)[:60] or "institution")


def _file(request: StaffRequest, rows: list[Organization], name: str) -> HttpResponse:
    return HttpResponse(
        briefs_pdf([brief_of(row, request.user) for row in rows]),
        content_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="{name}-brief.pdf"', "Cache-Control": "private, no-store"},
    )


@requires(Action.SEE)
@require_safe
def activity_briefs(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Which institutions may be met at this activity; `?o=<uid>&o=<uid>` has the briefs of these as one PDF."""
    activity = find_activity(request, uid)
    rows = _met_at(request, activity)
    chosen = _chosen(request)
    if chosen:
        found = list(rows.filter(uid__in=chosen).order_by("sort_key", "pk"))
        return (
            _file(request, found, slugify(activity.name)[:60] or "meeting") if found else _list(request, activity, rows)
        )
    return _list(request, activity, rows)


def _chosen(request: StaffRequest) -> list[UUID]:
    try:
        chosen = [UUID(text) for text in request.GET.getlist("o")]
    except ValueError as error:
        raise Invalid(_("This link is not whole. Choose the institutions again.")) from error
    if len(chosen) > MOST_AT_ONCE:
        raise Invalid(_("Twenty briefs at once are the most. Choose fewer; nothing was made."), code="too_many")
    return chosen


def _met_at(request: StaffRequest, activity: Activity) -> Any:
    """Institutions of the activity's country, else of the drive's countries, in the drive's constituencies."""
    drive = activity.drive
    codes = [activity.country_id] if activity.country_id else list(drive.countries.values_list("code", flat=True))
    rows = _organizations(request).active().filter(country__in=codes)
    chosen = list(drive.constituencies.values_list("pk", "code"))
    if chosen:
        keys, roots = zip(*chosen, strict=True)
        rows = rows.filter(Q(constituency__in=keys) | Q(constituency__root_code__in=roots))
    return rows


def _list(request: StaffRequest, activity: Activity, rows: Any) -> HttpResponse:
    words = request.GET.get("q", "").replace("\x00", "").strip()[:200]
    found = list(rows.search(words).order_by("country__sort_key", "sort_key", "pk")[: SHOWN + 1])
    context = {
        "activity": activity,
        "drive": activity.drive,
        "rows": found[:SHOWN],
        "is_cut": len(found) > SHOWN,
        "words": words,
        "back": reverse("drive_activity", args=[activity.uid]),
        "most": MOST_AT_ONCE,
    }
    return render(request, "campaigns/briefs/activity_briefs.html", context)
