"""Freeze: the audience as deliveries, in one statement, at the mailing's time.

Everything here may run any number of times, in any number of processes: an advisory lock lets one freeze a mailing, one
transaction makes its rows, and the move to *sending* ends it. A process that dies leaves nothing behind but the state
*freezing*, which the sweeper tries again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Max, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.delivery import slots
from campaigns.delivery.effects import stop_withdrawn_meanwhile
from campaigns.delivery.members import TABLES, audience_sql
from campaigns.delivery.partitions import filling, partition_of
from campaigns.delivery.waking import wake
from campaigns.engagement.models import TrackedLink
from campaigns.files.storage import is_there
from campaigns.mailings.approval import changed_since_approval
from campaigns.mailings.compiling import freeze_content
from campaigns.mailings.hours import hours_of, places_of, turns
from campaigns.mailings.models import Mailing
from campaigns.mailings.references import frozen_stem
from campaigns.mailings.services import hold, move
from campaigns.mailings.states import State
from campaigns.mailings.templates import TemplateRefused
from campaigns.safety.models import PauseNotice
from campaigns.safety.notices import announce
from contacts.consent.models import ConsentEvent
from crm.errors import Invalid, WrongState
from crm.statistics import freshen

logger = logging.getLogger(__name__)
# Rows that one worker claims at a time: half a second of work, and what a killed worker leaves behind is small.
CHUNK = 500
# An audience may differ from the approved count by this much before an approver must look again (both exceeded).
DRIFT_SHARE, DRIFT_PEOPLE = 0.10, 25


class _Hold(Exception):
    """The audience is not the one approved; its rows are rolled back."""


def due(now: datetime) -> Any:
    """Mailings whose time has come and whose window to stop has passed."""
    return Mailing.objects.filter(state=State.SCHEDULED, send_at__lte=now).filter(
        Q(stop_until__isnull=True) | Q(stop_until__lte=now)
    )


def begin_due(*, now: datetime | None = None) -> list[int]:
    """Move due mailings to *freezing*, or hold them when they are too late; returns the ids of those to freeze."""
    moment = now or timezone.now()
    begun = []
    for mailing_id in due(moment).values_list("pk", flat=True):
        with transaction.atomic():
            row = due(moment).select_for_update(skip_locked=True, of=("self",)).filter(pk=mailing_id).first()
            if row is None:  # another scheduler has it
                continue
            if reason := _too_late(row, moment):
                _hold_and_tell(row, reason)
                continue
            move(mailing=row, to=State.FREEZING)
            begun.append(row.pk)
    return begun


def _last_time(row: Mailing, moment: datetime) -> datetime:
    """When the last of its recipients should have had it: one that has hours is late as a whole only when it is for all."""
    begin = max(row.send_at or moment, row.stop_until or row.send_at or moment)
    return max((turn.due for _place, turn in turns(row, places_of(row))), default=begin) if hours_of(row) else begin


def freeze(*, mailing_id: int, now: datetime | None = None) -> bool:
    """Insert the audience as deliveries and begin to send; False when there was nothing (more) to do.

    The mailing is held, and no row stays, when its content is not what was approved or its audience differs too much.
    Raises Unavailable when the ledger has no partition for it: the next tick makes one.
    """
    moment = now or timezone.now()
    freshen(TABLES)
    try:
        with transaction.atomic():
            return _freeze(mailing_id, moment)
    except _Hold as held:
        _hold(mailing_id, str(held))
        return False


def _freeze(mailing_id: int, moment: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [7101, mailing_id])
        if not cursor.fetchone()[0]:
            return False
    mailing = (
        Mailing.objects.select_related("segment", "sender", "topic", "approval", "transport")
        .filter(pk=mailing_id, state=State.FREEZING)
        .first()
    )
    if mailing is None:
        return False
    if reason := _too_late(mailing, moment):  # the system was down while it was being frozen
        raise _Hold(reason)
    said = ConsentEvent.objects.aggregate(last=Max("pk"))["last"] or 0
    try:
        changes = changed_since_approval(mailing)
        if changes:
            raise _Hold(_("It is not what was approved: %(changes)s.") % {"changes": "; ".join(changes)})
        content = freeze_content(mailing)
        if gone := [row["name"] for row in content["attachments"] if not is_there(row["sha256"])]:
            raise _Hold(_("Its attachment “%(name)s” is not on disk. Upload it again.") % {"name": gone[0]})
        used = {path for variant in content["variants"].values() for path in variant["fields"]}
        audience, will_get_it = insert_audience(mailing, moment, used)
    except TemplateRefused as refused:
        raise _Hold(_("It cannot be built: %(problem)s") % {"problem": refused.problems[0].sentence}) from refused
    except Invalid as invalid:
        raise _Hold(_("Its segment cannot be used: %(problem)s") % {"problem": invalid.message}) from invalid
    approved = mailing.approval.audience_count if mailing.approval else 0
    if differs(approved, will_get_it):
        raise _Hold(
            _("The audience is not the one approved: %(now)s people would get it, %(then)s when it was approved.")
            % {"now": will_get_it, "then": approved}
        )
    reference = _reference(mailing_id, content)
    _count_columns(mailing_id)
    _keep_links(mailing_id, content)
    try:
        move(
            mailing=mailing,
            to=State.SENDING,
            frozen_at=moment,
            frozen_with=content,
            audience_count=audience,
            started_at=moment,
            **reference,
        )
    except WrongState:  # cancelled meanwhile: nothing of this stays
        transaction.set_rollback(True)
        return False
    # last, because withdrawals wait from here on until this is committed
    stop_withdrawn_meanwhile(mailing_id=mailing_id, topic_id=mailing.topic_id or 0, after=said)
    transaction.on_commit(lambda: _begin(mailing, moment))
    logger.info("Mailing %s is frozen: %s in the audience, %s to send.", mailing_id, audience, will_get_it)
    return True


def _begin(mailing: Mailing, moment: datetime) -> None:
    """Wake workers; of a mailing with hours, for those whose turn it is."""
    if hours_of(mailing):
        slots.open_due(now=moment)
    else:
        wake(mailing.pk)


def insert_audience(mailing: Mailing, moment: datetime, fields: set[str]) -> tuple[int, int]:
    """The one statement: deliveries, and the chunks that workers claim; returns (in the audience, of these to send).

    fields: those that the texts use. A chunk without anything to send is done from the start.
    """
    planned = slots.plan(mailing)
    sql, params = audience_sql(
        mailing, now=moment, fields=fields, slots={one.place.code: one.number for one in planned}
    )
    into, taken = (", copy_of", ", a.copy_of") if mailing.copies_to_id else ("", "")
    told, chunks, values = _chunk_sql(mailing, moment, planned)
    expected = mailing.approval.audience_count if mailing.approval else 0
    with filling(mailing.pk, expected) as table, connection.cursor() as cursor:
        # sorting and hashing a million rows on disk would double the time; the setting ends with the transaction
        cursor.execute("SET LOCAL work_mem = '128MB'")
        cursor.execute("SET LOCAL jit = off")
        # straight into the table: finding it again for each row costs a tenth of the insert
        cursor.execute(
            f"""
            WITH frozen AS (
                INSERT INTO {table} (mailing_id, seq, state, skip_reason, skip_also, address, address_key,
                    address_hash, variant_id, person_id, post_id, organization_id, contact_point_id, constituency_code,
                    country_code, language, is_tracked, fields, settled_at{into})
                SELECT %s, a.seq, CASE WHEN a.reason IS NULL THEN 'pending' ELSE 'skipped' END,
                       coalesce(a.reason, ''), a.also, a.address, CASE WHEN a.reason IS NULL THEN a.address_key END,
                       a.address_hash, a.variant_id, a.person_id, a.post_id, a.organization_id, a.contact_point_id,
                       a.constituency_code, a.country_code, a.language, a.is_tracked, a.fields,
                       CASE WHEN a.reason IS NOT NULL THEN %s::timestamptz END{taken}
                  FROM ({sql}) a
                RETURNING {told}),
            chunk AS ({chunks} RETURNING first_seq, last_seq, counts)
            SELECT coalesce(sum(last_seq - first_seq + 1), 0), coalesce(sum((counts->>'pending')::int), 0) FROM chunk""",
            [mailing.pk, moment, *params, *values],
        )
        audience, to_send = cursor.fetchone()
    slots.keep(mailing, planned)
    return int(audience), int(to_send)


def _chunk_sql(mailing: Mailing, moment: datetime, planned: Sequence[slots.Planned]) -> tuple[str, str, list[Any]]:
    """(what it reads of the rows, the insert, its values). With slots a chunk is of one of them, not open yet and due at its
    time: rows are numbered slot by slot, the copies of each behind all letters."""
    # by the clock that claims go by: a machine whose own is ahead must not keep the mailing waiting
    told, slot, due, group = "seq, state", "NULL::smallint, true", "least(%s::timestamptz, now())", ""
    values: list[Any] = [moment]
    if planned:
        told += f", country_code, {'copy_of IS NULL' if mailing.copies_to_id else 'true'} AS is_letter"
        slot, due = "(%s::jsonb ->> country_code)::smallint, false", "(%s::jsonb ->> country_code)::timestamptz"
        group = "country_code, is_letter, "
        values = [
            json.dumps({one.place.code: one.number for one in planned}),
            json.dumps({one.place.code: one.turn.due.isoformat() for one in planned}),
        ]
    return (
        told,
        f"""
                INSERT INTO campaigns_deliverychunk (mailing_id, first_seq, last_seq, slot, is_open, due_at, is_done, counts)
                SELECT %s, min(seq), max(seq), {slot}, {due}, bool_and(state = 'skipped'),
                       jsonb_strip_nulls(jsonb_build_object(
                           'pending', nullif(count(*) FILTER (WHERE state = 'pending'), 0),
                           'skipped', nullif(count(*) FILTER (WHERE state = 'skipped'), 0)))
                  FROM frozen GROUP BY {group}(seq - 1) / %s""",
        [mailing.pk, *values, CHUNK],
    )


def _count_columns(mailing_id: int) -> None:
    """Statistics of the keys: without them the planner thinks that a fresh partition is nearly empty, and reads all of a
    mailing for each batch of its workers (measured: 14 ms a batch instead of 1). A tenth of the usual sample is enough."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL default_statistics_target = 10")
        cursor.execute(f"ANALYZE {partition_of(mailing_id)} (mailing_id, seq, address_key)")


