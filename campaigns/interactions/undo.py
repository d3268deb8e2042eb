"""Undo of what was logged, corrected or taken away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.interactions.services import FIELDS, _put, _take_away, _uids, may_log, parties_of
from campaigns.outreach.models import Interaction
from contacts.directory.models import Organization, Person
from contacts.directory.services.editing import back_from_plain, find_locked, plain, same
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.errors import Conflict, NotAllowed


def restore_interaction(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    """Of logging: it is taken away with the next step that nobody did yet. Of the others: the values before, if they still stand."""
    row = find_locked(Interaction, uid)
    people, organizations = parties_of(row)
    if "kind" in values and values["kind"] is None:
        _may(row, people, organizations, actor)
        if not row.removed_at:
            _take_away(row)
        row.next_steps.open().update(dropped_at=timezone.now())
        return
    now = {"people": _uids(people), "organizations": _uids(organizations)}
    for name in values:
        current = now.get(name, plain(getattr(row, name, None)))
        if not same(current, expected[name]):
            raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
    if "people" in values:
        people = list(Person.objects.filter(uid__in=values["people"], erased_at=None))
    if "organizations" in values:
        organizations = list(Organization.objects.filter(uid__in=values["organizations"]))
    _may(row, people, organizations, actor)
    fields: dict[str, Any] = {
        name: back_from_plain(Interaction, name, values[name]) for name in FIELDS if name in values
    }
    if "removed_at" in values:
        fields["removed_at"] = None
    _put(row, fields, people, organizations)


def _may(row: Interaction, people: list[Person], organizations: list[Organization], actor: User) -> None:
    if row.logged_by_id != actor.pk:
        may_log(actor, people, organizations)
    elif not actor.may(Action.LOG):
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
