"""A drive's countries × constituencies: whom we know, whom we can write to, whom this drive has reached, and where nobody is.

*Reached* means: a delivery of a mailing of this drive was accepted, to the institution or to somebody who stands for it. An
institution counts in each country that it is in or works in, and in the branch of its constituency.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from campaigns.delivery.models import Delivery, Outcome
from campaigns.planning.models import Drive
from contacts.consent.models import Suppression
from contacts.directory.coverage import Figure, latest
from contacts.directory.models import Constituency, ContactPoint, Country, Membership, Organization
from crm.accounts.models import User
from crm.accounts.rules import Action

# Cells are made first, so that those where nobody is known are rows too; the last grouping set is the whole drive, in
# which an institution that works in five countries counts once.
GRID = """
WITH cell AS (
    SELECT country.code AS country, constituency.id, constituency.code, constituency.parent_id IS NULL AS is_root
      FROM contacts_country country CROSS JOIN contacts_constituency constituency
     WHERE country.code = ANY(%(countries)s) AND constituency.id = ANY(%(constituencies)s)
), place AS MATERIALIZED (
    SELECT cell.country, cell.code, organization.id, organization.last_contacted_at
      FROM cell
      JOIN contacts_constituency of ON of.id = cell.id OR (cell.is_root AND of.root_code = cell.code)
      JOIN contacts_organization organization ON organization.constituency_id = of.id
       AND organization.archived_at IS NULL
       AND (organization.country_id = cell.country OR organization.countries_of_work @> ARRAY[cell.country])
), person AS (
    SELECT member.organization_id, count(DISTINCT member.person_id) AS people
      FROM contacts_membership member
      JOIN contacts_person person ON person.id = member.person_id
       AND person.archived_at IS NULL AND person.erased_at IS NULL
      JOIN contacts_contactpoint point ON point.person_id = member.person_id
       AND point.kind = 'email' AND point.status = 'active'
     WHERE member.ended_on IS NULL AND member.organization_id IN (SELECT id FROM place)
       AND NOT EXISTS (SELECT 1 FROM contacts_suppression never WHERE never.address_hash = point.address_hash)
     GROUP BY member.organization_id
), own AS (
    SELECT addressed.organization_id
      FROM (
        SELECT point.organization_id, point.address_hash FROM contacts_contactpoint point
         WHERE point.organization_id IN (SELECT id FROM place) AND point.kind = 'email' AND point.status = 'active'
         UNION ALL
        SELECT post.organization_id, point.address_hash
          FROM contacts_post post JOIN contacts_contactpoint point ON point.post_id = post.id
         WHERE post.organization_id IN (SELECT id FROM place) AND point.kind = 'email' AND point.status = 'active'
      ) addressed
     WHERE NOT EXISTS (SELECT 1 FROM contacts_suppression never WHERE never.address_hash = addressed.address_hash)
     GROUP BY addressed.organization_id
), reached AS (
    SELECT DISTINCT organization_id FROM delivery
     WHERE mailing_id = ANY(%(mailings)s) AND state = 'accepted' AND organization_id IS NOT NULL
)
SELECT cell.country, cell.code,
       count(DISTINCT place.id), count(DISTINCT reached.organization_id),
       count(DISTINCT place.id) FILTER (WHERE person.people IS NOT NULL OR own.organization_id IS NOT NULL),
       coalesce(sum(person.people), 0), max(place.last_contacted_at)
  FROM cell
  LEFT JOIN place ON place.country = cell.country AND place.code = cell.code
  LEFT JOIN person ON person.organization_id = place.id
  LEFT JOIN own ON own.organization_id = place.id
  LEFT JOIN reached ON reached.organization_id = place.id
 GROUP BY GROUPING SETS ((cell.country, cell.code), ())
