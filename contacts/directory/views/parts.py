"""What hangs on a person or an organization: posts, memberships, addresses. Small forms in a dialog, or pages of their own."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from contacts.directory import forms, services
from contacts.directory.models import Organization, Person
from contacts.directory.views.access import (
    editable,
    editable_membership,
    editable_point,
    editable_post,
    page_url,
)
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import DomainError, StaleEdit
from crm.ui.responses import done, form_page
from crm.ui.shell import base_template
from crm.ui.toasts import toast


def _form(request: StaffRequest, form: Any, title: str, *, submit: str, back: str, hint: str = "") -> HttpResponse:
    context = {"base": base_template(request), "title": title, "submit": submit, "back": back, "hint": hint}
    return form_page(request, "contacts/directory/part_form.html", context, form=form)


def _refused(form: Any, error: DomainError) -> None:
    """Keep what was typed and say why it was not taken."""
    form.add_error(None, error.message)
    if isinstance(error, StaleEdit) and hasattr(form, "take_as_seen"):
        form.take_as_seen(error.data)


# --- posts ---------------------------------------------------------------------------------------------------------------
@requires(Action.EDIT_DIRECTORY)
def post_create(request: StaffRequest, uid: UUID) -> HttpResponse:
    """A new post of an organization."""
    organization = editable(request, Organization.objects, uid)
    form = forms.PostForm(request.POST if request.method == "POST" else None, is_new=True)
    if form.is_valid():
        try:
            post = services.create_post(organization=organization, actor=request.user, **form.cleaned_data)
        except DomainError as error:
            _refused(form, error)
        else:
            toast(request, _("%(name)s added.") % {"name": post.name})
            return done(request, page_url(organization))
    return _form(request, form, _("New post"), submit=_("Add the post"), back=page_url(organization))


@requires(Action.EDIT_DIRECTORY)
def post_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    post = editable_post(request, uid)
    form = forms.PostForm(
        request.POST if request.method == "POST" else None,
        initial={name: getattr(post, name) for name in ("name", "is_head", "form_of_address")},
    )
    back = page_url(post.organization)
    if form.is_valid():
        entry = services.edit_post(post=post, actor=request.user, changes=form.cleaned_data)
        toast(request, _("%(name)s saved.") % {"name": post.name}, undo=entry)
        return done(request, back)
    return _form(request, form, post.name, submit=_("Save"), back=back)


@requires(Action.EDIT_DIRECTORY)
@require_POST
def post_archive(request: StaffRequest, uid: UUID) -> HttpResponse:
    post = editable_post(request, uid)
    entry = services.archive_post(post=post, actor=request.user)
    toast(request, _("%(name)s is archived.") % {"name": post.name}, undo=entry)
    return done(request, page_url(post.organization))


@requires(Action.EDIT_DIRECTORY)
def post_holder(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Somebody takes over a post; who held it stays in its history."""
    post = editable_post(request, uid)
    form = forms.HolderForm(request.POST if request.method == "POST" else None, user=request.user)
    back = page_url(post.organization)
    if form.is_valid():
        try:
            services.start_membership(post=post, actor=request.user, is_primary=True, **form.cleaned_data)
        except DomainError as error:
            _refused(form, error)
        else:
            toast(request, _("%(person)s holds this post now.") % {"person": form.cleaned_data["person"].name})
            return done(request, back)
    return _form(
        request, form, _("New holder: %(post)s") % {"post": post.label}, submit=_("Save the holder"), back=back
    )


# --- memberships -----------------------------------------------------------------------------------------------------------
@requires(Action.EDIT_DIRECTORY)
def membership_start(request: StaffRequest, uid: UUID) -> HttpResponse:
    """A person joins an organization, or takes one of its posts."""
    person = editable(request, Person.objects, uid)
    form = forms.MembershipForm(request.POST if request.method == "POST" else None, user=request.user)
    if form.is_valid():
        data = dict(form.cleaned_data)
        post = forms.post_of(data["organization"], data["role"])
        data["is_primary"] = data["is_primary"] or None  # unticked: primary if there is no other
        if post:
            data["role"] = ""
        try:
            services.start_membership(person=person, post=post, actor=request.user, **data)
        except DomainError as error:
            _refused(form, error)
        else:
            toast(request, _("Membership saved."))
            return done(request, page_url(person))
    return _form(
        request, form, _("New membership: %(name)s") % {"name": person.name}, submit=_("Save"), back=page_url(person)
    )


