"""Which mailing led somebody to withdraw: the delivery's own record of the unsubscribe or the complaint says so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.urls import reverse

from campaigns.mailings.models import Mailing
from contacts.consent.story import Behind
from contacts.directory.models import Person
from crm.accounts.models import User

# the ledger and the delivery are written in one transaction; on the preference page each takes the time for itself
TOGETHER = timedelta(seconds=5)
_FOUND = """
SELECT e.unsubscribed_at, e.mailing_id FROM delivery d JOIN campaigns_deliveryengagement e USING (mailing_id, seq)
 WHERE d.{column} = %s AND e.unsubscribed_at BETWEEN %s AND %s
UNION ALL
SELECT f.at, f.mailing_id FROM delivery d JOIN campaigns_feedback f USING (mailing_id, seq)
 WHERE d.{column} = %s AND f.kind = 'complaint' AND f.at BETWEEN %s AND %s
"""


def mailings_of(row: Any, moments: Sequence[datetime], user: User) -> dict[datetime, Behind]:
    """For each moment of a withdrawal, the mailing whose delivery was left or complained about then. Two queries."""
    column = "person_id" if isinstance(row, Person) else "organization_id"
    span = [row.pk, min(moments) - TOGETHER, max(moments) + TOGETHER]
    with connection.cursor() as cursor:
        cursor.execute(_FOUND.format(column=column), span * 2)
        hits = cursor.fetchall()
    mailings = {m.pk: m for m in Mailing.objects.visible_to(user).filter(pk__in={hit[1] for hit in hits})}
    found = {}
    for moment in moments:
        near = [hit for hit in hits if abs(hit[0] - moment) <= TOGETHER and hit[1] in mailings]
        if near:
            mailing = mailings[min(near, key=lambda hit: abs(hit[0] - moment))[1]]
            found[moment] = Behind(mailing.name, reverse("mailing_detail", args=[mailing.uid]))
    return found
