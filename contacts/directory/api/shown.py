"""How people and institutions are told over REST, a whole page at a time.

A page of 100 is what programs ask for most. Its parts are read as plain values, by the keys of the page, and written out here:
the same as the fields of `PersonOut` and `OrganizationOut` would give (a test compares them), at a fifth of the time. Rows are
not linked with one another, so nothing of a page is left for the collector either.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.db.models import F

from contacts.directory.models import ContactPoint, ExternalId, Membership, Organization, Person
from contacts.directory.queries import among

Parts = dict[int, list[Any]]
POINT = ("uid", "kind", "value", "label", "status", "status_reason", "is_preferred")
SEAT = (
    "uid", "organization__uid", "organization__name", "organization__constituency__code", "organization__country_id",
    "post__uid", "post__name", "role", "started_on", "ended_on", "is_primary",
)  # fmt: skip


def people(rows: Sequence[Person]) -> list[dict[str, Any]]:
    """What `PersonOut` says of each, in three queries more, four when somebody has tags."""
    common, seats = _Common.of("person", rows), _seats(rows)
    return [
        {
            "uid": str(row.uid),
            "name": row.name,
            "given_name": row.given_name,
            "family_name": row.family_name,
            "honorific_prefix": row.honorific_prefix,
            "gender": row.gender,
            "greeting": row.greeting,
            "language": row.language,
            "country": row.country_id,
            "note": row.note,
            **common.told(row.pk),
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
    common = _Common.of("organization", rows)
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
            **common.told(row.pk),
            "custom": row.custom,
            "last_contacted_at": _moment(row.last_contacted_at),
            "archived_at": _moment(row.archived_at),
            "created_at": _moment(row.created_at),
            "updated_at": _moment(row.updated_at),
        }
        for row in rows
    ]


@dataclass(frozen=True)
class _Common:
    """What both have: tags, keys in other systems, addresses."""

    tags: Parts
    external_ids: Parts
    points: Parts

    @classmethod
    def of(cls, owner: str, rows: Sequence[Person | Organization]) -> _Common:
        model: Any = Person if owner == "person" else Organization
        theirs = among(f"{owner}_id", [row.pk for row in rows])
        tags = model.tags.through.objects.filter(theirs).values_list(f"{owner}_id", "tag__name")
        ids = ExternalId.objects.filter(theirs).order_by("system").values_list(f"{owner}_id", "system", "key")
        points = ContactPoint.objects.filter(theirs).order_by("kind", "-is_preferred", "pk")
        return cls(
            tags=_by_owner((key, name) for key, name in tags),
            external_ids=_by_owner((key, (system, name)) for key, system, name in ids),
            points=_by_owner((key, _point(*point)) for key, *point in points.values_list(f"{owner}_id", *POINT)),
        )

    def told(self, key: int) -> dict[str, Any]:
        return {
            "tags": sorted(self.tags[key], key=str.casefold),
            "external_ids": dict(self.external_ids[key]),
            "contact_points": self.points[key],
        }


def _by_owner(pairs: Iterable[tuple[int, Any]]) -> Parts:
    found: Parts = defaultdict(list)
    for key, part in pairs:
        found[key].append(part)
    return found


def _point(uid: Any, *rest: Any) -> dict[str, Any]:
    return dict(zip(POINT, (str(uid), *rest), strict=True))


def _seats(rows: Sequence[Person]) -> Parts:
    """Present memberships, the primary one first."""
    present = Membership.objects.current().filter(among("person_id", [row.pk for row in rows]))
    seats = present.order_by("-is_primary", "-started_on", "pk").values_list("person_id", *SEAT)
    return _by_owner((key, _seat(*seat)) for key, *seat in seats)


def _seat(
    uid: Any, place: Any, name: str, constituency: str, country: str | None, post: Any, title: str, role: str,
    started_on: date | None, ended_on: date | None, is_primary: bool,
) -> dict[str, Any]:  # fmt: skip
    return {
        "uid": str(uid),
        "organization": {"uid": str(place), "name": name, "constituency": constituency, "country": country},
        "post": {"uid": str(post), "name": title} if post else None,
        "role": role,
        "started_on": started_on.isoformat() if started_on else None,
        "ended_on": ended_on.isoformat() if ended_on else None,
        "is_primary": is_primary,
    }


def _moment(value: datetime | None) -> str | None:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if value else None
