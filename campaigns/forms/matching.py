"""Who in the directory answered. Only staff ever see it."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from campaigns.forms.models import Submission
from contacts.consent.addresses import address_key
from contacts.directory.models import ContactPoint, Person
from crm.accounts.models import User
from crm.ui.searchtext import latin

SHOWN = 5


@dataclass
class Suspect:
    """A person that it may be, with the reasons in words."""

    row: Person
    reasons: list[str] = field(default_factory=list)
    is_sure: bool = False


def people_at(email: str) -> list[Person]:
    """Active people who have this address; two at most, for more is as unsure as two."""
    points = ContactPoint.objects.emails().filter(address_key=address_key(email), person__isnull=False)
    return list(Person.objects.active().filter(pk__in=points.values("person_id")).order_by("pk")[:2])


def doubts_about(row: Submission, people: list[Person]) -> list[str]:
    """Why a person has to look at it; none when it is certainly this one, and nothing that is said differs from what is known or adds to it."""
    if not people:
        return [_("Nobody in the directory has this address.")]
    if len(people) > 1:
        return [_("Several people have this address.")]
    person, found = people[0], []
    if row.name and latin(row.name) not in {latin(person.name), *(latin(str(name)) for name in person.names.values())}:
        found.append(_("The address is that of %(name)s.") % {"name": person.label})
    if row.country_id and person.country_id and row.country_id != person.country_id:
        found.append(_("The directory knows another country."))
    if row.country_id and not person.country_id:
        found.append(_("They name a country, and the directory knows none of theirs."))
    if row.phone and not person.contact_points.filter(kind=ContactPoint.Kind.PHONE).exists():
        found.append(_("They give a phone number, and the directory knows none of theirs."))
    if row.organization_name and not _belongs(person, row.organization_name):
        found.append(_("The directory knows no such institution of theirs."))
    return found


def _belongs(person: Person, name: str) -> bool:
    wanted = latin(name)
    current = person.memberships.filter(ended_on__isnull=True).select_related("organization", "post__organization")
    for membership in current:
        organization = membership.organization or (membership.post.organization if membership.post else None)
        if organization and wanted in {latin(organization.name), *(latin(str(n)) for n in organization.names.values())}:
            return True
    return False


def people_like(row: Submission, user: User) -> list[Suspect]:
    """People with this address (sure, when it is one of that name), then those of the same name."""
    people = Person.objects.visible_to(user).select_related("country")
    key = address_key(row.email) if row.email else ""
    wanted = latin(row.name)
    found: dict[int, Suspect] = {}
    if key:
        for person in people.perhaps_same(name="", address_key=key)[:SHOWN]:
            found[person.pk] = Suspect(
                person, [_("has this address")], is_sure=not wanted or latin(person.name) == wanted
            )
    if wanted:
        for person in people.perhaps_same(name=row.name)[:50]:
            if latin(person.name) == wanted:
                suspect = found.setdefault(person.pk, Suspect(person))
                suspect.reasons.append(_("same name"))
                if row.country_id and person.country_id == row.country_id:
                    suspect.reasons.append(_("same country"))
    return list(found.values())[:SHOWN]
