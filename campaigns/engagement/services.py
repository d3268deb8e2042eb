"""What happens to a delivery's record when its recipient acts. Hits come in by `drain.py`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone

from campaigns.delivery.models import Delivery
from campaigns.delivery.queries import find_delivery
from campaigns.mailings.models import Mailing
from contacts.consent.models import Topic
from contacts.consent.services import one_click_unsubscribe
from contacts.directory.models import Organization, Person

_MARK = """
INSERT INTO campaigns_deliveryengagement AS t (mailing_id, seq, person_id, human_clicks, machine_clicks, unknown_clicks,
       human_opens, machine_opens, unknown_opens, {column})
VALUES (%s, %s, %s, 0, 0, 0, 0, 0, 0, %s)
ON CONFLICT (mailing_id, seq) DO UPDATE SET {column} = coalesce(t.{column}, EXCLUDED.{column})
RETURNING {column} = %s
"""


def unsubscribe(*, mailing_id: int, seq: int, at: datetime | None = None) -> bool:
    """RFC 8058: withdraw the mailing's topic for whoever this delivery went to; True when there was something to withdraw.

    A mail program may post it many times: only the first changes anything.
    """
    at = at or timezone.now()
    with transaction.atomic():
        mailing = Mailing.objects.select_related("topic").filter(pk=mailing_id).first()
        delivery = find_delivery(mailing_id, seq)
        subject = subject_of(delivery)
        if mailing is None or mailing.topic is None or delivery is None or subject is None:
            return False  # erased since: nothing is left to withdraw
        event = one_click_unsubscribe(subject=subject, topic=mailing.topic, address=delivery.address, at=at)
        mark(delivery=delivery, column="unsubscribed_at", at=at)
        return event is not None


def note_left(mailing_id: int, seq: int, topics: Sequence[Topic]) -> None:
    """Somebody withdrew topics on the preference page that this delivery led to: it counts when its own topic is among them."""
    topic_id = Mailing.objects.filter(pk=mailing_id).values_list("topic_id", flat=True).first()
    delivery = Delivery.objects.filter(mailing_id=mailing_id, seq=seq).first()
    if delivery is not None and topic_id in {topic.pk for topic in topics}:
        mark(delivery=delivery, column="unsubscribed_at", at=timezone.now())


def subject_of(delivery: Delivery | None) -> Person | Organization | None:
    """Whose permission a delivery used: the person's, or the institution's for an address without a person."""
    if delivery is None:
        return None
    if delivery.person_id:
        return Person.objects.filter(pk=delivery.person_id).first()
    return Organization.objects.filter(pk=delivery.organization_id or 0).first()


def mark(*, delivery: Delivery, column: str, at: datetime) -> bool:
    """Set `replied_at` or `unsubscribed_at` of a delivery's engagement once; True when this call did it."""
    if column not in {"replied_at", "unsubscribed_at"}:
        raise ValueError(column)
    if not delivery.state:  # its row went in time, and its mailing's totals stand
        return False
    with connection.cursor() as cursor:
        cursor.execute(_MARK.format(column=column), [delivery.mailing_id, delivery.seq, delivery.person_id, at, at])
        return bool(cursor.fetchone()[0])
