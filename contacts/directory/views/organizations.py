"""Organizations: list, quick-add, page with posts and people, fields edited in place."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, prefetch_related_objects
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from contacts.consent.queries import permissions_of
from contacts.directory import forms, services
from contacts.directory.aliases import resolve
from contacts.directory.coverage import of_country
from contacts.directory.lists import OrganizationFilters, archive_of
from contacts.directory.models import ContactPoint, Membership, Organization, Post
from contacts.directory.panels import panels_of
from contacts.directory.services.tags import names_of, with_tag_names
from contacts.directory.tabs import directory_tabs
from contacts.directory.views.access import back_or, editable, may_edit, moved, page_url, with_suppression
from contacts.directory.views.people import tags_view
from contacts.directory.views.timelines import timeline_of
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.ui.inline import InlineField, inline_view
from crm.ui.responses import done, form_page, list_page
from crm.ui.shell import base_template
from crm.ui.sources import build
from crm.ui.tables import selected
from crm.ui.toasts import toast

PEOPLE_SHOWN = 12
FIELDS: dict[str, tuple[Any, type[forms.EditForm]]] = {
    "name": (gettext_lazy("Name"), forms.NameForm),
    "acronym": (gettext_lazy("Acronym"), forms.AcronymForm),
    "constituency": (gettext_lazy("Constituency"), forms.OrganizationConstituencyForm),
    "country": (gettext_lazy("Country"), forms.CountryForm),
    "language": (gettext_lazy("Language"), forms.LanguageForm),
    "website": (gettext_lazy("Website"), forms.WebsiteForm),
    "note": (gettext_lazy("Note"), forms.NoteForm),
}


@requires(Action.SEE)
def organization_list(request: StaffRequest) -> HttpResponseBase:
    table = build("organizations", request)
    return list_page(
        request,
        "contacts/directory/organization_list.html",
        table=table,
        filters=table.filters,
        tabs=directory_tabs(request.user, "organization_list"),
        may_add=request.user.may(Action.EDIT_DIRECTORY),
        may_bulk=request.user.may(Action.BULK),
        may_list=request.user.may(Action.SEGMENTS_OWN),
        **archive_of(request),
    )


@requires(Action.BULK)
@require_POST
def organization_tag(request: StaffRequest) -> HttpResponse:
    """Give a tag to the selected organizations."""
    rows = Organization.objects.active().visible_to(request.user, Action.BULK)
    chosen = selected(request, rows, filters=OrganizationFilters)
    entry = services.tag_rows(rows=chosen, name=request.POST.get("tag_name", ""), actor=request.user)
    toast(request, _("Tagged.") if entry else _("All of them have this tag already."), undo=entry)
    return done(request, back_or(request, reverse("organization_list")))


@requires(Action.EDIT_DIRECTORY)
def organization_create(request: StaffRequest) -> HttpResponse:
    """Quick-add. `?constituency=EMP&country=TD` says what is missing where."""
    initial = {name: request.GET.get(name, "") for name in ("name", "constituency", "country")}
    form = forms.QuickOrganizationForm(
        request.POST if request.method == "POST" else None, user=request.user, initial=initial
    )
    if form.is_valid():
        data = {name: value for name, value in form.cleaned_data.items() if name != "add_anyway"}
        organization = services.create_organization(actor=request.user, **data)
        toast(request, _("%(name)s added.") % {"name": organization.name})
        return done(request, page_url(organization))
    return form_page(
        request, "contacts/directory/organization_create.html", {"base": base_template(request)}, form=form
    )


# --- one organization -----------------------------------------------------------------------------------------------------
@requires(Action.SEE)
def organization_detail(request: StaffRequest, uid: UUID) -> HttpResponse:
    rows = Organization.objects.visible_to(request.user).select_related("country", "constituency", "parent")
    organization = resolve(with_tag_names(rows), uid)
    if redirect := moved(request, organization, uid, "organization_detail"):
        return redirect
    editing = may_edit(request, Organization.objects, organization)
    posts, others = _posts_and_others(organization)
    points = _points(organization)
    figure, source = of_country(organization.country_id)
    context = {
        "organization": organization,
        "may_edit": editing,
        "fields": {name: _field(organization, name, can_edit=editing) for name in [*FIELDS, "tags"]},
        "posts": posts,
        "people": others,
        "people_shown": PEOPLE_SHOWN,
        "points": points,
        "timeline": timeline_of(request, organization),  # before the permissions, which it has read
        "permissions": permissions_of(organization.uid, known=vars(organization).get("_ledger", ())),
        "figure": figure,
        "indicator": source,
        "panels": panels_of(organization, request.user),
    }
    return render(request, "contacts/directory/organization_detail.html", context)


def _posts_and_others(organization: Organization) -> tuple[list[Any], list[Membership]]:
    """Posts with `holders` and `former`, the head's first; and who belongs here without a post, one more than is shown.

    Two queries; addresses and the timeline find the posts read already.
    """
    prefetch_related_objects([organization], Prefetch("posts", Post.objects.order_by("-is_head", "sort_key")))
    posts = [post for post in organization.posts.all() if post.archived_at is None]
    people = Membership.objects.select_related("person")
    others = people.current().filter(organization=organization, post=None).order_by("person__sort_key", "pk")
    history: dict[int | None, list[Membership]] = {}
    for row in people.filter(post__in=posts).union(others[: PEOPLE_SHOWN + 1], all=True):
        history.setdefault(row.post_id, []).append(row)
    for post in posts:
        rows = sorted(history.get(post.pk, []), key=_begun, reverse=True)
        vars(post).update(holders=[m for m in rows if m.ended_on is None], former=[m for m in rows if m.ended_on])
    return posts, sorted(history.get(None, []), key=lambda m: (m.person.sort_key, m.pk))


def _begun(membership: Membership) -> tuple[bool, date, int]:
    """By its beginning; one that is not known counts as the latest."""
    return membership.started_on is None, membership.started_on or date.min, membership.pk


def _points(organization: Organization) -> list[ContactPoint]:
    """Addresses of the institution itself and of its posts."""
    rows = ContactPoint.objects.of_institution(organization)
    return with_suppression(rows.select_related("post").order_by("post_id", "kind", "-is_preferred", "pk"))


def _field(organization: Organization, name: str, *, can_edit: bool) -> InlineField:
    shown = {
        "name": lambda: organization.label,
        "acronym": lambda: organization.acronym,
        "constituency": lambda: organization.constituency.label,
        "country": lambda: organization.country.label if organization.country else "",
        "language": lambda: forms.LANGUAGE_NAMES.get(organization.language, organization.language),
        "website": lambda: organization.website,
        "note": lambda: organization.note,
        "tags": lambda: ", ".join(names_of(organization)),
    }
    label = FIELDS[name][0] if name in FIELDS else gettext_lazy("Tags")
    return InlineField(name, label, reverse("organization_edit", args=[organization.uid, name]), shown[name], can_edit)


@requires(Action.EDIT_DIRECTORY)
def organization_edit(request: StaffRequest, uid: UUID, name: str) -> HttpResponse:
    """One field edited in place."""
    organization = editable(request, Organization.objects.select_related("country", "constituency"), uid)
    if name not in FIELDS and name != "tags":
        raise Http404(f"organizations have no field {name} to edit here")
    field = _field(organization, name, can_edit=True)
    if name == "tags":
        return tags_view(request, organization, field)
    form = FIELDS[name][1]

    def save(data: dict[str, Any]) -> Any:
        changes, seen = form.parted(data)
        return services.edit_organization(organization=organization, actor=request.user, changes=changes, seen=seen)

    return inline_view(
        request, field=field, form=form, save=save, back=page_url(organization), initial=form.initial_of(organization)
    )


@requires(Action.EDIT_DIRECTORY)
@require_POST
def organization_archive(request: StaffRequest, uid: UUID) -> HttpResponse:
    organization = editable(request, Organization.objects, uid)
    entry = services.archive_organization(organization=organization, actor=request.user)
    toast(request, _("%(name)s is archived, with all history kept.") % {"name": organization.name}, undo=entry)
    return done(request, reverse("organization_list"))


@requires(Action.EDIT_DIRECTORY)
@require_POST
def organization_unarchive(request: StaffRequest, uid: UUID) -> HttpResponse:
    organization = editable(request, Organization.objects, uid)
    entry = services.unarchive_organization(organization=organization, actor=request.user)
    toast(request, _("%(name)s is back in lists and grids.") % {"name": organization.label}, undo=entry)
    return done(request, page_url(organization))
