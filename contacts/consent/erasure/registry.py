"""Every feature that holds personal data says here how it is counted, handed over and erased.

    register_erasure(
        "campaigns.deliveries", _("Messages sent to them"), count=count, erase=erase, export=export,
        goes=_("Address and merge fields are blanked."), stays=_("That a message went out, so that reports add up."),
    )

`count(data)` says how many rows are reached, `erase(data)` blanks or removes them and returns how many it touched, and
`export(data)` gives what is held as dicts of JSON values. `erase` runs in a transaction of its own, must do nothing the
second time, and must not take more than some seconds. `tests/contacts/consent/test_erasure.py` fills every table that it
knows and looks for the person in all columns afterwards: add a row of yours there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Q

from contacts.consent.addresses import address_hashes, address_key
from contacts.consent.subjects import all_uids
from contacts.directory.models import ContactPoint, Person
from crm.audit.models import AuditChange
from crm.errors import Invalid

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

SHORTEST_NAME = 6  # shorter ones stand in other words


@dataclass(frozen=True)
class PersonalData:
    """Who is meant, and by what else a row may name them. Made anew for each step, so a step sees what is left."""

    uid: UUID
    uids: tuple[UUID, ...]
    people: tuple[Person, ...]

    @classmethod
    def of(cls, uid: UUID, more: Iterable[UUID] = ()) -> PersonalData:
        """more: uids known from elsewhere (the erasure log), which the database may not have as merged."""
        uids = tuple(dict.fromkeys([*all_uids(uid), *more]))
        return cls(uid, uids, tuple(Person.objects.filter(uid__in=uids).order_by("pk")))

    @property
    def person_ids(self) -> list[int]:
        return [person.pk for person in self.people]

    @cached_property
    def points(self) -> list[ContactPoint]:
        return list(ContactPoint.objects.filter(person__in=self.person_ids).order_by("pk"))

    @cached_property
    def own_keys(self) -> list[str]:
        """Normal forms of their e-mail addresses that nobody else in the directory has: these are suppressed."""
        return self._unshared({point.address_key for point in self.points if point.address_key})

    @cached_property
    def shared_keys(self) -> list[str]:
        """Addresses that also are a post's, an organization's or another person's: theirs stay as they are."""
        return sorted({point.address_key for point in self.points if point.address_key} - set(self.own_keys))

    @cached_property
    def keys(self) -> list[str]:
        """Every address of theirs that is known, those of the past too, by which a text may be found to be about them."""
        past: set[str] = set()
        for lookup in _ADDRESSES:
            past |= set(lookup(self.person_ids))
        for before, after in AuditChange.objects.filter(
            object_uid__in=self.uids, field__startswith="contact_point:"
        ).values_list("before", "after"):
            for value in (before, after):
                if isinstance(value, dict) and value.get("kind", "email") == "email" and value.get("value"):
                    past |= _key(str(value["value"]))
        return sorted({*self.own_keys, *self._unshared(past)})

    @cached_property
    def hashes(self) -> list[bytes]:
        return [hash for key in self.keys for hash in address_hashes(key)]

    @cached_property
    def names(self) -> list[str]:
        """Full names by which a text may be found to be about them: long enough, and nobody else's."""
        found = {
            name.strip()
            for person in self.people
            for name in (person.name, *map(str, person.names.values()), f"{person.given_name} {person.family_name}")
        }
        long_ones = {name for name in found if len(name) >= SHORTEST_NAME and " " in name}
        others = Person.objects.exclude(pk__in=self.person_ids).filter(name__in=long_ones)
        return sorted(long_ones - set(others.values_list("name", flat=True)))

    @cached_property
    def needles(self) -> list[str]:
        """What a text is searched for, longest first."""
        values = {point.value.strip() for point in self.points if point.kind != "email" and len(point.value) >= 7}
        return sorted({*self.keys, *self.names, *values}, key=len, reverse=True)

    def _unshared(self, keys: set[str]) -> list[str]:
        of_others = Q(person__isnull=True) | ~Q(person__in=self.person_ids)
        taken = ContactPoint.objects.emails().filter(of_others, address_key__in=keys)
        return sorted(keys - set(taken.values_list("address_key", flat=True)))


def _key(address: str) -> set[str]:
    try:
        return {address_key(address)}
    except Invalid:
        return set()


Count = Callable[[PersonalData], int]
Export = Callable[[PersonalData], list[dict[str, Any]]]
_ADDRESSES: list[Callable[[list[int]], Iterable[str]]] = []


@dataclass(frozen=True)
class Holding:
    """One kind of thing that is held about people."""

    name: str
    label: StrOrPromise
    count: Count
    erase: Count
    export: Export | None = None
    goes: StrOrPromise = ""
    stays: StrOrPromise = ""
    order: int = 300


HOLDINGS: dict[str, Holding] = {}


def register_erasure(
    name: str,
    label: StrOrPromise,
    *,
    count: Count,
    erase: Count,
    export: Export | None = None,
    goes: StrOrPromise = "",
    stays: StrOrPromise = "",
    order: int = 300,
) -> None:
    """Say what a feature holds about a person. goes, stays: sentences of the preview; order: the directory is last (900)."""
    HOLDINGS[name] = Holding(name, label, count, erase, export, goes, stays, order)


def addresses_of(lookup: Callable[[list[int]], Iterable[str]]) -> None:
    """Register who knows further address keys of people (by their ids): those that messages went to."""
    if lookup not in _ADDRESSES:
        _ADDRESSES.append(lookup)


def holdings() -> list[Holding]:
    """In the order in which they are erased."""
    return sorted(HOLDINGS.values(), key=lambda holding: (holding.order, holding.name))
