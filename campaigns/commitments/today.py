"""What commitments put on Today: those of mine that are late or due, what institutions sent, and what waits for a second pair of eyes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, Window
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.commitments.models import Commitment, CommitmentUpdate, Milestone
from campaigns.commitments.rule import light_of
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.ui import formats, today
from crm.ui.counting import Countable

SHOWN, AHEAD = 3, timedelta(days=7)


def _mine(user: User) -> Any:
    """Followed by the user, open, and late or due within a week."""
    until = timezone.localdate() + AHEAD
    rows = Commitment.objects.visible_to(user).open().filter(owner=user)
    late = Milestone.objects.filter(commitment=OuterRef("pk"), done_on=None, due_on__lt=timezone.localdate())
    return rows.filter(Q(due_on__lte=until) | Q(Exists(late)))


def _sent(user: User) -> Any:
    return CommitmentUpdate.objects.visible_to(user, Action.LOG).waiting()


def _unverified(user: User) -> Any:
    rows = Commitment.objects.visible_to(user, Action.LOG).to_verify()
    return rows.exclude(settled_by=user).exclude(recorded_by=user)


def waiting(user: User) -> Iterable[Countable]:
    """The same as `needs`, to be counted."""
    found: list[Countable] = [_mine(user).values("pk")[: SHOWN + 1]]
    if user.may(Action.LOG):
        found += [_sent(user)[: SHOWN + 1], _unverified(user)[:1]]
    return found


def needs(user: User) -> Iterable[today.Need]:
    yield from _due(user)
    if user.may(Action.LOG):
        yield from _updates(user)
        yield from _to_verify(user)


def _due(user: User) -> Iterable[today.Need]:
    rows = _mine(user).select_related("organization").prefetch_related("milestones").order_by("due_on", "pk")
    found = list(rows.annotate(all_of_them=Window(Count("pk")))[: SHOWN + 1])
    day = timezone.localdate()
    for row in found[:SHOWN]:
        light = light_of(row, day)
        yield today.Need(
            icon="heart-handshake", title=_("Promise of %(name)s") % {"name": row.organization.label},
            why=f"{' '.join(row.text.split())[:90]} · {light.why}", url=reverse("commitment_detail", args=[row.uid]),
            step=_("Follow up"), at=timezone.make_aware(datetime.combine(row.due_on, time(23, 59))), is_due=True,
            kind=light.colour if light.colour in {"ok", "warn", "bad"} else "blue", rank=25,
        )  # fmt: skip
    if len(found) > SHOWN:
        rest = found[0].all_of_them - SHOWN
        title = ngettext("%(n)s more promise is due", "%(n)s more promises are due", rest) % {"n": formats.number(rest)}
        url = f"{reverse('commitment_list')}?owner=me"
        yield today.Need("heart-handshake", title, _("You follow them."), url, _("See them"), rank=26)


def _updates(user: User) -> Iterable[today.Need]:
    rows = _sent(user).select_related("commitment__organization").order_by("received_at", "pk")
    found = list(rows.annotate(all_of_them=Window(Count("pk")))[: SHOWN + 1])
    for row in found[:SHOWN]:
        name = row.commitment.organization.label
        yield today.Need(
            icon="mail-forward", title=_("%(name)s says how its promise stands") % {"name": name},
            why=f"{row.get_progress_display()}: {' '.join(row.text.split())[:90]}", url=reverse("update_list"),
            step=_("Decide"), at=row.received_at, rank=28,
        )  # fmt: skip
    if len(found) > SHOWN:
        rest = found[0].all_of_them - SHOWN
        title = ngettext("%(n)s more update from institutions", "%(n)s more updates from institutions", rest) % {"n": formats.number(rest)}  # fmt: skip
        yield today.Need("mail-forward", title, _("Nobody decided about them yet."), reverse("update_list"), _("Decide"), rank=29)  # fmt: skip


def _to_verify(user: User) -> Iterable[today.Need]:
    number = _unverified(user).count()
    if number:
        title = ngettext("%(n)s commitment waits to be verified", "%(n)s commitments wait to be verified", number) % {"n": formats.number(number)}  # fmt: skip
        url = f"{reverse('commitment_list')}?verified=no"
        yield today.Need("rosette-discount-check", title, _("A colleague settled it; you look at the evidence."), url, _("Look"), rank=60)  # fmt: skip