"""


@dataclass(frozen=True)
class Cell:
    """One constituency of one country. people: those with a working address; contacted_at: the last contact of any of its
    institutions, in this drive or elsewhere."""

    country: str
    constituency: str
    institutions: int = 0
    reached: int = 0
    reachable: int = 0
    people: int = 0
    contacted_at: datetime | None = None

    @property
    def state(self) -> str:
        """nobody, closed (known, but no address that works), open (not reached yet), part or reached."""
        if not self.institutions:
            return "nobody"
        if self.reached:
            return "reached" if self.reached == self.institutions else "part"
        return "open" if self.reachable else "closed"

    def weeks(self, now: datetime) -> int | None:
        """Full weeks since the last contact; None if there was none."""
        return (now - self.contacted_at).days // 7 if self.contacted_at else None


@dataclass
class Row:
    country: Country
    figure: Figure | None
    cells: list[Cell]


@dataclass
class Grid:
    rows: list[Row]
    constituencies: list[Constituency]
    total: Cell
    missing: list[tuple[Row, Constituency]] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not self.rows or not self.constituencies


def countries_of(drive: Drive, user: User) -> list[Country]:
    """The drive's countries that the user may see."""
    codes = user.scope(Action.SEE).countries
    rows = drive.countries.order_by("sort_key")
    return list(rows if codes is None else rows.filter(code__in=codes))


def grid_of(drive: Drive, *, countries: Sequence[Country], mailings: Sequence[int]) -> Grid:
    """The grid of these countries of the drive, lowest coverage first. mailings: ids of the drive's mailings.

    One query for all cells, one for the figures, one for the constituencies.
    """
    constituencies = list(drive.constituencies.order_by("position", "sort_key"))
    cells, total = _cells(countries, constituencies, mailings)
    figures = latest(country.code for country in countries)
    rows = [
        Row(
            country,
            figures.get(country.code),
            [cells.get((country.code, c.code), Cell(country.code, c.code)) for c in constituencies],
        )
        for country in countries
    ]
    rows.sort(key=lambda row: (row.figure is None, row.figure.value if row.figure else 0, row.country.sort_key))
    grid = Grid(rows, constituencies, total)
    grid.missing = [
        (row, constituency)
        for row in rows
        for cell, constituency in zip(row.cells, constituencies, strict=True)
        if cell.state == "nobody"
    ]
    return grid


def _cells(
    countries: Sequence[Country], constituencies: Sequence[Constituency], mailings: Sequence[int]
) -> tuple[dict[tuple[str, str], Cell], Cell]:
    with connection.cursor() as cursor:
        cursor.execute(
            GRID,
            {
                "countries": [country.code for country in countries],
                "constituencies": [constituency.pk for constituency in constituencies],
                "mailings": list(mailings),
            },
        )
        found = [Cell(country or "", code or "", *rest) for country, code, *rest in cursor.fetchall()]
    total = next((cell for cell in found if not cell.country), Cell("", ""))
    return {(cell.country, cell.constituency): cell for cell in found if cell.country}, total


def institutions_of(drive: Drive, user: User, mailings: Sequence[int]) -> QuerySet[Organization]:
    """The institutions behind the grid, each with `is_reached` and `is_reachable`; the counts of the grid are theirs."""
    codes = [country.code for country in countries_of(drive, user)]
    roots = list(drive.constituencies.filter(parent=None).values_list("code", flat=True))
    inside = Q(constituency__in=drive.constituencies.all()) | Q(constituency__root_code__in=roots)
    accepted: Any = Delivery.objects.filter(
        mailing_id__in=list(mailings), state=Outcome.ACCEPTED, organization_id=OuterRef("pk")
    )
    return (
        Organization.objects.active()
        .filter(inside, Q(country_id__in=codes) | Q(countries_of_work__overlap=codes))
        .annotate(is_reached=Exists(accepted), is_reachable=_reachable())
    )


def _reachable() -> Any:
    """Whether there is an address that works: the institution's own, a post's, or that of somebody who belongs to it."""
    working = ContactPoint.objects.emails().usable()
    working = working.exclude(address_hash__in=Suppression.objects.values("address_hash"))
    members = Membership.objects.current().filter(
        organization=OuterRef("pk"), person__archived_at=None, person__erased_at=None
    )
    of_people = members.filter(Exists(working.filter(person=OuterRef("person_id"))))
    return (
        Exists(working.filter(organization=OuterRef("pk")))
        | Exists(working.filter(post__organization=OuterRef("pk")))
        | Exists(of_people)
    )
