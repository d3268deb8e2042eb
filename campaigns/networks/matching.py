"""Who in the directory an applicant may be. Only staff ever see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from campaigns.networks.models import Application, Kind, Member
from contacts.consent.addresses import address_key
from contacts.directory.mailboxes import MAILBOXES_FOR_ALL
from contacts.directory.models import ContactPoint, Organization, Person
from crm.accounts.models import User
from crm.ui.searchtext import latin

SHOWN = 5


@dataclass
class Suspect:
    """A row that may be the applicant, with the reasons in words; `member` when it takes part already."""

    row: Any
    reasons: list[str] = field(default_factory=list)
    is_sure: bool = False
    member: Member | None = None


def person_at(email: str) -> Person | None:
    """The one active person who has this address; None for nobody, or for several."""
    points = ContactPoint.objects.emails().filter(address_key=address_key(email), person__isnull=False)
    people = Person.objects.active().filter(pk__in=points.values("person_id"))[:2]
    return people[0] if len(people) == 1 else None


@dataclass(frozen=True)
class Known:
    """What is certain about an applicant's institution: which it is, or (None) that nobody of the directory is like it."""

    organization: Organization | None


def surely_new_or_known(application: Application) -> Known | None:
    """Without a person to look: one institution of the same name in the same country, or none that is alike; else None."""
    if application.kind != Kind.INSTITUTION:
        return Known(None)
    alike = _alike(application, Organization.objects.active().select_related("country", "constituency"))
    sure = [suspect for suspect in alike if suspect.is_sure]
    if len(sure) == 1:
        return Known(sure[0].row)
    return None if alike else Known(None)


def speaks_for(application: Application, organization: Organization) -> bool:
    """Whether the confirmed address shows that the applicant belongs to this institution: somebody of it has the address, or one of
    its own addresses has the same domain. A mailbox that anybody may open shows nothing, and staff look."""
    person = person_at(application.email)
    if person is not None and person.memberships.filter(organization=organization, ended_on__isnull=True).exists():
        return True
    domain = address_key(application.email).rpartition("@")[2]
    points: Any = ContactPoint.objects.emails().usable().with_parts()
    return domain not in MAILBOXES_FOR_ALL and points.filter(organization=organization, domain=domain).exists()


def people_like(application: Application, user: User) -> list[Suspect]:
    """People with this address (sure), then those of the same name."""
    people = Person.objects.visible_to(user).select_related("country")
    key = address_key(application.email)
    found = [
        Suspect(row, [_("has this address")], is_sure=True)
        for row in people.perhaps_same(name="", address_key=key)[:SHOWN]
    ]
    known = {suspect.row.pk for suspect in found}
    wanted = latin(application.name)
    for row in people.perhaps_same(name=application.name)[:50]:
        if row.pk not in known and latin(row.name) == wanted:
            where = row.country_id == application.country_id
            found.append(Suspect(row, [_("same name"), _("same country")] if where else [_("same name")]))
    return _with_members(found[:SHOWN], application, "person_id")


def organizations_like(application: Application, user: User) -> list[Suspect]:
    """Institutions of the same name or acronym, or whose own addresses have the applicant's domain; in the country first."""
    if application.kind != Kind.INSTITUTION:
        return []
    rows = Organization.objects.active().visible_to(user).select_related("country", "constituency")
    return _with_members(_alike(application, rows)[:SHOWN], application, "organization_id")


def _alike(application: Application, rows: Any) -> list[Suspect]:
    found: dict[int, Suspect] = {}
    wanted = latin(application.organization_name)
    for row in rows.search(application.organization_name)[:50]:
        same = latin(row.name) == wanted or wanted in {latin(str(name)) for name in row.names.values()}
        reason = _("same name") if same else _("a name with the same words")
        found.setdefault(row.pk, Suspect(row, [reason], is_sure=same)).row = row
    domain = address_key(application.email).rpartition("@")[2]
    points: Any = ContactPoint.objects.emails().with_parts()
    points = points.filter(domain=domain, organization__isnull=False)
    for row in rows.filter(pk__in=points.values("organization_id"))[:SHOWN]:
        found.setdefault(row.pk, Suspect(row)).reasons.append(
            _("its addresses end in @%(domain)s") % {"domain": domain}
        )
    suspects = sorted(
        found.values(), key=lambda s: (s.row.country_id != application.country_id, not s.is_sure, -len(s.reasons))
    )
    for suspect in suspects:
        here = suspect.row.country_id == application.country_id
        suspect.is_sure = suspect.is_sure and here
        if here:
            suspect.reasons.append(_("same country"))
    return suspects


def _with_members(suspects: list[Suspect], application: Application, column: str) -> list[Suspect]:
    there = Member.objects.filter(network=application.network_id, left_at__isnull=True)
    members = {getattr(row, column): row for row in there.filter(**{f"{column}__in": [s.row.pk for s in suspects]})}
    for suspect in suspects:
        suspect.member = members.get(suspect.row.pk)
    return suspects
