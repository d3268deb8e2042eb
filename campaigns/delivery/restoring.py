"""After a restore: what may have left since the backup does not leave again by itself.

The ledger is that of the backup, and the messages that left since are in nobody's books. So whatever of a mailing under way could have
left is *uncertain*, and the mailing paused; one whose time has come since is held. The mail server's log or a person says what became of
them (`settling`), and an approver lets the rest go.
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.delivery.models import BreakerPause
from campaigns.delivery.rollups import CHUNK_COUNTS
from campaigns.mailings.models import Mailing
from campaigns.mailings.services import hold, pause
from campaigns.mailings.states import State
from campaigns.safety.models import PauseNotice
from campaigns.safety.notices import announce
from crm.ui import formats

# What waited in a chunk that could be claimed since. A country whose turn is still to come has got nothing, but for what was in flight.
_UNCERTAIN = """
WITH unknown AS (
    UPDATE delivery d SET state = 'uncertain', settled_at = NULL, reply_text = %(text)s
      FROM campaigns_deliverychunk k LEFT JOIN campaigns_deliveryslot s ON s.mailing_id = k.mailing_id AND s.number = k.slot
     WHERE k.mailing_id = %(mailing)s AND d.mailing_id = %(mailing)s AND d.seq BETWEEN k.first_seq AND k.last_seq
       AND (d.state = 'in_flight' OR (d.state IN ('pending', 'deferred') AND (s.id IS NULL OR s.due_at <= %(now)s)))
    RETURNING d.seq)
SELECT count(*) FROM unknown"""
# Nor does one that was uncertain already leave again when evidence was looked for long enough (doubt.py): that, too, may be over.
_NO_TRY = """
DELETE FROM campaigns_deliveryretry r USING delivery d
 WHERE r.mailing_id = %(mailing)s AND d.mailing_id = %(mailing)s AND d.seq = r.seq AND d.state = 'uncertain'"""
_FREE = f"""
UPDATE campaigns_deliverychunk k SET token = NULL, lease_until = NULL, counts = ({CHUNK_COUNTS})
 WHERE k.mailing_id = %s AND NOT k.is_done"""


def after_restore(made_at: datetime) -> str:
    """Pause and hold, and say in a line what was: a step of each restore. made_at: when the backup was made. Twice does no more."""
    moment = timezone.now()
    going = Mailing.objects.filter(state__in=[State.SENDING, State.PAUSED]).order_by("pk")
    begun = Mailing.objects.filter(Q(state=State.FREEZING) | Q(state=State.SCHEDULED, send_at__lte=moment)).order_by(
        "pk"
    )
    paused, held = list(going.values_list("pk", flat=True)), list(begun)
    for mailing_id in paused:
        _pause(mailing_id, made_at, moment)
    for row in held:
        _hold(row, made_at, moment)
    if not paused and not held:
        return _("No mailing was under way.")
    return _("%(paused)s, %(held)s held: what of them left since the backup is not known here.") % {
        "paused": ngettext("%(n)s mailing paused", "%(n)s mailings paused", len(paused)) % {"n": len(paused)},
        "held": len(held),
    }


def _pause(mailing_id: int, made_at: datetime, moment: datetime) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        row = Mailing.objects.select_for_update().get(pk=mailing_id)
        text = _("may have left since the backup that was restored")
        cursor.execute(_UNCERTAIN, {"mailing": row.pk, "now": moment, "text": text})
        cursor.execute(_NO_TRY, {"mailing": row.pk})
        cursor.execute(_FREE, [row.pk])
        cursor.execute("SELECT count(*) FROM delivery WHERE mailing_id = %s AND state = 'uncertain'", [row.pk])
        (unknown,) = cursor.fetchone()
        BreakerPause.objects.filter(mailing_id=row.pk).delete()
        reason = (
            _restored(made_at)
            + " "
            + (_what_is_unknown(unknown) if unknown else _("Nothing of it is uncertain. Resume it."))
        )
        pause(mailing=row, reason=reason, anew=True)
        announce(mailing_id=row.pk, kind=PauseNotice.Kind.RESTORED, reason=reason, now=moment)


def _hold(row: Mailing, made_at: datetime, moment: datetime) -> None:
    with transaction.atomic():
        reason = (
            _restored(made_at)
            + " "
            + _(
                "Its time was %(time)s, so it may have left. Look for it in the mail server’s log, or in a mailbox that would have it. If it"
                " left, cancel it; if not, release it."
            )
            % {"time": formats.moment(row.send_at or made_at)}
        )
        hold(mailing=row, reason=reason)
        announce(mailing_id=row.pk, kind=PauseNotice.Kind.RESTORED, reason=reason, now=moment)


def _restored(made_at: datetime) -> str:
    return _("Restored from the backup of %(time)s.") % {"time": formats.moment(made_at)}


def _what_is_unknown(count: int) -> str:
    return ngettext(
        "%(n)s message may have left since: it is uncertain. Have it settled by the mail server’s log (manage.py settle_from_log), or say in"
        " the report what became of it. Then resume.",
        "%(n)s messages may have left since: they are uncertain. Have them settled by the mail server’s log (manage.py settle_from_log), or"
        " say in the report what became of each. Then resume.",
        count,
    ) % {"n": formats.number(count)}
