"""Institutions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from contacts.directory.models import Constituency, Country, Organization
from contacts.directory.services.contact_points import insert_contact_point, point_change
from contacts.directory.services.editing import archive_row, created, edit_row, invalid, unarchive_row
from crm.accounts.models import User
from crm.audit.models import AuditEntry
from crm.audit.services import Change
from crm.errors import Invalid

FIELDS = (
    "name",
    "names",
    "acronym",
    "constituency",
    "country",
    "countries_of_work",
    "parent",
    "language",
    "website",
    "note",
    "custom",
)


def create_organization(
    *,
    actor: User | None,
    name: str,
    constituency: Constituency,
    country: Country | None = None,
    acronym: str = "",
    names: Mapping[str, str] | None = None,
    countries_of_work: list[str] | None = None,
    parent: Organization | None = None,
    language: str = "",
    website: str = "",
    note: str = "",
    email: str = "",
    is_invented: bool = False,
) -> Organization:
    """Add an institution, with its own e-mail address (an info@) if given. Raises Invalid without a name."""
    if not name.strip():
        raise Invalid(_("An organization needs a name."), code="no_name")
    organization = Organization(
        name=name.strip(),
        names=dict(names or {}),
        acronym=acronym.strip(),
        constituency=constituency,
        country=country,
        countries_of_work=countries_of_work or [],
        parent=parent,
        language=language,
        website=website,
        note=note,
        is_invented=is_invented,
    )
    with transaction.atomic():
        try:
            organization.clean_fields(exclude=["sort_key", "search_text"])
        except ValidationError as error:
            raise invalid(error) from error
        organization.save()
        more: list[Change] = []
        if email.strip():
            point = insert_contact_point(organization=organization, kind="email", value=email)
            more.append(point_change(None, point))
        created(target=organization, fields=FIELDS[:-1], actor=actor, more=more)
    return organization


def edit_organization(
    *, organization: Organization, actor: User | None, changes: Mapping[str, Any], seen: Mapping[str, Any] | None = None
) -> AuditEntry | None:
    """Change some of FIELDS. With the country, the people whose primary membership is here move along."""
    if "name" in changes and not str(changes["name"]).strip():
        raise Invalid(_("An organization needs a name. The old one was kept."), code="no_name")
    with transaction.atomic():
        entry = edit_row(
            target=organization, allowed=FIELDS, changes=changes, seen=seen, actor=actor, verb="organization.edited"
        )
        if entry and "country" in changes:
            people_follow(organizations=Organization.objects.filter(pk=organization.pk), entry=entry)
        return entry


def people_follow(*, organizations: QuerySet[Organization], entry: AuditEntry) -> int:
    """Give those whose current primary membership is in these organizations its country; told in `entry`, so that undo is exact."""
    sql, params = organizations.order_by().values_list("pk").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH moved AS (SELECT p.id, p.uid, p.country_id AS before, o.country_id AS after FROM contacts_person p"  # noqa: S608 our own words
            " JOIN contacts_membership m ON m.person_id = p.id AND m.is_primary AND m.ended_on IS NULL"
            " JOIN contacts_organization o ON o.id = m.organization_id"
            f" WHERE o.country_id IS NOT NULL AND p.country_id IS DISTINCT FROM o.country_id AND o.id IN ({sql})"
            " ORDER BY p.id FOR UPDATE OF p),"
            " changed AS (UPDATE contacts_person p SET country_id = moved.after, updated_at = now() FROM moved WHERE p.id = moved.id)"
            " INSERT INTO crm_auditchange (entry_id, object_type, object_uid, field, before, after)"
            " SELECT %s, 'person', uid, 'country', to_jsonb(before::text), to_jsonb(after::text) FROM moved",
            [*params, entry.pk],
        )
        return int(cursor.rowcount)


def archive_organization(*, organization: Organization, actor: User | None) -> AuditEntry | None:
    """Take an institution out of lists and grids; its posts, people and history stay."""
    return archive_row(target=organization, actor=actor, verb="organization.archived")


def unarchive_organization(*, organization: Organization, actor: User | None) -> AuditEntry | None:
    """Bring back from the archive."""
    return unarchive_row(target=organization, actor=actor, verb="organization.unarchived")
