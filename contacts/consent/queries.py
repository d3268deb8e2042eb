"""May we write to them? The one place that knows.

A person or an organization may be written to on a topic when the last word of the ledger for it is *given*; nothing said
means no. An address may be written to when it is not suppressed. The SQL fragments are for queries over many rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from babel import Locale
from babel.dates import format_date
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone
from django.utils.translation import get_language

from contacts.consent.addresses import address_hashes, address_key
from contacts.consent.models import ConsentEvent, ConsentState, OptInRequest, Suppression, Topic

EMAIL = "email"


def permitted_sql(*, subject_uid: str, topic_id: str, channel: str = EMAIL) -> str:
    """A condition: the subject's permission stands. The arguments are SQL (a column, a placeholder), never user text.

    It is answered by the unique index on (subject, topic, channel); in a join over many rows by `consent_granted`.
    """
    found = (
        f"permission.subject_uid = {subject_uid} AND permission.topic_id = {topic_id}"
        f" AND permission.channel = '{channel}' AND permission.is_granted"
    )
    return f"EXISTS (SELECT 1 FROM contacts_consentstate permission WHERE {found})"  # noqa: S608 columns only


def permission_join_sql(*, alias: str, subject_uid: str, topic_id: str, channel: str = EMAIL) -> str:
    """A LEFT JOIN whose `<alias>.id IS NULL` means: no permission. For queries that list every reason of everybody."""
    return (
        f"LEFT JOIN contacts_consentstate {alias} ON {alias}.subject_uid = {subject_uid}"
        f" AND {alias}.topic_id = {topic_id} AND {alias}.channel = '{channel}' AND {alias}.is_granted"
    )


def withdrawn_sql(*, subject_uid: str, topic_id: str, channel: str = EMAIL) -> str:
    """A condition: the ledger's last word is that the subject withdrew it."""
    return (
        f"EXISTS (SELECT 1 FROM contacts_consentstate k WHERE k.subject_uid = {subject_uid}"  # noqa: S608 columns only
        f" AND k.topic_id = {topic_id} AND k.channel = '{channel}' AND NOT k.is_granted)"
    )


def suppressed_sql(*, address_hash: str) -> str:
    """A condition: the address is suppressed. Suppressions stand by every key of the ring, so one equality is enough."""
    return f"EXISTS (SELECT 1 FROM contacts_suppression never WHERE never.address_hash = {address_hash})"  # noqa: S608 columns only


def suppression_join_sql(*, alias: str, address_hash: str) -> str:
    """A LEFT JOIN whose `<alias>.id IS NOT NULL` means: suppressed."""
    return f"LEFT JOIN contacts_suppression {alias} ON {alias}.address_hash = {address_hash}"


def is_permitted(*, subject_uid: UUID, topic: Topic, channel: str = EMAIL) -> bool:
    """Whether this one subject may be written to on this topic, by permission alone."""
    return ConsentState.objects.filter(subject_uid=subject_uid, topic=topic, channel=channel, is_granted=True).exists()


def suppressed_hashes(hashes: Iterable[bytes]) -> set[bytes]:
    """Those of `hashes` that stand in the list of suppressions."""
    found = Suppression.objects.filter(address_hash__in=list(hashes)).values_list("address_hash", flat=True)
    return {bytes(hash) for hash in found}


def suppression_of(address: str) -> Suppression | None:
    """The suppression of an address as typed, by whichever key of the ring it was written. Raises Invalid for no address."""
    hashes = address_hashes(address_key(address))
    return Suppression.objects.filter(address_hash__in=hashes).order_by("at", "id").first()


def suppressions_of(address_keys: Iterable[str]) -> QuerySet[Suppression]:
    """What stands against any of these normal forms, oldest first."""
    hashes = [hash for key in address_keys for hash in address_hashes(key)]
    return Suppression.objects.filter(address_hash__in=hashes).order_by("at", "id")


