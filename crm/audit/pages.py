"""Activity: of everything, of a colleague, of an object; and one entry with all that it changed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from crm.accounts.models import User
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires, signed_in
from crm.audit.activity import subject
from crm.audit.models import AuditEntry
from crm.audit.queries import attach_changes, changes_visible_to, entries_visible_to
from crm.audit.readable import Reader, attach_words
from crm.audit.services import can_undo
from crm.audit.subjects import kind_label, names_of
from crm.audit.verbs import why_final
from crm.ui.paging import paginate
from crm.ui.responses import list_page
from crm.ui.sources import build

PAGE = 100


@requires(Action.BULK)
@require_safe
def activity(request: StaffRequest) -> HttpResponseBase:
    table = build("activity", request)
    return list_page(request, "crm/audit/activity.html", table=table, filters=table.filters, title=_("Activity"))


@signed_in
@require_safe
def activity_user(request: StaffRequest, uid: UUID) -> HttpResponseBase:
    table = build("activity_user", request, user=str(uid))
    who = get_object_or_404(User, uid=uid)
    title = _("Your activity") if who.pk == request.user.pk else _("Activity of %(name)s") % {"name": who.name}
    return list_page(request, "crm/audit/activity.html", table=table, filters=table.filters, title=title)


@signed_in
@require_safe
def activity_object(request: StaffRequest, kind: str, uid: UUID) -> HttpResponseBase:
    known, name = subject(request.user, kind, str(uid))
    table = build("activity_object", request, kind=kind, uid=str(uid))
    return list_page(
        request, "crm/audit/activity.html", table=table, filters=table.filters,
        title=_("History"), about=name, about_kind=known, crumbs=[(name, known.url(uid))] if known.url_name else [],
    )  # fmt: skip


@signed_in
@require_safe
def activity_entry(request: StaffRequest, uid: UUID) -> HttpResponse:
    """One entry with every change of it that the user may see; after an undo of many, which were kept."""
    entries = AuditEntry.objects.select_related("actor", "undone_by__actor", "undoes__actor")
    entry = get_object_or_404(entries, uid=uid)
    if not entries_visible_to(request.user).filter(pk=entry.pk).exists():
        raise Http404("not visible")
    page = paginate(request, changes_visible_to(request.user, entry.changes.all()), sort=["pk"], size=PAGE)
    attach_changes([entry])
    attach_words([entry], request.user)
    mine = request.user.may(Action.ADMINISTER) or entry.actor_id == request.user.pk
    context = {
        "entry": entry,
        "kind": kind_label(entry.object_type),
        "rows": _rows(page.rows, request.user, entry),
        "page": page,
        "may_undo": mine and can_undo(entry) and bool(page.rows),
        "why_final": str(why_final(entry.verb)),
    }
    return render(request, "crm/audit/entry.html", context)


def _rows(changes: list[Any], user: User, entry: AuditEntry) -> list[dict[str, Any]]:
    reader = Reader(changes, user)
    wanted: dict[str, set[UUID]] = {}
    for change in changes:
        wanted.setdefault(change.object_type, set()).add(change.object_uid)
    names = names_of(user, wanted)
    back: set[UUID] = set()
    undone_by = getattr(entry, "undone_by", None)
    if undone_by is not None:
        uids = [change.object_uid for change in changes]
        back = set(undone_by.changes.filter(object_uid__in=uids).values_list("object_uid", flat=True))
    return [
        {
            "line": reader.line(change),
            "name": names.get(change.object_uid, ("", ""))[0],
            "url": names.get(change.object_uid, ("", ""))[1],
            "is_kept": undone_by is not None and change.object_uid not in back,
        }
        for change in changes
    ]
