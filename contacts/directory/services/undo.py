"""How each kind of change in the directory is taken back. Registered in `registration.py`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.directory.models import ContactPoint, Membership, Organization, Person, Post
from contacts.directory.services import contact_points, memberships
from contacts.directory.services.editing import find_locked, restore_fields
from contacts.directory.services.external_ids import restore_external_id
from contacts.directory.services.tags import find_or_make, names_of
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.errors import Conflict, NotAllowed

Values = Mapping[str, Any]


def restore_person(*, uid: UUID, values: Values, expected: Values, actor: User) -> None:
    _restore(_find(Person, uid, values, actor), values, expected)


def restore_organization(*, uid: UUID, values: Values, expected: Values, actor: User) -> None:
    _restore(_find(Organization, uid, values, actor), values, expected)


def restore_post(*, uid: UUID, values: Values, expected: Values, actor: User) -> None:
    _restore(_find(Post, uid, values, actor), values, expected)


def _find(model: Any, uid: UUID, values: Values, actor: User) -> Any:
    """The locked row, if the actor may change it today: grants may have been taken away since the change."""
    row = find_locked(model, uid)
    for action in (Action.EDIT_DIRECTORY, Action.BULK):
        codes = actor.scope(action).countries
        # whoever moved a row out of their own countries may take that back
        if codes is None or values.get("country") in codes:
            return row
        if codes and model.objects.visible_to(actor, action).filter(pk=row.pk).exists():
            return row
    raise NotAllowed(_("You may no longer change this, so it was left as it is."))


def _restore(row: Any, values: Values, expected: Values) -> None:
    if "name" in values and values["name"] is None:  # the entry that made the row: it is archived, with all it has
        row.archived_at = row.archived_at or timezone.now()
        row.save(update_fields=["archived_at"])
        return
    plain_fields = {f: v for f, v in values.items() if ":" not in f and f != "tags"}
    for field, before in values.items():
        kind, _colon, key = field.partition(":")
        if kind == "contact_point":
            _restore_contact_point(row, UUID(key), before, expected[field])
        elif kind == "external_id":
            restore_external_id(row, key, before, expected[field])
        elif kind == "tag":
            row.tags.remove(*find_or_make([key]))
        elif field == "tags":
            _restore_tags(row, before, expected[field])
    # what ends or loses its primary place goes first: one primary membership at a time is a constraint
    moves = [(UUID(f.partition(":")[2]), v, expected[f]) for f, v in values.items() if f.startswith("membership:")]
    for membership, before, after in sorted(moves, key=lambda move: bool(move[1] and move[1]["is_primary"])):
        _restore_membership(row, membership, before, after)
    if plain_fields:
        restore_fields(row, plain_fields, expected)


def _changed_since() -> Conflict:
    return Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")


def _restore_tags(row: Any, before: list[str], after: list[str]) -> None:
    if names_of(row) != after:
        raise _changed_since()
    row.tags.set(find_or_make(before))


def _restore_contact_point(row: Any, uid: UUID, before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
    point = ContactPoint.objects.select_for_update(of=("self",)).filter(uid=uid).first()
    if (contact_points.state_of(point) if point else None) != after:
        raise _changed_since()
    if point:
        point.delete()
    if before:
        state = dict(before)
        post = Post.objects.filter(uid=state.pop("post", None)).first()
        owner: dict[str, Any] = {"post": post} if post else {row._meta.model_name: row}
        contact_points.insert_contact_point(uid=uid, **owner, **state)


def _restore_membership(person: Person, uid: UUID, before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
    membership = Membership.objects.select_for_update(of=("self",)).filter(uid=uid).first()
    if membership is None or memberships.state_of(membership) != after:
        raise _changed_since()
    if before is None:
        membership.delete()
        return
    membership.ended_on = date.fromisoformat(before["ended_on"]) if before["ended_on"] else None
    membership.is_primary = before["is_primary"]
    membership.save(update_fields=["ended_on", "is_primary"])
