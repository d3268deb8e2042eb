"""People: the person, and in the same transaction what a quick-add gives with them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from contacts.directory.models import Country, Organization, Person, Post
from contacts.directory.services.contact_points import insert_contact_point, point_change
from contacts.directory.services.editing import archive_row, created, edit_row, invalid, unarchive_row
from contacts.directory.services.memberships import begin_membership
from crm.accounts.models import User
from crm.audit.models import AuditEntry
from crm.audit.services import Change
from crm.errors import Invalid

FIELDS = (
    "name",
    "given_name",
    "family_name",
    "honorific_prefix",
    "gender",
    "greeting",
    "pronunciation",
    "language",
    "country",
    "note",
    "custom",
)


def create_person(
    *,
    actor: User | None,
    name: str = "",
    given_name: str = "",
    family_name: str = "",
    honorific_prefix: str = "",
    gender: str = "",
    greeting: str = "",
    pronunciation: str = "",
    language: str = "",
    country: Country | None = None,
    note: str = "",
    email: str = "",
    organization: Organization | None = None,
    post: Post | None = None,
    role: str = "",
    started_on: date | None = None,
    is_invented: bool = False,
) -> Person:
    """Add a person, with an e-mail address and a first membership if given; the country is then the institution's.

    Raises Invalid without any name, or for an address that is none.
    """
    name = name.strip() or f"{given_name} {family_name}".strip()
    if not name:
        raise Invalid(_("A person needs a name. Give at least one of the two."), code="no_name")
    person = Person(
        name=name,
        given_name=given_name.strip(),
        family_name=family_name.strip(),
        honorific_prefix=honorific_prefix.strip(),
        gender=gender,
        greeting=greeting.strip(),
        pronunciation=pronunciation.strip(),
        language=language,
        country=country,
        note=note,
        is_invented=is_invented,
    )
    with transaction.atomic():
        _check(person)
        person.save()
        more: list[Change] = []
        if organization or post:
            more += begin_membership(
                person=person, organization=organization, post=post, role=role, started_on=started_on, is_primary=True
            )
        if email.strip():
            more.append(point_change(None, insert_contact_point(person=person, kind="email", value=email)))
        created(target=person, fields=FIELDS[:-1], actor=actor, more=[c for c in more if c[0] != "country"])
    return person


def _check(person: Person) -> None:
    try:
        person.clean_fields(exclude=["sort_key", "search_text"])
    except ValidationError as error:
        raise invalid(error) from error


def edit_person(
    *, person: Person, actor: User | None, changes: Mapping[str, Any], seen: Mapping[str, Any] | None = None
) -> AuditEntry | None:
    """Change some of FIELDS. `name` follows the given and family name unless it is changed itself."""
    changes = dict(changes)
    if {"given_name", "family_name"} & set(changes) and "name" not in changes:
        given = changes.get("given_name", person.given_name)
        changes["name"] = f"{given} {changes.get('family_name', person.family_name)}".strip()
    if "name" in changes and not str(changes["name"]).strip():
        raise Invalid(_("A person needs a name. The old one was kept."), code="no_name")
    return edit_row(target=person, allowed=FIELDS, changes=changes, seen=seen, actor=actor, verb="person.edited")


def archive_person(*, person: Person, actor: User | None) -> AuditEntry | None:
    """Take a person out of lists and audiences; history stays, Undo brings them back."""
    return archive_row(target=person, actor=actor, verb="person.archived")


def unarchive_person(*, person: Person, actor: User | None) -> AuditEntry | None:
    """Bring back from the archive."""
    return unarchive_row(target=person, actor=actor, verb="person.unarchived")
