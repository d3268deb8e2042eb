"""The rule for visible copies: whose institution in the recipient's country is told, and what an approver approves of it."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from campaigns.mailings.copylines import WORDS
from campaigns.mailings.models import Mailing
from contacts.directory.models import Constituency, Membership, Organization, Person

UNION = "WRK"


def copied_constituencies(mailing: Mailing) -> list[Constituency]:
    """The constituency of the rule and those below it; empty without a rule."""
    if mailing.copies_to_id is None:
        return []
    found = Constituency.objects.filter(Q(pk=mailing.copies_to_id) | Q(parent=mailing.copies_to_id))
    return list(found.order_by("pk"))


def bound_to_approval(mailing: Mailing) -> list[Any]:
    """What is hashed: the constituencies, and the words that letter and copy say."""
    return [[str(row.uid) for row in copied_constituencies(mailing)], WORDS]


def spares_unions(mailing: Mailing) -> bool:
    """Whether letters to members of workers' organizations stay uncopied: nobody but their own side is told of them."""
    return mailing.copies_to is not None and mailing.copies_to.root_code != UNION


def line_of(mailing: Mailing, person: Person | None, organization: Organization | None, language: str) -> str:
    """Whom the line of a preview names: by the rule and the directory. Whether a copy really goes is known at freeze."""
    if mailing.copies_to_id is None or organization is None or organization.country_id is None:
        return ""
    if mailing.scope_countries is not None and organization.country_id not in mailing.scope_countries:
        return ""
    if person is not None and spares_unions(mailing) and _is_union(person):
        return ""
    rows = Organization.objects.filter(
        country_id=organization.country_id,
        constituency__in=copied_constituencies(mailing),
        archived_at__isnull=True,
    ).exclude(pk=organization.pk)
    return "; ".join(str(row.names.get(language) or row.name) for row in rows.order_by("sort_key", "pk")[:20])


def _is_union(person: Person) -> bool:
    held = Membership.objects.current().filter(person=person)
    return held.filter(organization__constituency__root_code=UNION).exists()


def example_line(mailing: Mailing, language: str) -> str:
    """For a reader who is invented: what the constituency is called."""
    rule = mailing.copies_to
    return str(rule.names.get(language) or rule.name) if rule else ""
