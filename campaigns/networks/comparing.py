"""An applicant beside those of the directory who may be the same, field by field: what differs is seen at a glance. For staff only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count
from django.utils.translation import gettext as _

from campaigns.networks.matching import Applicant
from campaigns.networks.models import Application, Kind
from contacts.consent.addresses import address_key
from contacts.directory.models import ContactPoint, Membership
from crm.ui import formats
from crm.ui.searchtext import latin

MOST = 3  # beside one another; more would not fit a screen
ADDRESSES = 3


@dataclass(frozen=True)
class Cell:
    text: str
    is_same: bool = False


@dataclass(frozen=True)
class Line:
    label: str
    said: str
    cells: list[Cell]


@dataclass(frozen=True)
class Comparison:
    """`suspects` are the heads of the columns beside the applicant's own."""

    title: str
    suspects: list[Applicant]
    lines: list[Line]


def side_by_side(
    application: Application, organizations: Sequence[Applicant], people: Sequence[Applicant]
) -> list[Comparison]:
    """One for the institution and one for the person, where there are suspects."""
    found = []
    if application.kind == Kind.INSTITUTION and organizations:
        found.append(_institutions(application, list(organizations[:MOST])))
    if people:
        found.append(_people(application, list(people[:MOST])))
    return found


def _institutions(application: Application, suspects: list[Applicant]) -> Comparison:
    keys = [suspect.row.pk for suspect in suspects]
    points = ContactPoint.objects.emails().filter(organization__in=keys).order_by("-is_preferred", "pk")
    addresses = _by(points.values_list("organization_id", "value"))
    current = Membership.objects.filter(organization__in=keys, ended_on__isnull=True)
    people = dict(current.order_by().values_list("organization_id").annotate(Count("person_id", distinct=True)))
    domain = address_key(application.email).rpartition("@")[2]
    kind = application.constituency.label if application.constituency else ""
    rows = [suspect.row for suspect in suspects]
    lines = [
        _line(_("Name"), application.organization_name, [row.label for row in rows]),
        _line(_("Country"), _country(application), [_country(row) for row in rows]),
        _line(_("Constituency"), kind, [row.constituency.label for row in rows]),
        Line(
            _("E-mail"),
            application.email,
            [
                Cell(_few(addresses[row.pk]), any(a.lower().endswith(f"@{domain}") for a in addresses[row.pk]))
                for row in rows
            ],
        ),
        _line(_("Website"), "", [row.website for row in rows]),
        _line(_("People there"), "", [formats.number(people.get(row.pk, 0)) for row in rows]),
    ]
    return Comparison(_("The institution, side by side"), suspects, _told(lines))


def _people(application: Application, suspects: list[Applicant]) -> Comparison:
    keys = [suspect.row.pk for suspect in suspects]
    points = ContactPoint.objects.emails().filter(person__in=keys).order_by("-is_preferred", "pk")
    addresses = _by(points.values_list("person_id", "value"))
    current = Membership.objects.filter(person__in=keys, ended_on__isnull=True).select_related("organization", "post")
    seats = _by((row.person_id, row.organization.label) for row in current.order_by("-is_primary", "pk"))
    key = address_key(application.email)
    rows = [suspect.row for suspect in suspects]
    lines = [
        _line(_("Name"), application.name, [row.label for row in rows]),
        _line(_("Country"), _country(application), [_country(row) for row in rows]),
        Line(
            _("E-mail"),
            application.email,
            [Cell(_few(addresses[row.pk]), any(a.casefold() == key for a in addresses[row.pk])) for row in rows],
        ),
        Line(
            _("Institution"),
            application.organization_name,
            [Cell(_few(seats[row.pk]), _same(application.organization_name, seats[row.pk])) for row in rows],
        ),
    ]
    return Comparison(_("The person, side by side"), suspects, _told(lines))


def _line(label: str, said: str, texts: list[str]) -> Line:
    return Line(label, said, [Cell(text, _same(said, [text])) for text in texts])


def _told(lines: list[Line]) -> list[Line]:
    """Without those where nobody has anything."""
    return [line for line in lines if line.said or any(cell.text for cell in line.cells)]


def _same(said: str, texts: Sequence[str]) -> bool:
    return bool(said) and latin(said) in {latin(text) for text in texts}


def _few(texts: Sequence[str]) -> str:
    more = f" +{len(texts) - ADDRESSES}" if len(texts) > ADDRESSES else ""
    return ", ".join(texts[:ADDRESSES]) + more


def _country(row: Any) -> str:
    return str(row.country.label) if row.country else ""


def _by(pairs: Any) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for key, text in pairs:
        if text not in found[key]:
            found[key].append(text)
    return found
