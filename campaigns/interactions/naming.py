"""People, institutions and asks as what notes may name, and whom one may have spoken to."""

from __future__ import annotations

from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from campaigns.interactions.mentions import MentionKind, Named, register
from campaigns.positions.models import Ask
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


def find_asks(user: User, words: str, limit: int) -> list[Named]:
    rows = Ask.objects.active().visible_to(user).search(words).select_related("drive").order_by("sort_key", "pk")
    return [Named("ask", row.uid, row.label, row.drive.label, "flag") for row in rows[:limit]]


def ask_urls(user: User, uids: set[UUID]) -> dict[UUID, str]:
    rows = Ask.objects.visible_to(user).filter(uid__in=uids).order_by().values_list("uid", "drive__uid")
    return {uid: f"{reverse('ask_list', args=[drive])}#ask-{uid}" for uid, drive in rows}


def register_kinds() -> None:
    register(MentionKind("organization", _("Institution"), "building", find_organizations, organization_urls, order=10))
    register(MentionKind("person", _("Person"), "user", find_people, person_urls, order=20))
    register(MentionKind("ask", _("Ask"), "flag", find_asks, ask_urls, order=30))
