"""A drive's countries × constituencies: whom we know, whom we can write to, whom this drive has reached, and where nobody is.

*Reached* means: a delivery of a mailing of this drive was accepted, to the institution or to somebody who stands for it. An
institution counts in each country that it is in or works in, and in the branch of its constituency.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from campaigns.delivery.models import Delivery, Outcome
from campaigns.planning.gridsql import grid_sql
from campaigns.planning.models import Drive
from contacts.consent.models import Suppression
from contacts.directory.coverage import Figure, latest
from contacts.directory.models import Constituency, ContactPoint, Country, Membership, Organization
from crm.accounts.models import User
from crm.accounts.rules import Action

WIDE = 60  # countries


@dataclass(frozen=True)
class Cell:
    """One constituency of one country. people: those with a working address; contacted_at: the last contact of any of its
    institutions, in this drive or elsewhere. posts, filled, seats: seats there are, that somebody holds, whose holder can be
    written to; talked_at: the last two-way contact; stance: of the most powerful, of `stances` that are known; green … kept: its
    commitments in this drive; invited, answered, came: to its events, of those who stand for its institutions; members: institutions in a network of the campaign; delegate_seats, delegates:
    seats of delegates of the country's delegations to its events, and whom we accepted for them; whom: the institution to turn to first."""

    country: str
    constituency: str
    institutions: int = 0
    reached: int = 0
    reachable: int = 0
    people: int = 0
    contacted_at: datetime | None = None
    posts: int = 0
    filled: int = 0
    seats: int = 0
    talked_at: datetime | None = None
    stance: int | None = None
    stances: int = 0
    lowest: int | None = None
    highest: int | None = None
    green: int = 0
    yellow: int = 0
    red: int = 0
    kept: int = 0
    due: date | None = None
    invited: int = 0
    answered: int = 0
    came: int = 0
    members: int = 0
    delegate_seats: int = 0
    delegates: int = 0
    whom: UUID | None = None

    @property
    def promises(self) -> int:
        """Open ones and kept ones."""
        return self.green + self.yellow + self.red + self.kept

    @property
    def state(self) -> str:
        """nobody, closed (known, but no address that works), open (not reached yet), part or reached."""
        if not self.institutions:
            return "nobody"
        if self.reached:
            return "reached" if self.reached == self.institutions else "part"
        return "open" if self.reachable else "closed"

    def weeks(self, now: datetime) -> int | None:
        """Full weeks since somebody there talked with us; None if nobody did."""
        return max(0, (now - self.talked_at).days) // 7 if self.talked_at else None


@dataclass
class Row:
    country: Country
    figure: Figure | None
    cells: list[Cell]


@dataclass
class Grid:
    rows: list[Row]
    constituencies: list[Constituency]
    total: Cell  # institutions, reached and reachable only: one that works in five countries counts once
    missing: list[tuple[Row, Constituency]] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not self.rows or not self.constituencies


def countries_of(drive: Drive, user: User) -> list[Country]:
    """The drive's countries that the user may see."""
    codes = user.scope(Action.SEE).countries
    rows = drive.countries.order_by("sort_key")
    return list(rows if codes is None else rows.filter(code__in=codes))


def grid_of(drive: Drive, *, countries: Sequence[Country], mailings: Sequence[int], ask: int | None = None) -> Grid:
    """The grid of these countries of the drive, lowest coverage first. mailings: ids of the drive's mailings; ask: the id of the
    one whose positions are shown.

    One query for all cells, one for the figures, one for the constituencies.
    """
    constituencies = list(drive.constituencies.order_by("position", "sort_key"))
    cells, total = _cells(drive, countries, constituencies, mailings, ask)
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
    drive: Drive,
    countries: Sequence[Country],
    constituencies: Sequence[Constituency],
    mailings: Sequence[int],
    ask: int | None,
) -> tuple[dict[tuple[str, str], Cell], Cell]:
    from campaigns.commitments.segment_fields import light_in_sql  # commitments are about drives

    given: dict[str, Any] = {
        "countries": [country.code for country in countries],
        "constituencies": [constituency.pk for constituency in constituencies],
        "mailings": list(mailings),
        "ask": ask,
        "drive": drive.pk,
        "campaign": drive.campaign_id,
        "today": timezone.localdate(),
    }
    with connection.cursor() as cursor:
        cursor.execute(grid_sql(light=light_in_sql("%(today)s::date"), is_wide=len(countries) > WIDE), given)
        found = [Cell(*row) for row in cursor.fetchall()]
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
