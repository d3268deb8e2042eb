"""Too late in the middle: a mailing that was going out, and of which nothing could leave for longer than it may be late.

The system was down, no worker was there, or its transport took nothing. What waits would arrive days after the rest, so the mailing is
paused, with the reason, and an approver decides. Countries that have a turn of their own are judged when it comes (`slots`). A message to
one person is nobody's to approve: it goes on.
"""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.delivery.models import BreakerPause
from campaigns.mailings.models import Mailing
from campaigns.mailings.services import pause_as_late
from campaigns.mailings.states import State
from campaigns.safety.models import PauseNotice
from campaigns.safety.notices import announce
from crm.ui import formats

logger = logging.getLogger(__name__)
# By PostgreSQL's clock, like leases. What is due for less long is not late, whatever else waited.
_LATE = """
SELECT r.at, now() - r.at > m.max_lateness AND (
       EXISTS (SELECT 1 FROM campaigns_deliverychunk k
                 LEFT JOIN campaigns_deliveryslot s ON s.mailing_id = k.mailing_id AND s.number = k.slot
                WHERE k.mailing_id = m.id AND NOT k.is_done AND k.is_open
                  AND (s.id IS NULL OR s.due_at < now() - m.max_lateness))
    OR EXISTS (SELECT 1 FROM campaigns_deliveryretry t WHERE t.mailing_id = m.id AND t.due_at < now() - m.max_lateness))
  FROM campaigns_mailing m JOIN campaigns_lastrun r ON r.mailing_id = m.id
 WHERE m.id = %s AND m.state = 'sending' AND NOT m.is_personal"""


def is_late(mailing_id: int) -> bool:
    """Whether no worker was at it for longer than it may be late; then it is paused."""
    with connection.cursor() as cursor:
        cursor.execute(_LATE, [mailing_id])
        found = cursor.fetchone()
    return bool(found and found[1] and pause_late(mailing_id, found[0]))


def pause_late(mailing_id: int, since: datetime) -> bool:
    """Pause it for an approver; False when it neither goes out nor waits for its transport any more."""
    with transaction.atomic():
        row = Mailing.objects.select_for_update().get(pk=mailing_id)
        waits = BreakerPause.objects.filter(mailing_id=mailing_id)
        if row.state != State.SENDING and not (row.state == State.PAUSED and waits.exists()):
            return False
        reason = _(
            "Nothing of it could leave since %(time)s, and it may be %(limit)s late. If the rest may still leave, an approver resumes it; if"
            " not, cancel the rest."
        ) % {"time": formats.moment(since), "limit": formats.duration(row.max_lateness.total_seconds())}
        pause_as_late(mailing=row, since=since, reason=reason)
        waits.delete()
        announce(mailing_id=mailing_id, kind=PauseNotice.Kind.LATE, reason=reason)
    logger.warning("Mailing %s is paused: nothing of it could leave since %s.", mailing_id, since.isoformat())
    return True


def give_up_waiting(*, now: datetime | None = None) -> list[int]:
    """Mailings whose transport takes nothing for longer than they may be late; returns the ids of those that were paused for it."""
    moment = now or timezone.now()
    waiting = {row.mailing_id: row.at for row in BreakerPause.objects.order_by("pk")}
    rows = Mailing.objects.filter(pk__in=waiting, is_personal=False).values_list("pk", "max_lateness")
    late = [pk for pk, most in rows if moment - waiting[pk] > most]
    return [pk for pk in late if pause_late(pk, waiting[pk])]
