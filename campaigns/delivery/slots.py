"""Slots: one country's turn of a mailing that is sent by its recipients' clock, from *waiting* to *open*, or *late*.

Workers claim chunks of open slots only. The sweeper opens a slot at its time, which is where it is judged: one whose time passed
longer ago than the mailing may be late (the system was down, or somebody paused it) is set aside for an approver, and the others go
on. A slot that keeps to hours is closed at their end and waits for the next opening.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.delivery.models import DeliverySlot
from campaigns.delivery.rollups import CHUNK_COUNTS, ROLL_UP, TO_ROLL_UP
from campaigns.delivery.waking import wake
from campaigns.mailings.hours import Hours, Place, Turn, hours_of, places_of, turns
from campaigns.mailings.models import Mailing
from campaigns.mailings.services import locked
from campaigns.mailings.states import State
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.services import record
from crm.errors import NotAllowed, WrongState

logger = logging.getLogger(__name__)
Slot = DeliverySlot.State


@dataclass(frozen=True)
class Planned:
    """What a freeze numbers its rows by: a country and its turn."""

    number: int
    place: Place
    turn: Turn


def plan(mailing: Mailing) -> list[Planned]:
    """The slots of a mailing, in the order of their turns; none for one that leaves at one moment."""
    if hours_of(mailing) is None:
        return []
    return [
        Planned(number, *found) for number, found in enumerate(turns(mailing, places_of(mailing, everywhere=True)), 1)
    ]


def keep(mailing: Mailing, planned: Sequence[Planned]) -> None:
    """Write down those slots that have anybody, in the freeze's transaction; their chunks are there."""
    if not planned:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT slot, sum(coalesce((counts->>'pending')::int, 0)) FROM campaigns_deliverychunk"
            " WHERE mailing_id = %s AND slot IS NOT NULL GROUP BY slot",
            [mailing.pk],
        )
        people = {slot: int(n) for slot, n in cursor.fetchall() if n}
    DeliverySlot.objects.bulk_create(
        DeliverySlot(
            mailing_id=mailing.pk,
            number=one.number,
            country_code=one.place.code,
            zone=one.place.zone,
            due_at=one.turn.due,
            closes_at=one.turn.closes,
            people=people[one.number],
        )
        for one in planned
        if one.number in people
    )


# --- the sweeper's part -------------------------------------------------------------------------------------------------
def open_due(*, now: datetime | None = None) -> int:
    """Open the slots whose time has come, or set them aside as late; returns how many were opened."""
    moment = now or timezone.now()
    opened = 0
    due = DeliverySlot.objects.filter(state=Slot.WAITING, due_at__lte=moment)
    going = Mailing.objects.filter(state=State.SENDING).values("pk")
    for mailing_id in set(due.filter(mailing_id__in=going).values_list("mailing_id", flat=True)):
        with transaction.atomic():
            mailing = Mailing.objects.select_for_update().filter(pk=mailing_id, state=State.SENDING).first()
            if mailing is None:  # paused since: it is judged when it goes on
                continue
            rows = list(due.filter(mailing_id=mailing_id).select_for_update())
            late = [row for row in rows if moment - row.due_at > mailing.max_lateness]
            missed = [row for row in rows if row not in late and row.closes_at and row.closes_at <= moment]
            fresh = [row for row in rows if row not in late and row not in missed]
            _set(late, Slot.LATE)
            _postpone(mailing, missed, moment)
            _open(fresh)
            if late:
                logger.warning("Mailing %s: the time of %s countries passed too long ago.", mailing_id, len(late))
        if fresh:
            opened += len(fresh)
            wake(mailing_id)
    return opened


def _set(rows: Sequence[DeliverySlot], state: str) -> None:
    DeliverySlot.objects.filter(pk__in=[row.pk for row in rows]).update(state=state)


def _open(rows: Sequence[DeliverySlot]) -> None:
    _set(rows, Slot.OPEN)
    _chunks(rows, is_open=True)


def _chunks(rows: Sequence[DeliverySlot], *, is_open: bool) -> None:
    """Let workers claim the chunks of slots from their time on, or no more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE campaigns_deliverychunk k SET is_open = %s, due_at = s.due_at FROM campaigns_deliveryslot s"
            " WHERE s.id = ANY (%s) AND k.mailing_id = s.mailing_id AND k.slot = s.number AND NOT k.is_done",
            [is_open, [row.pk for row in rows]],
        )


def close_over(*, now: datetime | None = None) -> int:
    """Close the slots whose hours are over and who have something left: it waits for the next opening there."""
    moment = now or timezone.now()
    over = DeliverySlot.objects.filter(state=Slot.OPEN, closes_at__lte=moment)
    closed = 0
    for mailing_id in set(over.values_list("mailing_id", flat=True)):
        with transaction.atomic():
            mailing = Mailing.objects.select_for_update().get(pk=mailing_id)
            rows = list(over.filter(mailing_id=mailing_id).select_for_update())
            left = _unfinished(rows) if mailing.state in (State.SENDING, State.PAUSED) else set()
            _over = [row for row in rows if row.number not in left]
            DeliverySlot.objects.filter(pk__in=[row.pk for row in _over]).update(closes_at=None)
            waiting = [row for row in rows if row.number in left]
            # it ended so long ago that nobody was there to see it: the next opening would be as late
            late = [row for row in waiting if row.closes_at and moment - row.closes_at > mailing.max_lateness]
            _chunks(late, is_open=False)
            _set(late, Slot.LATE)
            _postpone(mailing, [row for row in waiting if row not in late], moment)
            closed += len(waiting)
    return closed


def _unfinished(rows: Sequence[DeliverySlot]) -> set[int]:
    """Numbers of slots with a chunk or a retry that waits."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT k.slot FROM campaigns_deliverychunk k WHERE k.mailing_id = %s AND k.slot = ANY (%s) AND (NOT k.is_done
                OR EXISTS (SELECT 1 FROM campaigns_deliveryretry r WHERE r.mailing_id = k.mailing_id
                              AND r.seq BETWEEN k.first_seq AND k.last_seq))""",
            [rows[0].mailing_id, [row.number for row in rows]],
        )
        return {number for (number,) in cursor.fetchall()}


def _postpone(mailing: Mailing, rows: Sequence[DeliverySlot], moment: datetime) -> None:
    """To the next opening, with the messages of theirs that a server deferred."""
    if not rows:
        return
    hours = hours_of(mailing) or Hours()
    for row in rows:
        turn = hours.turn(moment, Place(row.country_code, "", row.zone))
        row.state, row.due_at, row.closes_at = Slot.WAITING, turn.due, turn.closes
        row.save(update_fields=["state", "due_at", "closes_at"])
    _chunks(rows, is_open=False)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE campaigns_deliveryretry r SET due_at = greatest(r.due_at, s.due_at)
              FROM campaigns_deliveryslot s JOIN campaigns_deliverychunk k ON k.mailing_id = s.mailing_id AND k.slot = s.number
             WHERE s.id = ANY (%s) AND r.mailing_id = s.mailing_id AND r.token IS NULL
               AND r.seq BETWEEN k.first_seq AND k.last_seq""",
            [[row.pk for row in rows]],
        )