def differs(approved: int, now: int) -> bool:
    """Whether an approver must look again: more than 10 % and more than 25 people apart."""
    apart = abs(now - approved)
    return apart > DRIFT_PEOPLE and apart > DRIFT_SHARE * approved


def _keep_links(mailing_id: int, content: dict[str, Any]) -> None:
    TrackedLink.objects.bulk_create(
        [
            TrackedLink(
                mailing_id=mailing_id,
                number=link["number"],
                url=link["url"],
                label=link["label"][:200],
                languages=link["languages"],
            )
            for link in content["links"]
        ],
        ignore_conflicts=True,
    )


def _reference(mailing_id: int, content: dict[str, Any]) -> dict[str, Any]:
    """What the mailing keeps of its reference numbers; held when another one has them."""
    stem = frozen_stem(content)
    if stem is None:
        return {}
    if other := Mailing.objects.filter(reference_stem=stem.text).exclude(pk=mailing_id).first():
        raise _Hold(
            _("Its reference numbers (%(stem)s…) are those of “%(other)s”. Change the pattern.")
            % {"stem": stem.text, "other": other.name}
        )
    return {"reference_stem": stem.text, "reference_digits": stem.digits}


def _hold(mailing_id: int, reason: str) -> None:
    try:
        with transaction.atomic():
            _hold_and_tell(Mailing.objects.get(pk=mailing_id), reason)
    except WrongState:
        logger.info("Mailing %s was moved on while it was being frozen.", mailing_id)
    else:
        logger.warning("Mailing %s is held.", mailing_id)


def _hold_and_tell(row: Mailing, reason: str) -> None:
    held = hold(mailing=row, reason=reason)
    announce(mailing_id=held.pk, kind=PauseNotice.Kind.HELD, reason=held.state_reason)


def _too_late(row: Mailing, moment: datetime) -> str:
    """That it is later than it may be; empty when it is not."""
    late_by = moment - _last_time(row, moment)
    if late_by <= row.max_lateness:
        return ""
    minutes = int(late_by.total_seconds() // 60)
    hours, rest = divmod(minutes, 60)
    late = ngettext("%(n)s hour", "%(n)s hours", hours) % {"n": hours} if hours else ""
    late = f"{late} {rest} min".strip()
    return _(
        "Its time passed %(late)s ago while the system could not send, and that is longer than it may be late."
    ) % {"late": late}


def stuck(now: datetime) -> Any:
    """Mailings that should be freezing: the sweeper asks again, and the lock makes a second one harmless."""
    return Mailing.objects.filter(state=State.FREEZING).order_by(F("send_at"))
