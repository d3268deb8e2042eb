"""Bulk edit: what to change, to what, how many that would be, and then the change, at once or as a job."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from contacts.directory.bulk_jobs import AT_ONCE, OTHERS, chosen, outcome, start_bulk
from contacts.directory.lists import (
    asks_for_archived,
    constituency_choices,
    country_choices,
    language_choices,
    tag_choices,
    uids_of,
)
from contacts.directory.services.bulk import LABELS, WHAT, WITHOUT_VALUE, Bulk, bulk_edit, preview
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import Invalid
from crm.ui.tables import MAX_PICKED
from crm.ui.toasts import toast

CHOICES: dict[str, Any] = {
    "language": language_choices,
    "country": country_choices,
    "constituency": constituency_choices,
    "tag": tag_choices,
    "untag": tag_choices,
}
ICONS = {
    "language": "language", "country": "world", "constituency": "building-community", "tag": "tag", "untag": "tag-off", "archive": "archive",
    "unarchive": "archive-off",
}  # fmt: skip


@requires(Action.BULK)
@require_POST
def bulk(request: StaffRequest, kind: str) -> HttpResponse:
    """Each post carries the selection on: first what, then to what, then the preview, then `confirm`."""
    if kind not in WHAT:
        raise Http404("no such list")
    picked, query = selection_of(request)
    what, value = request.POST.get("what", ""), request.POST.get("value", "")[:80]
    brings_back = what == "unarchive" or (not picked and asks_for_archived(QueryDict(query)))
    rows = chosen(request.user, kind, picked=picked, query=query, archived=brings_back)
    offered = [name for name in WHAT[kind] if (name == "unarchive") == brings_back]
    back = way_back(request, reverse("person_list" if kind == "person" else "organization_list"))
    context: dict[str, Any] = {
        "kind": kind, "back": back, "count": rows.order_by().count(),
        "kept": [("pick", uid) for uid in picked] or [("all", "1"), ("query", query)],
        "options": [(name, LABELS[name], ICONS[name]) for name in offered],
        "others": [other for other in OTHERS if other.kind == kind and not brings_back],
    }  # fmt: skip
    if what not in offered:
        return render(request, "contacts/directory/bulk.html", context)
    context |= {
        "what": what,
        "label": LABELS[what],
        "value": value,
        "choices": CHOICES[what](request) if what in CHOICES else [],
    }
    is_given = what in WITHOUT_VALUE or "value" in request.POST
    if not is_given:
        return render(request, "contacts/directory/bulk.html", context)
    try:
        asked = Bulk(kind, what, value)
    except Invalid as refusal:
        return render(request, "contacts/directory/bulk.html", {**context, "problem": refusal.message}, status=422)
    if "confirm" not in request.POST:
        will, already = preview(bulk=asked, rows=rows)
        return render(
            request, "contacts/directory/bulk.html", {**context, "asked": asked, "will": will, "already": already}
        )
    if context["count"] > AT_ONCE:
        job = start_bulk(bulk=asked, actor=request.user, picked=picked, query=query, total=context["count"])
        return redirect("job_detail", uid=job.uid)
    changed, entry = bulk_edit(bulk=asked, rows=rows, actor=request.user)
    toast(request, outcome(changed) if changed else _("All of them are so already; nothing was changed."), undo=entry)
    return redirect(back)


def way_back(request: StaffRequest, list_url: str) -> str:
    """The list as it was filtered, where the selection was made."""
    back = request.POST.get("back") or request.META.get("HTTP_REFERER", "")
    return back if url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}) else list_url


def selection_of(request: StaffRequest) -> tuple[list[str], str]:
    """(uids that were ticked, or none) and the list's state. Raises Invalid when nothing is selected."""
    if request.POST.get("all"):
        state = QueryDict(request.POST.get("query", ""), mutable=True)
        for name, values in request.POST.lists():
            if name.startswith("_"):
                state.setlist(name.removeprefix("_"), values)
        return [], state.urlencode()
    picked = [str(uid) for uid in uids_of(request.POST.getlist("pick")[:MAX_PICKED])]
    if not picked:
        raise Invalid(_("Nothing is selected, so nothing was done. Tick the rows first."), code="nothing_selected")
    return picked, ""
