"""Questions asked of mailings, senders and transports."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection
from django.db.models import Count, Q, QuerySet

from campaigns.mailings.models import Attachment, Mailing, Sender, Transport
from campaigns.mailings.states import State
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditChange, AuditEntry

# the tabs of the list, in the order of a mailing's life
TABS: dict[str, tuple[State, ...]] = {
    "draft": (State.DRAFT,),
    "review": (State.IN_REVIEW,),
    "ready": (State.APPROVED, State.SCHEDULED, State.FREEZING),
    "attention": (State.HELD, State.PAUSED),
    "sending": (State.SENDING,),
    "finished": (State.FINISHED,),
    "cancelled": (State.CANCELLED,),
}
WAITING = "waiting"
ACTIVE = (State.IN_REVIEW, State.HELD, State.SENDING, State.PAUSED)


def listed(user: User) -> QuerySet[Mailing]:
    """What the list shows: rows with all that a row names, one query."""
    return Mailing.objects.visible_to(user).select_related("drive", "segment", "topic", "written_by")


def tab_counts(mailings: QuerySet[Mailing]) -> dict[str, int]:
    counts = {name: Count("pk", filter=Q(state__in=states)) for name, states in TABS.items()}
    return mailings.order_by().aggregate(all=Count("pk"), **counts)


def awaiting_approval(user: User) -> QuerySet[Mailing]:
    """In review or held, where the user may approve."""
    return Mailing.objects.visible_to(user, Action.APPROVE).filter(state__in=[State.IN_REVIEW, State.HELD])


def paused(user: User) -> QuerySet[Mailing]:
    """Where the user may resume them."""
    return Mailing.objects.visible_to(user, Action.SEND).filter(state=State.PAUSED, late_since__isnull=True)


def late(user: User) -> QuerySet[Mailing]:
    """Paused, because nothing of them could leave for too long, where the user may resume them."""
    return Mailing.objects.visible_to(user, Action.APPROVE).filter(state=State.PAUSED, late_since__isnull=False)


def approved(user: User) -> QuerySet[Mailing]:
    """Ready, where the user may send them."""
    return Mailing.objects.visible_to(user, Action.SEND).filter(state=State.APPROVED)


def returned(user: User) -> QuerySet[Mailing]:
    """The user's own drafts that came back; what one caused oneself is no news."""
    drafts = Mailing.objects.visible_to(user, Action.WRITE).filter(state=State.DRAFT, written_by=user)
    return drafts.exclude(state_reason="").exclude(state_reason__startswith=user.name)


def needing_attention(user: User) -> list[QuerySet[Mailing]]:
    """For the menu: what waits for this user's yes, and what is paused where he may resume it."""
    waiting = [awaiting_approval(user), late(user)] if user.may(Action.APPROVE) else []
    return [*waiting, paused(user)] if user.may(Action.SEND) else waiting


def with_origin(mailing: Mailing, rows: list[Attachment]) -> list[Attachment]:
    """Attachments of a mailing with `added_by` (a user, or None) and `added_at`, as the trail says; of those that a duplicate began with,
    who made it and when; None where the trail does not say. Two queries, none without rows."""
    if not rows:
        return rows
    trail = AuditChange.objects.filter(object_uid=mailing.uid, field="attachments").select_related("entry__actor")
    entries = {tuple(change.after): change.entry for change in trail.order_by("entry_id", "pk") if change.after}
    began = AuditEntry.objects.filter(object_uid=mailing.uid, verb="mailing.created").select_related("actor").first()
    for row in rows:
        entry = entries.get((row.name, row.language, row.file.sha256), began)
        row.added_by, row.added_at = (entry.actor, entry.at) if entry else (None, None)  # type: ignore[attr-defined]
    return rows


def senders_in_use() -> QuerySet[Sender]:
    return Sender.objects.filter(archived_at__isnull=True).order_by("name", "pk")


def transports_in_use() -> QuerySet[Transport]:
    return Transport.objects.filter(archived_at__isnull=True).order_by("-is_default", "name", "pk")


@dataclass(frozen=True)
class Progress:
    """How far a frozen mailing is, summed from its chunks."""

    total: int
    sent: int
    open: int
    waiting: int = 0  # of these, for their country's time

    @property
    def settled(self) -> int:
        return self.total - self.open


def progress(mailings: Iterable[Mailing]) -> dict[int, Progress]:
    """By mailing id, for those with a frozen audience; one query for all of them."""
    frozen = {row.pk: row for row in mailings if row.frozen_at is not None}
    sums = chunk_counts(frozen)
    return {
        pk: Progress(
            total=row.audience_count or 0,
            sent=sums[pk].get("accepted", 0),
            open=sum(sums[pk].get(name, 0) for name in ("pending", "in_flight", "deferred")),
            waiting=sums[pk].get(WAITING, 0),
        )
        for pk, row in frozen.items()
    }


def chunk_counts(mailing_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """Mailing id → outcome → rows, as the chunks have them: a second behind while sending, and cheap for any audience.

    Under WAITING stand those of *pending* whose country's time has not come.
    """
    sums: dict[int, dict[str, int]] = {pk: {} for pk in mailing_ids}
    if sums:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT k.mailing_id, c.key, sum(c.value::bigint)::bigint,"
                "       coalesce(sum(c.value::bigint) FILTER (WHERE NOT k.is_open AND NOT k.is_done), 0)::bigint"
                "  FROM campaigns_deliverychunk k, jsonb_each_text(k.counts) c WHERE k.mailing_id = ANY (%s) GROUP BY 1, 2",
                [list(sums)],
            )
            for mailing_id, outcome, count, waiting in cursor.fetchall():
                sums[mailing_id][outcome] = count
                if outcome == "pending" and waiting:
                    sums[mailing_id][WAITING] = waiting
    return sums
