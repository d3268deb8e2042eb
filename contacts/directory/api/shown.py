"""How people and institutions are told over REST, a whole page at a time.

A page of 100 is what programs ask for most. Its parts are read by the keys of the page in one statement, as JSON already, and
put together here: the same as the fields of `PersonOut` and `OrganizationOut` would give (a test compares them), at a fraction of
the time. Rows are not linked with one another, so nothing of a page is left for the collector either.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import F

from contacts.directory.models import Organization, Person

# tags, keys in other systems, addresses; and of people their present memberships, the primary one first
PARTS = """
SELECT k.id,
  ARRAY(SELECT t.name FROM contacts_{owner}_tags l JOIN contacts_tag t ON t.id = l.tag_id WHERE l.{owner}_id = k.id),
  (SELECT json_object_agg(e.system, e.key ORDER BY e.system COLLATE "C")
     FROM contacts_externalid e WHERE e.{owner}_id = k.id),
  (SELECT json_agg(json_build_object('uid', c.uid, 'kind', c.kind, 'value', c.value, 'label', c.label,
       'status', c.status, 'status_reason', c.status_reason, 'is_preferred', c.is_preferred)
       ORDER BY c.kind, c.is_preferred DESC, c.id)
     FROM contacts_contactpoint c WHERE c.{owner}_id = k.id),
  {seats}
  FROM unnest(%s::bigint[]) AS k(id)
"""
SEATS = """
  (SELECT json_agg(json_build_object('uid', m.uid,
       'organization', json_build_object('uid', o.uid, 'name', o.name, 'constituency', y.code, 'country', o.country_id),
       'post', CASE WHEN p.id IS NOT NULL THEN json_build_object('uid', p.uid, 'name', p.name) END,
       'role', m.role, 'started_on', m.started_on, 'ended_on', m.ended_on, 'is_primary', m.is_primary)
       ORDER BY m.is_primary DESC, m.started_on DESC, m.id)
     FROM contacts_membership m
     JOIN contacts_organization o ON o.id = m.organization_id
     JOIN contacts_constituency y ON y.id = o.constituency_id
     LEFT JOIN contacts_post p ON p.id = m.post_id
    WHERE m.person_id = k.id AND m.ended_on IS NULL)"""
OF_PEOPLE = PARTS.format(owner="person", seats=SEATS)
OF_ORGANIZATIONS = PARTS.format(owner="organization", seats="NULL")


def people(rows: Sequence[Person]) -> list[dict[str, Any]]:
    """What `PersonOut` says of each, by one query more."""
    parts, seats = _parts(OF_PEOPLE, rows)
    return [
        {
            "uid": str(row.uid),
            "name": row.name,
            "given_name": row.given_name,
            "family_name": row.family_name,
            "honorific_prefix": row.honorific_prefix,
            "gender": row.gender,
            "greeting": row.greeting,
            "pronunciation": row.pronunciation,
            "language": row.language,
            "country": row.country_id,
            "note": row.note,
            **parts[row.pk],
            "memberships": seats[row.pk],
            "custom": row.custom,
            "last_mailed_at": _moment(row.last_mailed_at),
            "last_engaged_at": _moment(row.last_engaged_at),
            "archived_at": _moment(row.archived_at),
            "created_at": _moment(row.created_at),
            "updated_at": _moment(row.updated_at),
        }
        for row in rows
    ]


def with_refs(rows: Any) -> Any:
    """Organizations with what `organizations()` needs of the rows that they refer to."""
    return rows.annotate(constituency_code=F("constituency__code"), parent_uid=F("parent__uid"))


def organizations(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """What `OrganizationOut` says of each of these rows, which `with_refs` has completed."""
    parts, _seats = _parts(OF_ORGANIZATIONS, rows)
    return [
        {
            "uid": str(row.uid),
            "name": row.name,
            "names": row.names,
            "acronym": row.acronym,
            "constituency": row.constituency_code,
            "country": row.country_id,
            "countries_of_work": row.countries_of_work,
            "parent": str(row.parent_uid) if row.parent_uid else None,
            "language": row.language,
            "website": row.website,
            "note": row.note,
            **parts[row.pk],
            "custom": row.custom,
            "last_contacted_at": _moment(row.last_contacted_at),
            "archived_at": _moment(row.archived_at),
            "created_at": _moment(row.created_at),
            "updated_at": _moment(row.updated_at),
        }
        for row in rows
    ]


def _parts(sql: str, rows: Sequence[Person | Organization]) -> tuple[dict[int, dict[str, Any]], dict[int, list[Any]]]:
    """What belongs to each row, by its key: what people and organizations both have, and memberships."""
    with connection.cursor() as cursor:
        cursor.execute(sql, [[row.pk for row in rows]])
        found = cursor.fetchall()
    parts = {
        key: {
            "tags": sorted(tags, key=str.casefold),
            "external_ids": external_ids or {},
            "contact_points": points or [],
        }
        for key, tags, external_ids, points, _seats in found
    }
    return parts, {key: seats or [] for key, *_rest, seats in found}


def _moment(value: datetime | None) -> str | None:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if value else None