@requires(Action.EDIT_DIRECTORY)
def membership_end(request: StaffRequest, uid: UUID) -> HttpResponse:
    membership = editable_membership(request, uid)
    form = forms.EndMembershipForm(request.POST if request.method == "POST" else None)
    back = page_url(membership.person)
    if form.is_valid():
        try:
            entry = services.end_membership(membership=membership, actor=request.user, **form.cleaned_data)
        except DomainError as error:
            _refused(form, error)
        else:
            toast(request, _("Ended. It stays in the history."), undo=entry)
            return done(request, back)
    title = _("%(person)s leaves %(place)s") % {
        "person": membership.person.name,
        "place": membership.post.label if membership.post else membership.organization.label,
    }
    return _form(request, form, title, submit=_("End the membership"), back=back)


@requires(Action.EDIT_DIRECTORY)
@require_POST
def membership_primary(request: StaffRequest, uid: UUID) -> HttpResponse:
    membership = editable_membership(request, uid)
    entry = services.set_primary(membership=membership, actor=request.user)
    toast(
        request,
        _("%(place)s is what this person stands for now.") % {"place": membership.organization.label},
        undo=entry,
    )
    return done(request, page_url(membership.person))


# --- addresses -----------------------------------------------------------------------------------------------------------
@requires(Action.EDIT_DIRECTORY)
def person_point_add(request: StaffRequest, uid: UUID) -> HttpResponse:
    person = editable(request, Person.objects, uid)
    return _add_point(request, page_url(person), person=person)


@requires(Action.EDIT_DIRECTORY)
def organization_point_add(request: StaffRequest, uid: UUID) -> HttpResponse:
    organization = editable(request, Organization.objects, uid)
    return _add_point(request, page_url(organization), organization=organization)


@requires(Action.EDIT_DIRECTORY)
def post_point_add(request: StaffRequest, uid: UUID) -> HttpResponse:
    post = editable_post(request, uid)
    return _add_point(request, page_url(post.organization), post=post)


def _add_point(request: StaffRequest, back: str, **owner: Any) -> HttpResponse:
    form = forms.ContactPointForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            services.add_contact_point(actor=request.user, **owner, **form.cleaned_data)
        except DomainError as error:
            _refused(form, error)
        else:
            toast(request, _("Address added."))
            return done(request, back)
    whose = next(iter(owner.values()))
    return _form(
        request, form, _("New address: %(name)s") % {"name": whose.label}, submit=_("Add the address"), back=back
    )


@requires(Action.EDIT_DIRECTORY)
def point_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    point, owner = editable_point(request, uid)
    form = forms.ContactPointEditForm(
        request.POST if request.method == "POST" else None, initial=forms.ContactPointEditForm.initial_of(point)
    )
    if form.is_valid():
        changes, seen = form.parted(form.cleaned_data)
        try:
            entry = services.edit_contact_point(point=point, actor=request.user, changes=changes, seen=seen)
        except DomainError as error:
            _refused(form, error)
        else:
            toast(request, _("Address saved."), undo=entry)
            return done(request, page_url(owner))
    return _form(request, form, _("Address"), submit=_("Save"), back=page_url(owner))


@requires(Action.EDIT_DIRECTORY)
@require_POST
def point_remove(request: StaffRequest, uid: UUID) -> HttpResponse:
    point, owner = editable_point(request, uid)
    entry = services.remove_contact_point(point=point, actor=request.user)
    toast(request, _("%(value)s removed.") % {"value": point.value}, undo=entry)
    return done(request, page_url(owner))
