"""What a bounce says of its address: gone, or counted until there are too many. The rule is a setting that is said in words."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.delivery.models import Delivery, Feedback
from campaigns.outreach.models import BounceRule
from contacts.consent.addresses import address_hashes
from contacts.consent.services import suppress_bounced
from contacts.directory.models import ContactPoint
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.services import Change, record
from crm.errors import Conflict, NotAllowed

RULE_UID = UUID(int=1)  # one row has no uid of its own; the audit trail needs one to hang its changes on
Status = ContactPoint.Status

# Deliveries are found by the index of their hashes; an address has some dozens.
_COUNT = """
SELECT count(*) FROM campaigns_feedback f JOIN delivery d ON d.mailing_id = f.mailing_id AND d.seq = f.seq
 WHERE d.address_hash = ANY (%s) AND f.kind = 'soft_bounce' AND f.at > %s AND f.at <= %s"""


def note_bounce(feedback: Feedback, delivery: Delivery) -> None:
    """Write what a bounce means to its contact points, wherever the address stands. In the caller's transaction."""
    if not delivery.address_key:
        return  # it was erased meanwhile
    if feedback.kind == Feedback.Kind.HARD_BOUNCE:
        suppress_bounced(address=delivery.address or delivery.address_key, status=feedback.status, at=feedback.at)
        _set(delivery, feedback, Status.INVALID, reason=feedback.reason, frm=[Status.ACTIVE, Status.BOUNCING])
    else:
        _count_soft(feedback, delivery)


def _count_soft(feedback: Feedback, delivery: Delivery) -> None:
    rule = BounceRule.current()
    count = soft_bounces(delivery, until=feedback.at, within=timedelta(days=rule.days))
    is_too_many = count >= rule.bounces
    words = rule.said(count, is_bouncing=is_too_many) + (f" “{feedback.reason}”" if feedback.reason else "")
    if is_too_many:
        _set(delivery, feedback, Status.BOUNCING, reason=words, frm=[Status.ACTIVE])
    points = ContactPoint.objects.emails().filter(address_key=delivery.address_key)
    points.filter(status__in=[Status.ACTIVE, Status.BOUNCING]).update(
        bounce_count=count, status_reason=words[:300], updated_at=timezone.now()
    )


def soft_bounces(delivery: Delivery, *, until: datetime, within: timedelta) -> int:
    """Messages to the same address that bounced for now in that time, since somebody last said that it is good."""
    since = until - within
    points = ContactPoint.objects.emails().filter(address_key=delivery.address_key, status=Status.ACTIVE)
    good_at = points.aggregate(at=Max("status_at"))["at"]
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [address_hashes(delivery.address_key or ""), max(since, good_at or since), until])
        return int(cursor.fetchone()[0])


def _set(delivery: Delivery, feedback: Feedback, status: Status, *, reason: str, frm: list[Status]) -> None:
    points = ContactPoint.objects.emails().filter(address_key=delivery.address_key, status__in=frm)
    point = points.order_by("pk").first()
    if point is None:
        return
    points.update(status=status, status_reason=reason[:300], status_at=feedback.at, updated_at=timezone.now())
    record(
        verb=f"contact_point.{feedback.kind}",
        target=point,
        changes=[("status", point.status, status)],
        summary=feedback.status or feedback.kind,
        event={"kind": feedback.kind, "status": feedback.status},
    )


def address_works(delivery: Delivery, *, at: datetime) -> None:
    """Somebody answered from there: what bounced before is forgotten. An address that does not exist needs a person's word."""
    points = ContactPoint.objects.emails().filter(address_key=delivery.address_key or "-")
    points.filter(status__in=[Status.ACTIVE, Status.BOUNCING]).exclude(bounce_count=0, status=Status.ACTIVE).update(
        bounce_count=0, status=Status.ACTIVE, status_reason="", status_at=at, updated_at=timezone.now()
    )


# --- the rule -----------------------------------------------------------------------------------------------------------
def set_rule(*, bounces: int, days: int, actor: User) -> BounceRule:
    """How many soft bounces within how many days make an address bouncing. It holds from the next bounce on."""
    with transaction.atomic():
        BounceRule.objects.get_or_create(id=1)
        row = BounceRule.objects.select_for_update().get(id=1)
        changes: list[Change] = [
            (name, getattr(row, name), value)
            for name, value in (("bounces", bounces), ("days", days))
            if getattr(row, name) != value
        ]
        if changes:
            row.bounces, row.days = bounces, days
            row.full_clean()
            row.save()
            record(
                verb="bounce_rule.edited", object_type="bounce_rule", object_uid=RULE_UID, actor=actor, changes=changes
            )
    return row


def restore_rule(*, uid: UUID, values: dict[str, Any], expected: dict[str, Any], actor: User) -> None:
    """Undo of `set_rule`."""
    del uid
    if not actor.may(Action.ADMINISTER):
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    row = BounceRule.objects.select_for_update().get(id=1)
    if any(getattr(row, name) != value for name, value in expected.items()):
        raise Conflict(_("Somebody changed this since, so it was left as it is."), code="changed_since")
    for name, value in values.items():
        setattr(row, name, value)
    row.save()


def rule_in_words(rule: BounceRule) -> str:
    """What the settings page says below the two numbers."""
    return ngettext(
        "An address to which %(n)s message bounced for now within %(days)s days is bouncing: mailings leave it out.",
        "An address to which %(n)s messages bounced for now within %(days)s days is bouncing: mailings leave it out.",
        rule.bounces,
    ) % {"n": rule.bounces, "days": rule.days}
