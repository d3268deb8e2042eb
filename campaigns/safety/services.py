"""A mailing pauses by itself when an unusual share of it comes back.

*Failed or bounced* is what a server refused for good, now or in a bounce later, and what could not be sent at all; its share is of all
that is settled. *Complained* is a share of what was accepted. Both need a least number, so that three of twenty stop nothing.

Somebody who resumes has looked. From then on only what leaves afterwards is counted, with the same limits: the same
share does not stop it again at once, and a second bad one does.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.mailings.models import Mailing
from campaigns.mailings.services import locked, pause
from campaigns.mailings.states import State
from campaigns.safety.models import PauseNotice, SafetyLimits, SafetyPause
from campaigns.safety.notices import announce
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.services import Change, record
from crm.errors import Conflict, NotAllowed

logger = logging.getLogger(__name__)
_CHUNKS = """
SELECT mailing_id, coalesce(sum((counts->>'accepted')::bigint), 0)::bigint, coalesce(sum((counts->>'failed')::bigint), 0)::bigint
  FROM campaigns_deliverychunk WHERE mailing_id = ANY (%s) GROUP BY 1"""
# what came back of messages that left since somebody resumed
_BACK = """
SELECT f.mailing_id, count(*) FILTER (WHERE f.kind = 'hard_bounce'), count(*) FILTER (WHERE f.kind = 'complaint')
  FROM campaigns_feedback f LEFT JOIN campaigns_safetypause p ON p.mailing_id = f.mailing_id
 WHERE f.mailing_id = ANY (%s) AND (p.counted_from IS NULL OR EXISTS (
       SELECT 1 FROM delivery d WHERE d.mailing_id = f.mailing_id AND d.seq = f.seq AND d.settled_at > p.counted_from))
 GROUP BY 1"""


@dataclass(frozen=True)
class Figures:
    """Of one mailing, since it began or was resumed."""

    accepted: int = 0
    failed: int = 0
    bounced: int = 0
    complained: int = 0

    @property
    def settled(self) -> int:
        return self.accepted + self.failed

    @property
    def came_back(self) -> int:
        return self.failed + self.bounced


def figures_of(mailing_ids: Iterable[int]) -> dict[int, Figures]:
    """As the chunks have them, a second behind while sending; three queries for any number of mailings."""
    ids = list(mailing_ids)
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_CHUNKS, [ids])
        settled = {row[0]: row[1:] for row in cursor.fetchall()}
        cursor.execute(_BACK, [ids])
        back = {row[0]: row[1:] for row in cursor.fetchall()}
    before = {row.mailing_id: row for row in SafetyPause.objects.filter(mailing_id__in=ids)}
    found = {}
    for pk in ids:
        accepted, failed = settled.get(pk, (0, 0))
        if mark := before.get(pk):
            accepted, failed = max(0, accepted - mark.accepted_before), max(0, failed - mark.failed_before)
        found[pk] = Figures(accepted, failed, *back.get(pk, (0, 0)))
    return found


def why_pause(limits: SafetyLimits, found: Figures) -> str:
    """In plain words; empty when all is as usual."""
    after = _("Look at the report before it goes on. When you resume, it is counted anew from there.")
    if _is_over(found.came_back, found.settled, limits.failed_percent, limits.failed_least):
        return (
            _("%(n)s of %(all)s messages failed or bounced for good: %(share)s %%, and the limit is %(limit)s %%.")
            % {
                "n": found.came_back,
                "all": found.settled,
                "share": _share(found.came_back, found.settled),
                "limit": percent_text(limits.failed_percent),
            }
            + f" {after}"
        )
    if _is_over(found.complained, found.accepted, limits.complained_percent, limits.complained_least):
        return (
            _("%(n)s of %(all)s recipients complained: %(share)s %%, and the limit is %(limit)s %%.")
            % {
                "n": found.complained,
                "all": found.accepted,
                "share": _share(found.complained, found.accepted),
                "limit": percent_text(limits.complained_percent),
            }
            + f" {after}"
        )
    return ""


def _is_over(part: int, whole: int, percent: Decimal | None, least: int) -> bool:
    return percent is not None and part >= least and part * 100 >= percent * max(1, whole)


def _share(part: int, whole: int) -> str:
    return percent_text(Decimal(part * 100) / max(1, whole))


def percent_text(value: Decimal | None) -> str:
    """12.40 → 12.4"""
    return "–" if value is None else f"{value.quantize(Decimal('0.01')).normalize():f}"


def check(*, mailing_id: int, now: datetime | None = None) -> str:
    """Pause the mailing when its figures are unusual; returns the reason, empty when it goes on."""
    reason = why_pause(SafetyLimits.current(), figures_of([mailing_id])[mailing_id])
    return reason if reason and _pause(mailing_id, reason, now or timezone.now()) else ""


def check_all(*, now: datetime | None = None) -> list[int]:
    """The same for all that are being sent; returns the ids of those that were paused."""
    limits, moment = SafetyLimits.current(), now or timezone.now()
    found = figures_of(Mailing.objects.filter(state=State.SENDING).values_list("pk", flat=True))
    reasons = {pk: why_pause(limits, figures) for pk, figures in found.items()}
    return [pk for pk, reason in reasons.items() if reason and _pause(pk, reason, moment)]


def _pause(mailing_id: int, reason: str, moment: datetime) -> bool:
    with transaction.atomic():
        row = locked(Mailing(pk=mailing_id))
        if row.state != State.SENDING:
            return False  # somebody was quicker
        pause(mailing=row, reason=reason)
        SafetyPause.objects.update_or_create(mailing_id=mailing_id, defaults={"at": moment, "reason": reason[:300]})
        announce(mailing_id=mailing_id, kind=PauseNotice.Kind.LIMITS, reason=reason, now=moment)
    logger.warning("Mailing %s is paused: %s", mailing_id, reason)
    return True


def mailing_moved(mailing: Mailing, before: State, after: State) -> None:
    """Resumed after a pause of ours: what left before counts no more. In the transaction of the move."""
    if before != State.PAUSED or after != State.SENDING:
        return
    mark = SafetyPause.objects.filter(mailing_id=mailing.pk).first()
    if mark is None or (mark.counted_from and mark.counted_from > mark.at):
        return  # paused for another reason since
    with connection.cursor() as cursor:
        cursor.execute(_CHUNKS, [[mailing.pk]])
        _pk, mark.accepted_before, mark.failed_before = cursor.fetchone() or (mailing.pk, 0, 0)
    mark.counted_from = timezone.now()
    mark.save(update_fields=["counted_from", "accepted_before", "failed_before"])


def set_limits(*, actor: User, **values: Any) -> SafetyLimits:
    """Change when mailings pause by themselves."""
    with transaction.atomic():
        SafetyLimits.objects.get_or_create(id=1)
        row = SafetyLimits.objects.select_for_update().get(id=1)
        changes: list[Change] = [(n, getattr(row, n), v) for n, v in values.items() if getattr(row, n) != v]
        for name, _before, value in changes:
            setattr(row, name, value)
        if changes:
            row.full_clean()
            row.save(update_fields=[*[name for name, _before, _value in changes], "updated_at"])
            record(verb="safety_limits.edited", target=row, object_type="safety_limits", actor=actor, changes=changes)
    return row


def restore_limits(*, uid: UUID, values: dict[str, Any], expected: dict[str, Any], actor: User) -> None:
    """Undo: the limits as they were."""
    if not actor.may(Action.ADMINISTER):
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    row = SafetyLimits.objects.select_for_update().filter(uid=uid).first()
    if row is None:
        raise Conflict(_("This is not there any more, so nothing was undone."), code="gone")
    if any(getattr(row, field) != _value(field, value) for field, value in expected.items()):
        raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
    for field, value in values.items():
        setattr(row, field, _value(field, value))
    row.save(update_fields=[*values, "updated_at"])


def _value(field: str, value: Any) -> Any:
    """A value of the audit trail as the field's: a number was written as text."""
    return None if value is None else SafetyLimits._meta.get_field(field).to_python(value)  # type: ignore[union-attr]
