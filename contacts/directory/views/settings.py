"""Settings of the directory: the constituency tree and tags."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from contacts.directory.lists import ordered_constituencies
from contacts.directory.models import Constituency, Tag
from contacts.directory.queries import constituency_counts, tags_with_counts
from contacts.directory.reference import INDIVIDUAL
from contacts.directory.services import constituencies, tag_admin
from contacts.directory.settings_forms import ConstituencyForm, MergeForm, TagForm
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import DomainError
from crm.ui.responses import done, form_page
from crm.ui.toasts import toast


def _crumbs(label: str = "", name: str = "") -> list[tuple[str, str]]:
    found = [(_("Settings"), reverse("settings"))]
    return [*found, (label, reverse(name))] if name else found


# --- constituencies ---------------------------------------------------------------------------------------------------
@requires(Action.ADMINISTER)
@require_safe
def constituency_settings(request: StaffRequest) -> HttpResponse:
    own = constituency_counts()
    rows = ordered_constituencies()
    below: dict[str, int] = {}
    for row in rows:
        below[row.root_code] = below.get(row.root_code, 0) + own.get(row.pk, 0)
    shown = [
        {
            "row": row,
            "count": own.get(row.pk, 0) if row.parent_id else below.get(row.code, 0),
            "may_archive": not row.is_fixed and row.code != INDIVIDUAL,
            "is_individual": row.code == INDIVIDUAL,
        }
        for row in rows
    ]
    context = {
        "rows": [item for item in shown if not item["row"].archived_at],  # type: ignore[attr-defined]
        "archived": [item for item in shown if item["row"].archived_at],  # type: ignore[attr-defined]
        "crumbs": _crumbs(),
    }
    return render(request, "contacts/directory/constituency_settings.html", context)


@requires(Action.ADMINISTER)
def constituency_add(request: StaffRequest) -> HttpResponse:
    form = ConstituencyForm(request.POST or None)
    if not form.is_bound and request.GET.get("parent"):
        form.initial["parent"] = request.GET["parent"]
    if form.is_valid():
        data = form.cleaned_data
        row, entry = constituencies.add_constituency(
            name=data["name"], names=form.names(), parent=data["parent"], actor=request.user
        )
        toast(request, _("“%(name)s” can be chosen now.") % {"name": row.label}, undo=entry)
        return done(request, reverse("constituency_settings"))
    context = {"title": _("New constituency"), "crumbs": _crumbs(_("Constituencies"), "constituency_settings")}
    return form_page(request, "contacts/directory/constituency_form.html", context, form=form)


@requires(Action.ADMINISTER)
def constituency_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    row = get_object_or_404(Constituency.objects.select_related("parent"), uid=uid)
    form = ConstituencyForm(request.POST or None, constituency=row)
    if form.is_valid():
        entry = constituencies.edit_constituency(
            constituency=row,
            actor=request.user,
            name=form.cleaned_data["name"],
            names=form.names(),
            parent=form.cleaned_data.get("parent"),
        )
        if entry:
            toast(request, _("Saved."), undo=entry)
        return done(request, reverse("constituency_settings"))
    context = {
        "title": row.label,
        "constituency": row,
        "crumbs": _crumbs(_("Constituencies"), "constituency_settings"),
    }
    return form_page(request, "contacts/directory/constituency_form.html", context, form=form)


@requires(Action.ADMINISTER)
@require_POST
def constituency_archive(request: StaffRequest, uid: UUID) -> HttpResponse:
    row = get_object_or_404(Constituency, uid=uid)
    back = request.POST.get("is_archived") == "false"
    try:
        entry = constituencies.set_archived(constituency=row, is_archived=not back, actor=request.user)
    except DomainError as error:
        toast(request, error.message, level="error")
    else:
        said = _("“%(name)s” is offered again.") if back else _("“%(name)s” is archived. Institutions keep it.")
        if entry:
            toast(request, said % {"name": row.label}, undo=entry)
    return done(request, reverse("constituency_settings"))


# --- tags -------------------------------------------------------------------------------------------------------------
@requires(Action.ADMINISTER)
@require_safe
def tag_settings(request: StaffRequest) -> HttpResponse:
    words = request.GET.get("q", "").strip()
    rows = tags_with_counts(words)
    total = Tag.objects.count()
    context = {
        "rows": [row for row in rows if not row.archived_at],
        "archived": [row for row in rows if row.archived_at],
        "words": words,
        "total": total,
        "crumbs": _crumbs(),
    }
    return render(request, "contacts/directory/tag_settings.html", context)


@requires(Action.ADMINISTER)
def tag_rename(request: StaffRequest, uid: UUID) -> HttpResponse:
    tag = get_object_or_404(Tag, uid=uid, merged_into__isnull=True)
    form = TagForm(request.POST or None, initial={"name": tag.name})
    if form.is_valid():
        try:
            entry = tag_admin.rename_tag(tag=tag, name=form.cleaned_data["name"], actor=request.user)
        except DomainError as error:
            form.add_error("name", error.message)
        else:
            if entry:
                toast(request, _("Renamed."), undo=entry)
            return done(request, reverse("tag_settings"))
    context = {"title": tag.name, "crumbs": _crumbs(_("Tags"), "tag_settings")}
    return form_page(request, "contacts/directory/tag_form.html", context, form=form)


@requires(Action.ADMINISTER)
def tag_merge(request: StaffRequest, uid: UUID) -> HttpResponse:
    tag = get_object_or_404(Tag, uid=uid, merged_into__isnull=True)
    form = MergeForm(request.POST or None, source=tag)
    if form.is_valid():
        target: Tag = form.cleaned_data["target"]
        try:
            entry = tag_admin.merge_tags(source=tag, target=target, actor=request.user)
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            said = _("Everybody tagged “%(old)s” is tagged “%(new)s” now.") % {"old": tag.name, "new": target.name}
            toast(request, said, undo=entry)
            return done(request, reverse("tag_settings"))
    context = {
        "title": _("Merge “%(name)s”") % {"name": tag.name},
        "is_merge": True,
        "crumbs": _crumbs(_("Tags"), "tag_settings"),
    }
    return form_page(request, "contacts/directory/tag_form.html", context, form=form)


@requires(Action.ADMINISTER)
@require_POST
def tag_archive(request: StaffRequest, uid: UUID) -> HttpResponse:
    tag = get_object_or_404(Tag, uid=uid, merged_into__isnull=True)
    if request.POST.get("is_archived") == "false":
        entry, said = tag_admin.restore_tag(tag=tag, actor=request.user), _("“%(name)s” is offered again.")
    else:
        entry, said = (
            tag_admin.archive_tag(tag=tag, actor=request.user),
            _("“%(name)s” is archived. Who has it keeps it."),
        )
    if entry:
        toast(request, said % {"name": tag.name}, undo=entry)
    return done(request, reverse("tag_settings"))
