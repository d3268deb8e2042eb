"""Who in the directory answered. Only staff ever see it."""

from __future__ import annotations

from django.utils.translation import gettext as _

from campaigns.forms.models import Submission
from contacts.consent.addresses import address_key
from contacts.directory.models import ContactPoint, Person
from contacts.directory.suspects import names_of
from crm.ui.searchtext import latin


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
    if row.name and latin(row.name) not in names_of(person):
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
        if organization and wanted in names_of(organization):
            return True
    return False
