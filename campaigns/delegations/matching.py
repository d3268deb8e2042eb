"""Who in the directory may be the person that was named. Only staff ever see it."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from campaigns.delegations.models import Nomination
from contacts.consent.addresses import address_key
from contacts.directory.models import Person
from crm.accounts.models import User
from crm.ui.searchtext import latin

SHOWN = 5


@dataclass
class Suspect:
    """A person that it may be, with the reasons in words. is_sure: the address and the name are theirs."""

    row: Person
    reasons: list[str] = field(default_factory=list)
    is_sure: bool = False


def people_like(row: Nomination, user: User) -> list[Suspect]:
    """Who has this address, then those of the same name, in the country first."""
    people = Person.objects.visible_to(user).select_related("country")
    wanted = latin(row.name)
    country = row.delegation.country_id or (
        row.delegation.organization.country_id if row.delegation.organization else None
    )
    found: dict[int, Suspect] = {}
    if row.email:
        for person in people.perhaps_same(name="", address_key=address_key(row.email))[:SHOWN]:
            names = {latin(person.name), *(latin(str(name)) for name in person.names.values())}
            found[person.pk] = Suspect(person, [_("has this address")], is_sure=wanted in names)
    for person in people.perhaps_same(name=row.name)[:50]:
        if latin(person.name) == wanted:
            found.setdefault(person.pk, Suspect(person)).reasons.append(_("same name"))
    for suspect in found.values():
        if country and suspect.row.country_id == country:
            suspect.reasons.append(_("same country"))
    rows = sorted(found.values(), key=lambda one: (not one.is_sure, -len(one.reasons)))[:SHOWN]
    if sum(one.is_sure for one in rows) > 1:  # as unsure as none
        for one in rows:
            one.is_sure = False
    return rows