# --- what people decide -------------------------------------------------------------------------------------------------
def release_late(*, mailing: Mailing, actor: User) -> Mailing:
    """An approver lets what is too late leave all the same: now, or when the hours there allow it."""
    _allow(mailing, actor, Action.APPROVE)
    moment = timezone.now()
    with transaction.atomic():
        row = _going(mailing)
        late = list(DeliverySlot.objects.filter(mailing_id=row.pk, state=Slot.LATE).select_for_update())
        if not late:
            return row
        found = hours_of(row) or Hours()
        hours = Hours(
            None, found.opens, found.closes, found.weekends, found.holidays
        )  # its time is over: only hours count
        for slot in late:
            turn = hours.turn(moment, Place(slot.country_code, "", slot.zone))
            slot.state, slot.due_at, slot.closes_at = Slot.WAITING, turn.due, turn.closes
            slot.save(update_fields=["state", "due_at", "closes_at"])
        _record(row, actor, "mailing.late_released", late)
    open_due()
    return row


def leave_out_late(*, mailing: Mailing, actor: User) -> Mailing:
    """What is too late never leaves: its deliveries are cancelled, and the rest of the mailing goes on."""
    _allow(mailing, actor, Action.SEND)
    with transaction.atomic():
        row = _going(mailing)
        late = list(DeliverySlot.objects.filter(mailing_id=row.pk, state=Slot.LATE).select_for_update())
        if not late:
            return row
        _set(late, Slot.LEFT_OUT)
        with connection.cursor() as cursor:
            cursor.execute(
                """
                WITH theirs AS MATERIALIZED (
                    SELECT d.seq FROM campaigns_deliverychunk k JOIN delivery d ON d.mailing_id = k.mailing_id
                       AND d.seq BETWEEN k.first_seq AND k.last_seq
                     WHERE k.mailing_id = %(mailing)s AND k.slot = ANY (%(slots)s) AND d.state IN ('pending', 'deferred')
                     ORDER BY d.seq FOR UPDATE OF d),
                over AS (DELETE FROM campaigns_deliveryretry r USING theirs t WHERE r.mailing_id = %(mailing)s AND r.seq = t.seq)
                UPDATE delivery d SET state = 'cancelled', settled_at = now(), reply_text = 'too late' FROM theirs t
                 WHERE d.mailing_id = %(mailing)s AND d.seq = t.seq""",
                {"mailing": row.pk, "slots": [slot.number for slot in late]},
            )
            cursor.execute(
                f"UPDATE campaigns_deliverychunk k SET counts = ({CHUNK_COUNTS}), is_done = true"
                " WHERE k.mailing_id = %s AND k.slot = ANY (%s) AND k.token IS NULL AND NOT k.is_done"
                " RETURNING k.id, k.first_seq, k.last_seq",
                [row.pk, [slot.number for slot in late]],
            )
            for chunk, first, last in cursor.fetchall():  # part of it may have left before its time was over
                cursor.execute(TO_ROLL_UP, {"mailing": row.pk, "first": first, "last": last, "chunk": chunk})
                if accepted := cursor.fetchone()[0]:
                    cursor.execute(ROLL_UP, {"mailing": row.pk, "seqs": accepted})
        _record(row, actor, "mailing.late_left_out", late)
    return row


def _allow(mailing: Mailing, actor: User, action: Action) -> None:
    if not Mailing.objects.visible_to(actor, action).filter(pk=mailing.pk).exists():
        raise NotAllowed(_("Your role does not allow this for this mailing. An administrator can change it."))


def _going(mailing: Mailing) -> Mailing:
    row = locked(mailing)
    if row.state not in (State.SENDING, State.PAUSED):
        raise WrongState(
            _("“%(name)s” is %(state)s, so nothing of it waits any more. Reload the page to see where it stands.")
            % {"name": row.name, "state": State(row.state).label},
            state=row.state,
        )
    return row


def _record(row: Mailing, actor: User, verb: str, slots: Sequence[DeliverySlot]) -> None:
    people, codes = sum(slot.people for slot in slots), [slot.country_code or "–" for slot in slots]
    record(
        verb=verb,
        target=row,
        actor=actor,
        summary=f"{people}: {', '.join(sorted(codes))}"[:300],
        event={"name": row.name, "countries": codes, "people": people},
    )
