"""Who in the directory an applicant may be. Only staff ever see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from campaigns.networks.models import Application, Kind, Member
from contacts.consent.addresses import address_key
from contacts.directory import suspects
from contacts.directory.mailboxes import MAILBOXES_FOR_ALL
from contacts.directory.models import ContactPoint, Organization, Person
from contacts.directory.suspects import SHOWN, Suspect
from crm.accounts.models import User
from crm.ui.searchtext import latin


@dataclass
class Applicant(Suspect):
    """Who the applicant may be; `member` when it takes part already."""

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


def people_like(application: Application, user: User) -> list[Applicant]:
    """People with the address that was confirmed, then those of the same name."""
    found = suspects.people_like(
        user, name=application.name, email=application.email, country_id=application.country_id, is_proven=True
    )
    return _with_members([Applicant(**vars(one)) for one in found], application, "person_id")


def organizations_like(application: Application, user: User) -> list[Applicant]:
    """Institutions of the same name or acronym, or whose own addresses have the applicant's domain; in the country first."""
    if application.kind != Kind.INSTITUTION:
        return []
    rows = Organization.objects.active().visible_to(user).select_related("country", "constituency")
    return _with_members(_alike(application, rows)[:SHOWN], application, "organization_id")


def _alike(application: Application, rows: Any) -> list[Applicant]:
    found: dict[int, Applicant] = {}
    wanted = latin(application.organization_name)
    for row in rows.search(application.organization_name)[:50]:
        same = wanted in suspects.names_of(row)
        reason = _("same name") if same else _("a name with the same words")
        found.setdefault(row.pk, Applicant(row, [reason], is_sure=same)).row = row
    domain = address_key(application.email).rpartition("@")[2]
    points: Any = ContactPoint.objects.emails().with_parts()
    points = points.filter(domain=domain, organization__isnull=False)
    for row in rows.filter(pk__in=points.values("organization_id"))[:SHOWN]:
        found.setdefault(row.pk, Applicant(row)).reasons.append(
            _("its addresses end in @%(domain)s") % {"domain": domain}
        )
    alike = sorted(
        found.values(), key=lambda s: (s.row.country_id != application.country_id, not s.is_sure, -len(s.reasons))
    )
    for suspect in alike:
        here = suspect.row.country_id == application.country_id
        suspect.is_sure = suspect.is_sure and here
        if here:
            suspect.reasons.append(_("same country"))
    return alike


def _with_members(rows: list[Applicant], application: Application, column: str) -> list[Applicant]:
    there = Member.objects.filter(network=application.network_id, left_at__isnull=True)
    members = {getattr(row, column): row for row in there.filter(**{f"{column}__in": [one.row.pk for one in rows]})}
    for one in rows:
        one.member = members.get(one.row.pk)
    return rows
