"""Who in the directory somebody may be who gave a name and an address: at a form, an application, a nomination. Only staff ever see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from contacts.consent.addresses import address_key
from contacts.directory.models import Person
from crm.accounts.models import User
from crm.ui.searchtext import latin

SHOWN = 5


@dataclass
class Suspect:
    """A row that it may be, with the reasons in words. is_sure: the address is theirs, and the name does not speak against it."""

    row: Any
    reasons: list[str] = field(default_factory=list)
    is_sure: bool = False


def people_like(
    user: User, *, name: str, email: str = "", country_id: str | None = None, is_proven: bool = False
) -> list[Suspect]:
    """People that the user may see: who has this address, then who has this name; five at most. Of several sure ones none is sure.

    is_proven: whoever it is has confirmed the address by mail, so that its owner is sure whatever the name says. Raises Invalid for an
    address that is none.
    """
    people = Person.objects.visible_to(user).select_related("country")
    wanted, key = latin(name), address_key(email) if email.strip() else ""
    found: dict[int, Suspect] = {}
    if key:
        for row in people.perhaps_same(name="", address_key=key)[:SHOWN]:
            is_sure = is_proven or not wanted or wanted in names_of(row)
            found[row.pk] = Suspect(row, [_("has this address")], is_sure)
    if wanted:
        for row in people.perhaps_same(name=name)[:50]:
            if latin(row.name) == wanted:
                found.setdefault(row.pk, Suspect(row)).reasons.append(_("same name"))
    for suspect in found.values():
        if country_id and suspect.row.country_id == country_id:
            suspect.reasons.append(_("same country"))
    rows = sorted(found.values(), key=lambda one: (not one.is_sure, -len(one.reasons)))[:SHOWN]
    if sum(one.is_sure for one in rows) > 1:
        for one in rows:
            one.is_sure = False
    return rows


def names_of(row: Any) -> set[str]:
    """What a person or an institution is called, in any language, in Latin letters."""
    return {latin(row.name), *(latin(str(name)) for name in row.names.values())}
