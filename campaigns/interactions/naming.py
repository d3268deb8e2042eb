"""People and institutions as what notes may name, and whom one may have spoken to."""

from __future__ import annotations

from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from campaigns.interactions.mentions import MentionKind, Named, register
from contacts.directory.models import Membership, Organization, Person
from contacts.directory.searching import ranked
from crm.accounts.models import User


def find_people(user: User, words: str, limit: int) -> list[Named]:
    rows = Person.objects.active().visible_to(user).only("uid", "name", "names")
    people, _is_cut = ranked(rows, words, owner="person", limit=limit)
    places = Membership.objects.current().primary().filter(person__in=people).select_related("organization")
    place_of = {place.person_id: place.organization.label for place in places}
    return [Named("person", row.uid, row.label, place_of.get(row.pk, ""), "user") for row in people]


def find_organizations(user: User, words: str, limit: int) -> list[Named]:
    rows = Organization.objects.active().visible_to(user).select_related("country")
    found, _is_cut = ranked(rows, words, owner="organization", limit=limit)
    return [
        Named("organization", row.uid, row.label, row.country.label if row.country else "", "building") for row in found
    ]


def person_urls(user: User, uids: set[UUID]) -> dict[UUID, str]:
    rows = Person.objects.visible_to(user).filter(uid__in=uids, erased_at=None).order_by().values_list("uid", flat=True)
    return {uid: reverse("person_detail", args=[uid]) for uid in rows}


def organization_urls(user: User, uids: set[UUID]) -> dict[UUID, str]:
    rows = Organization.objects.visible_to(user).filter(uid__in=uids).order_by().values_list("uid", flat=True)
    return {uid: reverse("organization_detail", args=[uid]) for uid in rows}


def register_kinds() -> None:
    register(MentionKind("organization", _("Institution"), "building", find_organizations, organization_urls, order=10))
    register(MentionKind("person", _("Person"), "user", find_people, person_urls, order=20))
