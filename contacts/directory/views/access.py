"""Fetching rows for a user: 404 for what they may not see, 403 for what they may see and not change."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.db.models import Case, Exists, OuterRef, Q, QuerySet, When
from django.http import HttpResponse, HttpResponsePermanentRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from contacts.consent.models import Suppression
from contacts.directory.aliases import resolve
from contacts.directory.models import ContactPoint, Membership, Organization, Person, Post
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action
from crm.errors import Conflict, NotAllowed


def editable(request: StaffRequest, rows: Any, uid: UUID) -> Any:
    """The row, if the user may change it; 404 if they may not even see it."""
    seen = resolve(rows.visible_to(request.user), uid)
    if not rows.visible_to(request.user, Action.EDIT_DIRECTORY).filter(pk=seen.pk).exists():
        raise NotAllowed(_("You may see this, but your role does not let you change it here."))
    if getattr(seen, "erased_at", None):
        raise Conflict(_("This person was erased. Nothing can be added to them; add the person anew."), code="erased")
    return seen


def may_edit(request: StaffRequest, rows: Any, row: Any) -> bool:
    """Whether the user may change the row. Its own country settles most cases without a query."""
    codes = request.user.scope(Action.EDIT_DIRECTORY).countries
    if codes is None or row.country_id in codes:
        return True
    return bool(codes) and bool(rows.visible_to(request.user, Action.EDIT_DIRECTORY).filter(pk=row.pk).exists())


def moved(request: StaffRequest, row: Any, uid: UUID, url_name: str) -> HttpResponse | None:
    """A redirect when the row was asked for by the uid of one that was merged into it."""
    if row.uid == uid:
        return None
    return HttpResponsePermanentRedirect(reverse(url_name, args=[row.uid]))


def editable_point(request: StaffRequest, uid: UUID) -> tuple[ContactPoint, Any]:
    """A contact point and the person or organization on whose page it stands."""
    point = get_object_or_404(
        ContactPoint.objects.select_related("person", "organization", "post__organization"), uid=uid
    )
    owner: Any = point.person or point.organization or (point.post.organization if point.post else None)
    rows = Person.objects if point.person_id else Organization.objects
    return point, editable(request, rows, owner.uid)


def editable_membership(request: StaffRequest, uid: UUID) -> Membership:
    membership = get_object_or_404(Membership.objects.select_related("person", "organization", "post"), uid=uid)
    editable(request, Person.objects, membership.person.uid)
    return membership


def editable_post(request: StaffRequest, uid: UUID) -> Post:
    post: Post = editable(request, Post.objects.select_related("organization"), uid)
    return post


def back_or(request: StaffRequest, url: str) -> str:
    """The page that the form stood on, if it is one of ours; `url` for a form that is a page by itself, which would open again empty."""
    asked = request.headers.get("HX-Current-URL") or request.headers.get("Referer") or ""
    if (
        asked
        and urlsplit(asked).path != request.path
        and url_has_allowed_host_and_scheme(asked, {request.get_host()}, require_https=request.is_secure())
    ):
        return asked
    return url


def page_url(row: Any) -> str:
    """Where a person or an organization has its page."""
    return reverse("person_detail" if isinstance(row, Person) else "organization_detail", args=[row.uid])


def with_suppression(rows: QuerySet[ContactPoint]) -> list[ContactPoint]:
    """Contact points, each with `is_suppressed`: whether its address must never be written to. Of one that is invalid already
    a bounce says nothing more."""
    never = Suppression.objects.filter(address_hash=OuterRef("address_hash"))
    bounced = Q(reason=Suppression.Reason.INVALID)
    return list(
        rows.annotate(
            is_suppressed=Case(
                When(status=ContactPoint.Status.INVALID, then=Exists(never.exclude(bounced))), default=Exists(never)
            )
        )
    )
