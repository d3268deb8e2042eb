"""Addresses of people, posts and organizations. The normal form and the keyed hash are computed here, on every road."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.consent.addresses import address_hash, address_key
from contacts.consent.services import carry_suppressions, lift_bounced_suppression
from contacts.directory.models import ContactPoint, Organization, Person, Post
from contacts.directory.services.editing import invalid, lock, refuse_stale
from crm.accounts.models import User
from crm.audit.models import AuditEntry
from crm.audit.services import Change, record
from crm.errors import Conflict, Invalid

Kind = ContactPoint.Kind
Owner = Person | Post | Organization


def add_contact_point(
    *,
    actor: User | None,
    value: str,
    kind: str = Kind.EMAIL,
    person: Person | None = None,
    post: Post | None = None,
    organization: Organization | None = None,
    label: str = "",
    is_preferred: bool = False,
) -> ContactPoint:
    """Give one owner an address. The first of its kind is the preferred one.

    Raises Invalid for what is no address, Conflict when the owner has it already.
    """
    with transaction.atomic():
        point = insert_contact_point(
            person=person,
            post=post,
            organization=organization,
            kind=kind,
            value=value,
            label=label,
            is_preferred=is_preferred,
        )
        _record(point, "contact_point_added", None, state_of(point), actor)
    return point


def edit_contact_point(
    *,
    point: ContactPoint,
    actor: User | None,
    changes: Mapping[str, Any],
    seen: Mapping[str, Any] | None = None,
) -> AuditEntry | None:
    """Change value, label, is_preferred or status (active or invalid). A new value starts as active.

    Whoever says that an address is active also lifts what a bounce said of it; nothing that its owner asked for.
    """
    if unknown := set(changes) - {"value", "label", "is_preferred", "status"}:
        raise ValueError(f"a contact point has no editable field {unknown.pop()}")
    with transaction.atomic():
        row: ContactPoint = lock(point)
        for field, value in (seen or {}).items():
            refuse_stale(row, field, value, wanted=changes.get(field))
        before = state_of(row)
        _change(row, changes)
        after = state_of(row)
        if changes.get("status") == ContactPoint.Status.ACTIVE and row.address_key:
            lift_bounced_suppression(address_keys=[row.address_key], actor=actor)
        if before == after:
            return None
        _save(row)
        if row.is_preferred:
            _prefer_only(row)
        return _record(row, "contact_point_edited", before, after, actor)


def _change(row: ContactPoint, changes: Mapping[str, Any]) -> None:
    if "value" in changes and changes["value"].strip() != row.value:
        row.value = changes["value"].strip()
        _normalise(row)
        row.status, row.status_reason, row.bounce_count = ContactPoint.Status.ACTIVE, "", 0
    if changes.get("status", row.status) != row.status:
        if row.status == ContactPoint.Status.COMPLAINED:
            raise Conflict(
                _("This address complained about our mail. That is not taken back here; the address stays closed."),
                code="complained",
            )
        row.status, row.status_reason, row.bounce_count = changes["status"], "", 0
        row.status_at = timezone.now()
    row.label = changes.get("label", row.label)
    row.is_preferred = changes.get("is_preferred", row.is_preferred)


def remove_contact_point(*, point: ContactPoint, actor: User | None) -> AuditEntry:
    """Take an address away. A suppression of it stays, and so do deliveries that used it."""
    with transaction.atomic():
        row: ContactPoint = lock(point)
        entry = _record(row, "contact_point_removed", state_of(row), None, actor)
        row.delete()
        return entry


# --- parts that other services use in their own transaction -----------------------------------------------------------
def insert_contact_point(
    *,
    kind: str,
    value: str,
    person: Person | None = None,
    post: Post | None = None,
    organization: Organization | None = None,
    label: str = "",
    is_preferred: bool = False,
    **more: Any,
) -> ContactPoint:
    point = ContactPoint(
        person=person, post=post, organization=organization, kind=kind, value=value.strip(), label=label, **more
    )
    if not point.value:
        raise Invalid(_("The address is empty."), code="no_value")
    _normalise(point)
    point.is_preferred = is_preferred or not _siblings(point).filter(is_preferred=True).exists()
    _save(point)
    if point.is_preferred:
        _prefer_only(point)
    return point


def _normalise(point: ContactPoint) -> None:
    if point.kind == Kind.EMAIL:
        point.address_key = address_key(point.value)
        point.address_hash = address_hash(point.address_key)
        carry_suppressions(address_keys=[point.address_key])  # one that an older key of the ring suppressed stays so
    else:
        point.address_key, point.address_hash = "", None


def _save(point: ContactPoint) -> None:
    try:
        point.clean_fields(exclude=["address_hash"])
        with transaction.atomic():
            point.save()
    except ValidationError as error:
        raise invalid(error) from error
    except IntegrityError as error:
        raise Conflict(_("%(value)s is here already.") % {"value": point.value}, code="address_exists") from error


def _siblings(point: ContactPoint) -> Any:
    owner = {"person_id": point.person_id, "post_id": point.post_id, "organization_id": point.organization_id}
    return ContactPoint.objects.filter(kind=point.kind, **owner).exclude(pk=point.pk)


def _prefer_only(point: ContactPoint) -> None:
    _siblings(point).filter(is_preferred=True).update(is_preferred=False)


def owner_of(point: ContactPoint) -> Person | Organization:
    """Whose history an address belongs to: a post's is its organization's."""
    if point.post:
        return point.post.organization
    return cast("Person | Organization", point.person or point.organization)  # a constraint: one of the three


def state_of(point: ContactPoint) -> dict[str, Any]:
    """A contact point as one value of the audit trail."""
    state = {"kind": point.kind, "value": point.value, "label": point.label, "status": point.status}
    if point.post_id and point.post:
        state["post"] = str(point.post.uid)
    return state | {"is_preferred": point.is_preferred}


def point_change(before: dict[str, Any] | None, point: ContactPoint) -> Change:
    return (f"contact_point:{point.uid}", before, state_of(point))


def _record(point: ContactPoint, verb: str, before: Any, after: Any, actor: User | None) -> AuditEntry:
    owner = owner_of(point)
    return record(
        verb=f"{owner._meta.model_name}.{verb}",
        target=owner,
        actor=actor,
        changes=[(f"contact_point:{point.uid}", before, after)],
        event={"fields": ["contact_points"]},
    )
