"""What keeps subjects from being subscribed: one answer for a chunk of them, by a fixed number of queries.

A withdrawal and a suppression are never reversed by staff; whoever withdrew comes back by the link to his own page.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from contacts.consent.models import ConsentState, OptInRequest, Outcome, SubjectKind, Topic, Way
from contacts.consent.queries import EMAIL, suppressed_hashes
from contacts.directory.models import ContactPoint, Organization, Person

MODELS: dict[str, Any] = {SubjectKind.PERSON: Person, SubjectKind.ORGANIZATION: Organization}


@dataclass
class Judged:
    """outcome: why a subject is left out; a subject without one may be subscribed. point: where it is asked."""

    rows: dict[UUID, Any] = field(default_factory=dict)
    outcome: dict[UUID, Outcome] = field(default_factory=dict)
    point: dict[UUID, ContactPoint] = field(default_factory=dict)

    def welcome(self, uids: Sequence[UUID]) -> list[UUID]:
        return [uid for uid in uids if uid not in self.outcome]


def lock_subjects(uids: Collection[UUID]) -> None:
    """For this transaction: nobody else writes events of these subjects. In one order, so that two never wait in a circle."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(uid, 13)) FROM unnest(%s::text[]) uid",
            [sorted(str(uid) for uid in uids)],
        )


def judge(*, kind: str, uids: Sequence[UUID], topic: Topic, way: str) -> Judged:
    """Sort subjects into those who may be subscribed in this way and the others, each with its first reason."""
    rows = MODELS[kind].objects.active().filter(uid__in=uids)
    found = Judged({row.uid: row for row in rows})
    states = dict(
        ConsentState.objects.filter(subject_uid__in=uids, topic=topic, channel=EMAIL).values_list(
            "subject_uid", "is_granted"
        )
    )
    points: dict[UUID, list[ContactPoint]] = {}
    for point in ContactPoint.objects.emails().filter(**{f"{kind}__uid__in": uids}).select_related(kind).order_by("-is_preferred", "id"):  # fmt: skip
        points.setdefault(getattr(point, kind).uid, []).append(point)
    hashes = {bytes(point.address_hash or b"") for own in points.values() for point in own}
    never = suppressed_hashes(hashes)
    lately = _asked_lately(hashes, topic) if way == Way.ASK else set()
    for uid in uids:
        own = points.get(uid, [])
        usable = next((point for point in own if point.status == ContactPoint.Status.ACTIVE), None)
        if uid not in found.rows:
            found.outcome[uid] = Outcome.GONE
        elif states.get(uid) is False:
            found.outcome[uid] = Outcome.WITHDRAWN
        elif any(bytes(point.address_hash or b"") in never for point in own):
            found.outcome[uid] = Outcome.SUPPRESSED
        elif states.get(uid):
            found.outcome[uid] = Outcome.ALREADY
        elif way == Way.ASK and usable is None:
            found.outcome[uid] = Outcome.NO_ADDRESS
        elif way == Way.ASK and usable is not None and bytes(usable.address_hash or b"") in lately:
            found.outcome[uid] = Outcome.ASKED_LATELY
        elif usable is not None:
            found.point[uid] = usable
    return found


def _asked_lately(hashes: set[bytes], topic: Topic) -> set[bytes]:
    """Addresses with an open question on the topic, or one that was put in the last OPT_IN_AGAIN_DAYS."""
    since = timezone.now() - timedelta(days=settings.OPT_IN_AGAIN_DAYS)
    lately = Q(state__in=OptInRequest.OPEN) | Q(created_at__gt=since, sent_at__isnull=False)
    asked = OptInRequest.objects.filter(lately, address_hash__in=hashes, topic=topic)
    return {bytes(hash) for hash in asked.values_list("address_hash", flat=True)}