def suppression_count() -> int:
    """How many addresses are suppressed: rows of the key that most of them have, for each has one row per key."""
    by_key = Suppression.objects.values("key_id").annotate(n=Count("id")).values_list("n", flat=True)
    return max(by_key, default=0)


def granted_counts(channel: str = EMAIL) -> dict[int, int]:
    """Topic id → how many people and organizations gave permission for it."""
    rows = ConsentState.objects.filter(is_granted=True, channel=channel).values("topic_id").annotate(n=Count("id"))
    return {row["topic_id"]: row["n"] for row in rows}


def ledger_of(*subject_uids: UUID) -> QuerySet[ConsentEvent]:
    """Everything ever said by or about this subject (all the uids that it had), newest first."""
    return ConsentEvent.objects.filter(subject_uid__in=subject_uids).select_related("topic").order_by("-at", "-id")


def requests_of(*subject_uids: UUID) -> QuerySet[OptInRequest]:
    """What this subject was asked by mail, newest first."""
    found = OptInRequest.objects.filter(subject_uid__in=subject_uids).select_related("topic", "asked_by")
    return found.order_by("-id")


def suppressed_addresses(row: Any) -> list[tuple[str, Suppression]]:
    """(address, suppression) of a person's or an organization's own addresses, those that have one."""
    points = list(row.contact_points.filter(kind=EMAIL).order_by("id"))
    found: dict[bytes, Suppression] = {}
    for suppression in suppressions_of(point.address_key for point in points):
        found.setdefault(bytes(suppression.address_hash), suppression)
    pairs = []
    for point in points:
        hit = next((found[hash] for hash in address_hashes(point.address_key) if hash in found), None)
        if hit:
            pairs.append((point.value, hit))
    return pairs


def open_topics() -> QuerySet[Topic]:
    """Topics that can be subscribed to, in the order that staff gave them."""
    return Topic.objects.filter(archived_at__isnull=True).order_by("position", "sort_key", "id")


def long_day(moment: datetime) -> str:
    """A day in full, as the reader's language writes it."""
    locale = Locale.parse(get_language() or "en", sep="-")
    return format_date(timezone.localtime(moment).date(), "long", locale=locale)


@dataclass(frozen=True)
class Permission:
    """One topic and where a subject stands on it."""

    topic: Topic
    is_granted: bool
    event: ConsentEvent | None

    @property
    def since_words(self) -> str:
        return long_day(self.event.at) if self.event else ""

    @property
    def since(self) -> datetime | None:
        return self.event.at if self.event else None


def permissions_of(
    subject_uid: UUID, *, public_only: bool = False, channel: str = EMAIL, known: Iterable[ConsentEvent] = ()
) -> list[Permission]:
    """Every open topic with the last word on it; archived ones too where something was said.

    Two queries; one where nothing was, or where `known` (events that were read already) has all that was said last.
    """
    spoken = Q(pk__in=ConsentState.objects.filter(subject_uid=subject_uid).values("topic_id"))
    topics = Topic.objects.filter(Q(archived_at__isnull=True) | spoken).order_by("position", "sort_key", "id")
    if public_only:
        # what is granted is always shown, so that it can be withdrawn, public or not
        granted = ConsentState.objects.filter(subject_uid=subject_uid, channel=channel, is_granted=True)
        topics = topics.filter(Q(is_public=True, archived_at__isnull=True) | Q(pk__in=granted.values("topic_id")))
    states = ConsentState.objects.filter(subject_uid=subject_uid, channel=channel)
    last = states.filter(topic_id=OuterRef("pk")).values("event_id")[:1]
    found = list(topics.annotate(last_event_id=Subquery(last)))
    said = {topic.last_event_id for topic in found if topic.last_event_id}
    last_words = [event for event in known if event.pk in said]
    if missing := said - {event.pk for event in last_words}:
        last_words += ConsentEvent.objects.filter(pk__in=missing)
    events = {event.topic_id: event for event in last_words}
    return [
        Permission(topic, bool(event and event.action == "grant"), event)
        for topic in found
        for event in [events.get(topic.pk)]
    ]
