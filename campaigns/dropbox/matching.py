"""Whom a dropped message is about: exactly by their addresses, else by the thread; guesses are for people to click on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from campaigns.dropbox.models import DroppedMail
from campaigns.interactions.mentions import Named, find
from campaigns.interactions.picking import KINDS, named
from campaigns.interactions.services import parties_of
from contacts.directory.mailboxes import MAILBOXES_FOR_ALL
from contacts.directory.models import ContactPoint, Organization, Person
from crm.accounts.models import User
from crm.accounts.rules import Action

MOST_GUESSES = 4


@dataclass
class Match:
    people: list[Person] = field(default_factory=list)
    organizations: list[Organization] = field(default_factory=list)
    is_ambiguous: bool = False

    def __bool__(self) -> bool:
        return bool(self.people or self.organizations)


def match(addresses: Iterable[Sequence[str]], user: User) -> Match:
    """By addresses, among those that the officer may log with. One that two have is ambiguous."""
    owners = _owners([row[0] for row in addresses])
    found = Match(is_ambiguous=any(len(each) > 1 for each in owners.values()))
    sure = [owner for each in owners.values() if len(each) == 1 for owner in each]
    people = {key for kind, key in sure if kind == "person"}
    places = {key for kind, key in sure if kind == "organization"}
    if people:
        found.people = list(Person.objects.active().visible_to(user, Action.LOG).filter(pk__in=people).order_by("pk"))
    if places:
        rows = Organization.objects.active().visible_to(user, Action.LOG)
        found.organizations = list(rows.filter(pk__in=places).order_by("pk"))
    return found


def _owners(keys: Sequence[str]) -> dict[str, set[tuple[str, int]]]:
    """address → whose it is: people, and institutions by their own addresses and those of their posts. One query."""
    points = ContactPoint.objects.emails().filter(address_key__in=keys) if keys else ContactPoint.objects.none()
    owners: dict[str, set[tuple[str, int]]] = {}
    for point in points.select_related("post"):
        place = point.organization_id or (point.post.organization_id if point.post else None)
        owner = ("person", point.person_id) if point.person_id else ("organization", place or 0)
        owners.setdefault(point.address_key, set()).add(owner)
    return owners


def thread_of(references: Sequence[str], user: User) -> DroppedMail | None:
    """The message of the officer's own that this one answers, the nearest first."""
    rows = {row.message_id: row for row in DroppedMail.objects.filter(user=user, message_id__in=references)}
    return next((rows[one] for one in reversed(references) if one in rows), None)


def of_thread(parent: DroppedMail) -> Match:
    """With whom the thread was: what was filed of it says so."""
    rows = DroppedMail.objects.filter(thread=parent.thread, user=parent.user, interaction__removed_at=None)
    last = rows.exclude(interaction=None).select_related("interaction").order_by("-at").first()
    if last is None or last.interaction is None:
        return Match()
    people, organizations = parties_of(last.interaction)
    return Match([person for person in people if person.erased_at is None], organizations)


def guesses(mail: DroppedMail, user: User) -> list[Named]:
    """Whom it may be about: institutions and people with an address at the same domain, and people of that name."""
    owners = {owner for each in _owners([row[0] for row in mail.addresses]).values() for owner in each}
    people = (
        Person.objects.active()
        .visible_to(user, Action.LOG)
        .filter(pk__in=[key for kind, key in owners if kind == "person"])
    )
    places = (
        Organization.objects.active()
        .visible_to(user, Action.LOG)
        .filter(pk__in=[key for kind, key in owners if kind != "person"])
    )
    rows = [named(row) for row in people.order_by("pk")] + [named(row) for row in places.order_by("pk")]
    domains = {address.rpartition("@")[2] for address, _name in mail.addresses} - MAILBOXES_FOR_ALL
    rows += _at(domains, user)
    for _address, name in mail.addresses[:3]:
        if name and len(rows) < MOST_GUESSES:
            rows += find(user, name, kinds=KINDS, limit=2)
    return list({row.value: row for row in rows}.values())[:MOST_GUESSES]


def _at(domains: set[str], user: User) -> list[Named]:
    if not domains:
        return []
    points: Any = ContactPoint.objects.emails().with_parts()
    points = points.filter(domain__in=domains, person__isnull=True)
    pairs = points.values_list("organization_id", "post__organization_id")[:50]
    keys = {own or of_post for own, of_post in pairs} - {None}
    rows = Organization.objects.active().visible_to(user, Action.LOG).filter(pk__in=keys)
    return [named(row) for row in rows.order_by("sort_key", "pk")[:MOST_GUESSES]]
