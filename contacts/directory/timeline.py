"""One timeline per person and per organization, fed by every feature that knows something about them.

    register(TimelineSource("delivery", _("Mailings"), "mail", deliveries_of))

`entries(subject, user, before, limit)` gives up to `limit` entries strictly older than `before` (None: from the newest on),
newest first. Each source is one or two queries, however many entries. Of most people most sources know nothing: those that say by
`about` what they would tell of are asked only if there is any of it, which one query finds for all of them.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.db.models import BigIntegerField, BinaryField, Exists, QuerySet, Value

from contacts.directory.models import ContactPoint, Organization, Person
from crm.accounts.models import User

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

PAGE = 20
REACHED = 500
Subject = Person | Organization


@dataclass(frozen=True)
class Entry:
    """One thing that happened. Fields as <c-timeline> shows them; kind: a colour (ok, bad, blue, gov …)."""

    at: datetime
    title: str
    icon: str = "point"
    kind: str = ""
    body: str = ""
    url: str = ""
    actor: str = ""
    undo: str = ""  # URL that takes this back, for those who may


Entries = Callable[[Subject, User, datetime | None, int], Iterable[Entry]]


@dataclass(frozen=True)
class TimelineSource:
    kind: str
    label: StrOrPromise
    icon: str
    entries: Entries
    order: int = 50
    about: Callable[[Subject], Sequence[QuerySet[Any]]] | None = None  # rows without which it has nothing to say


@dataclass
class TimelinePage:
    entries: list[Entry] = field(default_factory=list)
    before: datetime | None = None  # where the next page begins; None at the end


SOURCES: list[TimelineSource] = []


def register(source: TimelineSource) -> None:
    """Add a source, or replace the one of its kind."""
    SOURCES[:] = sorted([s for s in SOURCES if s.kind != source.kind] + [source], key=lambda s: s.order)


def page_of(
    subject: Subject, user: User, *, kinds: Sequence[str] = (), before: datetime | None = None, size: int = PAGE
) -> TimelinePage:
    """The next `size` entries of all sources (or only of `kinds`), newest first.

    Entries of the very same instant stay on one page, because the next one begins strictly before the last entry's time.
    """
    wanted = [source for source in SOURCES if not kinds or source.kind in kinds]
    wanted = _with_something(wanted, subject)
    streams = [list(source.entries(subject, user, before, size + 1)) for source in wanted]
    merged = heapq.merge(*streams, key=lambda entry: entry.at, reverse=True)
    found = list(islice(merged, size))
    rest = next(merged, None)
    while rest is not None and found and rest.at == found[-1].at:
        found.append(rest)
        rest = next(merged, None)
    return TimelinePage(found, found[-1].at if rest is not None and found else None)


def _with_something(sources: list[TimelineSource], subject: Subject) -> list[TimelineSource]:
    asked = [source for source in sources if source.about]
    if len(asked) < 2:  # the source itself would cost no more
        return sources
    rows = {
        f"knows_{place}_{number}": Exists(about)
        for place, source in enumerate(asked)
        for number, about in enumerate(source.about(subject) if source.about else [])
    }
    known = type(subject)._base_manager.filter(pk=subject.pk).values(**rows).get()
    kinds = {
        source.kind
        for place, source in enumerate(asked)
        if any(v for k, v in known.items() if k.startswith(f"knows_{place}_"))
    }
    return [source for source in sources if source.about is None or source.kind in kinds]


def reached_through(organization: Organization) -> tuple[list[int], list[bytes]]:
    """Ids of people and hashes of addresses by which an institution gets mail: what ledgers are indexed by.

    Read once a page, because several sources ask; at most REACHED of each.
    """
    known = vars(organization).get("_reached_through")
    if known is None:
        nobody, nowhere = Value(None, output_field=BigIntegerField()), Value(None, output_field=BinaryField())
        people = organization.memberships.values_list("person_id", nowhere)[:REACHED]
        own = ContactPoint.objects.emails().of_institution(organization).filter(address_hash__isnull=False)
        rows = list(people.union(own.values_list(nobody, "address_hash")[:REACHED], all=True))
        found = [person for person, _hash in rows if person], [bytes(hashed) for _person, hashed in rows if hashed]
        known = vars(organization)["_reached_through"] = found
    people_ids, address_hashes = known
    return people_ids, address_hashes
