"""Who belongs where, from when to when. A new minister is a new membership; the post keeps its thread."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.directory.models import Membership, Organization, Person, Post
from contacts.directory.services.editing import invalid, lock, plain
from crm.accounts.models import User
from crm.audit.models import AuditEntry
from crm.audit.services import Change, record
from crm.errors import Conflict, Invalid


def start_membership(
    *,
    person: Person,
    actor: User | None,
    organization: Organization | None = None,
    post: Post | None = None,
    role: str = "",
    started_on: date | None = None,
    is_primary: bool | None = None,
    ends_previous: bool = False,
) -> Membership:
    """Begin a membership in an organization, or in a post (whose organization it then is).

    is_primary: None makes it so if the person has no primary one. ends_previous: the post's present holders end the day before.
    The person's country follows the primary membership.
    """
    with transaction.atomic():
        Person.objects.select_for_update().get(pk=person.pk)
        ended = _end_holders(post, person, started_on or timezone.localdate(), actor) if post and ends_previous else []
        changes = begin_membership(
            person=person, organization=organization, post=post, role=role, started_on=started_on, is_primary=is_primary
        )
        record(
            verb="person.membership_started",
            target=person,
            actor=actor,
            changes=changes,
            event={"fields": ["memberships"], "ended": ended},
        )
        uid = changes[0][0].partition(":")[2]
        return Membership.objects.get(uid=uid)


def _end_holders(post: Post, person: Person, before: date, actor: User | None) -> list[str]:
    """End what others hold of this post, each with an entry in that person's history."""
    ended = []
    for membership in post.memberships.current().exclude(person=person).select_related("person"):
        last_day = max(before - timedelta(days=1), membership.started_on or date.min)
        end_membership(membership=membership, ended_on=min(last_day, timezone.localdate()), actor=actor)
        ended.append(str(membership.uid))
    return ended


def begin_membership(
    *,
    person: Person,
    organization: Organization | None = None,
    post: Post | None = None,
    role: str = "",
    started_on: date | None = None,
    is_primary: bool | None = None,
) -> list[Change]:
    """The change itself, for services with an entry of their own; the first change is the new membership."""
    organization = organization or (post.organization if post else None)
    if organization is None:
        raise Invalid(_("A membership needs an organization or a post."), code="no_organization")
    if post and post.organization_id != organization.pk:
        raise Invalid(_("This post belongs to another organization."), code="post_elsewhere")
    present = list(person.memberships.current().select_for_update())
    if any(m.organization_id == organization.pk and m.post_id == (post.pk if post else None) for m in present):
        raise Conflict(
            _("%(person)s is there already; end that membership first if something changed.") % {"person": person.name},
            code="membership_exists",
        )
    primary = is_primary if is_primary is not None else not any(m.is_primary for m in present)
    changes = [_demote(m) for m in present if primary and m.is_primary]
    membership = Membership(
        person=person, organization=organization, post=post, role=role, started_on=started_on, is_primary=primary
    )
    _save(membership)
    changes.insert(0, (_name(membership), None, state_of(membership)))
    return changes + (_country_follows(person, organization) if primary else [])


def end_membership(*, membership: Membership, actor: User | None, ended_on: date | None = None) -> AuditEntry:
    """End a membership on its last day (today by default). What was primary passes to the only other one that lasts.

    Raises Conflict if it ended before, Invalid for a day in the future or before its start.
    """
    last_day = ended_on or timezone.localdate()
    if last_day > timezone.localdate():
        raise Invalid(
            _("The last day lies in the future. End the membership on that day; nothing was changed."), code="future"
        )
    with transaction.atomic():
        person = Person.objects.select_for_update().get(pk=membership.person_id)
        row: Membership = lock(membership)
        if row.ended_on:
            raise Conflict(_("This membership ended already on %(day)s.") % {"day": row.ended_on}, code="ended")
        before = state_of(row)
        row.ended_on = last_day
        _save(row)
        membership.ended_on = last_day
        changes: list[Change] = [(_name(row), before, state_of(row))]
        left = list(person.memberships.current().select_related("organization")[:2])
        if row.is_primary and len(left) == 1:
            changes += _promote(left[0], person)
        return _record(person, "membership_ended", changes, actor)


def set_primary(*, membership: Membership, actor: User | None) -> AuditEntry | None:
    """Make this the membership that the person stands for; country and constituency follow. Raises Conflict if it ended."""
    with transaction.atomic():
        person = Person.objects.select_for_update().get(pk=membership.person_id)
        row: Membership = lock(membership)
        if row.ended_on:
            raise Conflict(_("This membership has ended, so it cannot be the primary one."), code="ended")
        if row.is_primary:
            return None
        changes = [_demote(m) for m in person.memberships.current().primary()]
        changes += _promote(row, person)
        membership.is_primary = True
        return _record(person, "primary_changed", changes, actor)


def _demote(membership: Membership) -> Change:
    before = state_of(membership)
    membership.is_primary = False
    membership.save(update_fields=["is_primary"])
    return (_name(membership), before, state_of(membership))


def _promote(membership: Membership, person: Person) -> list[Change]:
    before = state_of(membership)
    membership.is_primary = True
    membership.save(update_fields=["is_primary"])
    return [(_name(membership), before, state_of(membership)), *_country_follows(person, membership.organization)]


def _country_follows(person: Person, organization: Organization) -> list[Change]:
    if not organization.country_id or organization.country_id == person.country_id:
        return []
    before = person.country_id
    person.country = organization.country
    person.save(update_fields=["country", "updated_at"])
    return [("country", before, person.country_id)]


def _save(membership: Membership) -> None:
    try:
        membership.full_clean(exclude=["person", "organization", "post"], validate_unique=False)
    except ValidationError as error:
        raise invalid(error) from error
    membership.save()


def _name(membership: Membership) -> str:
    return f"membership:{membership.uid}"


def state_of(membership: Membership) -> dict[str, Any]:
    """A membership as one value of the audit trail."""
    fields = ("organization", "post", "role", "started_on", "ended_on", "is_primary")
    return {field: plain(getattr(membership, field)) for field in fields}


def _record(person: Person, verb: str, changes: list[Change], actor: User | None) -> AuditEntry:
    return record(verb=f"person.{verb}", target=person, actor=actor, changes=changes, event={"fields": ["memberships"]})
