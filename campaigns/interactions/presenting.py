"""Interactions as pages show them: who took part, as far as the reader may see them, and the notes with their links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.interactions.forms import ICONS
from campaigns.interactions.mentions import linked, urls_of
from campaigns.interactions.models import Party
from campaigns.outreach.models import Interaction
from contacts.directory.models import Organization, Person
from crm.accounts.models import User
from crm.ui import formats

LONGEST = 400


@dataclass
class Shown:
    """One interaction. hidden: how many took part that the reader may not see."""

    row: Interaction
    icon: str
    people: list[Person] = field(default_factory=list)
    organizations: list[Organization] = field(default_factory=list)
    hidden: int = 0
    text: SafeString = SafeString("")

    @property
    def whom(self) -> str:
        names = [row.label for row in self.people] + [row.label for row in self.organizations]
        names = [formats.isolated(name) for name in names]
        if len(names) > 4:
            names = [*names[:3], ngettext("%(n)s more", "%(n)s more", len(names) - 3) % {"n": len(names) - 3}]
        return formats.listing(names) or _("somebody")

    @property
    def title(self) -> str:
        titles = {
            "call": _("Call with %(whom)s"),
            "meeting": _("Meeting with %(whom)s"),
            "letter": _("Letter: %(whom)s"),
            "message": _("Message: %(whom)s"),
            "reply": _("Reply from %(whom)s"),
        }
        return titles.get(self.row.kind, _("Contact with %(whom)s")) % {"whom": self.whom}


def present(rows: Sequence[Interaction], user: User, subject: Person | Organization | None = None) -> list[Shown]:
    """The same number of queries for one row as for fifty. subject: whose page it is, which the user may see."""
    person, place = (subject.pk if isinstance(subject, kind) else None for kind in (Person, Organization))
    parties = Party.objects.took_part().filter(interaction__in=[row.pk for row in rows]).order_by("pk")
    found = list(parties.select_related("person", "organization", "organization__country"))
    seen_people = _visible(Person.objects, {p.person_id for p in found if p.person_id}, user, person)
    seen_places = _visible(Organization.objects, {p.organization_id for p in found if p.organization_id}, user, place)
    urls = urls_of(user, [row.mentions for row in rows])
    made = {row.pk: Shown(row, ICONS[row.kind], text=linked(row.text, row.mentions, urls)) for row in rows}
    for party in found:
        shown = made[party.interaction_id]
        if party.person and party.person_id in seen_people:
            shown.people.append(party.person)
        elif party.organization and party.organization_id in seen_places:
            shown.organizations.append(party.organization)
        else:
            shown.hidden += 1
    return [made[row.pk] for row in rows]


def _visible(rows: Any, keys: set[Any], user: User, seen: int | None = None) -> set[int]:
    """seen: one that is known to be visible, because its page is shown."""
    from crm.accounts.rules import Action

    if not keys or user.scope(Action.SEE).countries is None:
        return keys
    rest = keys - {seen}
    found = set(rows.visible_to(user).filter(pk__in=rest).values_list("pk", flat=True)) if rest else set()
    return found | (keys & {seen})


def first_words(text: str, *, most: int = LONGEST) -> str:
    return text[:most].rstrip() + ("…" if len(text) > most else "")
