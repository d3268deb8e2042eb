"""Once a year members say whether they stay: asked by mail a month ahead, again a week ahead, by one POST; who says nothing lapses."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from campaigns.networks.letters import queue_year
from campaigns.networks.models import Member, NetworkLetter
from crm.audit.models import AuditEntry, Door
from crm.audit.services import record

About = NetworkLetter.About
YEAR, AHEAD, AGAIN, GRACE = timedelta(days=365), timedelta(days=30), timedelta(days=7), timedelta(days=14)
AT_ONCE = 500  # members in one go of the nightly task; the next takes the others


def _renewing() -> Q:
    return Q(network__renews=True, network__archived_at__isnull=True)


def ask_due(*, today: date | None = None) -> int:
    """Ask members whose year ends within a month; returns how many letters were written. Run twice, it asks once."""
    today = today or timezone.localdate()
    fresh = Member.objects.present().filter(_renewing(), renew_by__isnull=True)
    grown = Q(renewed_at__isnull=True, joined_at__date__lte=today - YEAR + AHEAD) | Q(
        renewed_at__date__lte=today - YEAR + AHEAD
    )
    asked = 0
    for key in fresh.filter(grown).order_by("pk").values_list("pk", flat=True)[:AT_ONCE]:
        with transaction.atomic():
            row = Member.objects.select_for_update().filter(pk=key, renew_by__isnull=True, left_at__isnull=True).first()
            if row is None:
                continue
            begun = timezone.localdate(row.renewed_at or row.joined_at)
            # whose year ended long ago (the network asks since yesterday) gets the same month to answer
            row.renew_by = max(begun + YEAR, today + AHEAD)
            row.save(update_fields=["renew_by", "updated_at"])
            queue_year(row, About.RENEW, row.renew_by)
            asked += 1
    return asked + _ask_again(today)


def _ask_again(today: date) -> int:
    """The same letter once more, a week before the day, to who has not answered."""
    due = NetworkLetter.objects.filter(
        about=About.RENEW, sent_at__lt=timezone.now() - AGAIN, member__renew_by__lte=today + AGAIN,
        member__renew_by__gte=today, member__left_at__isnull=True, member__network__renews=True, is_repeat=False,
    )  # fmt: skip
    asked = 0
    for key in due.order_by("pk").values_list("pk", flat=True)[:AT_ONCE]:
        with transaction.atomic():
            letter = NetworkLetter.objects.select_for_update(of=("self",)).select_related("member").get(pk=key)
            if letter.is_repeat or letter.member is None or letter.member.renew_by != letter.for_day:
                continue
            letter.is_repeat, letter.sent_at, letter.tries, letter.due_at = True, None, 0, timezone.now()
            letter.save()
            asked += 1
    return asked


def renew(*, member: Member, door: Door = Door.LINK) -> AuditEntry | None:
    """They stay for another year. None when nobody asked them, or they have answered: pressing twice is once."""
    with transaction.atomic():
        row = Member.objects.select_for_update(of=("self",)).select_related("network").get(pk=member.pk)
        if row.left_at or row.renew_by is None:
            return None
        day, now = row.renew_by, timezone.now()
        row.renew_by, row.renewed_at = None, now
        row.save(update_fields=["renew_by", "renewed_at", "updated_at"])
        return record(
            verb="member.renewed", target=row, door=door, summary=row.label,
            changes=[("renewed_at", None, now.isoformat()), ("renew_by", day.isoformat(), None)],
            event={"network": str(row.network.uid)},
        )  # fmt: skip


def lapse_due(*, today: date | None = None, now: datetime | None = None) -> int:
    """End the memberships of who was asked and did not answer within two weeks after the day; returns how many. Run twice, once.

    Whom the letter never reached is not let go: staff see them on the network's page.
    """
    today = today or timezone.localdate()
    told = NetworkLetter.objects.filter(
        member=OuterRef("pk"), about=About.RENEW, for_day=OuterRef("renew_by"), sent_at__isnull=False
    )
    over = Member.objects.filter(Exists(told), _renewing(), left_at__isnull=True, renew_by__lt=today - GRACE).order_by(
        "pk"
    )
    ended = 0
    for key in over.values_list("pk", flat=True)[:AT_ONCE]:
        with transaction.atomic():
            row = Member.objects.select_for_update(of=("self",)).select_related("network").get(pk=key)
            if row.left_at or row.renew_by is None or row.renew_by >= today - GRACE:
                continue
            day = row.renew_by
            row.left_at, row.has_lapsed = now or timezone.now(), True
            row.save(update_fields=["left_at", "has_lapsed", "updated_at"])
            queue_year(row, About.LAPSED, day)
            record(
                verb="member.lapsed", target=row, summary=row.label, changes=[("left_at", None, row.left_at.isoformat()), ("has_lapsed", False, True)],
                event={"network": str(row.network.uid)},
            )  # fmt: skip
            ended += 1
    return ended
