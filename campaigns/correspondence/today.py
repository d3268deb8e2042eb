"""Letters that wait for an answer: on Today and in the queue of who sees to them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any

from django.db.models import Count, Q, Window
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.correspondence.models import Letter
from campaigns.queue.registry import Asked, Reason
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.ui import formats, today
from crm.ui.counting import Countable

SHOWN, AHEAD = 3, timedelta(days=3)


def _mine(user: User) -> Any:
    return Letter.objects.visible_to(user).of([user.pk]).due(timezone.localdate() + AHEAD)


def waiting(user: User) -> Iterable[Countable]:
    return [_mine(user).values("pk")[: SHOWN + 1]] if user.may(Action.LOG) else []


def needs(user: User) -> Iterable[today.Need]:
    if not user.may(Action.LOG):
        return
    shown = _mine(user).select_related("organization").annotate(all_of_them=Window(Count("pk")))
    rows = list(shown.order_by("answer_due_on", "pk")[: SHOWN + 1])
    for row in rows[:SHOWN]:
        yield today.Need(
            icon="mail-opened", title=_title(row), why=f"{row.reference} · {row.subject[:90]}", url=reverse("letter_detail", args=[row.uid]),
            step=_("Answer") if row.is_in else _("Remind them"),
            at=timezone.make_aware(datetime.combine(row.answer_due_on, time(23, 59))), is_due=True,
            kind="bad" if row.answer_due_on < timezone.localdate() else "warn", rank=24,
        )  # fmt: skip
    if len(rows) > SHOWN:
        rest = rows[0].all_of_them - SHOWN
        title = ngettext("%(n)s more letter waits", "%(n)s more letters wait", rest) % {"n": formats.number(rest)}
        yield today.Need(
            "mail-opened",
            title,
            _("An answer is due."),
            f"{reverse('letter_list')}?answer=overdue",
            _("See them"),
            rank=25,
        )


def _title(row: Letter) -> str:
    said = _("Letter of %(name)s waits for an answer") if row.is_in else _("%(name)s has not answered our letter")
    return said % {"name": row.organization.label}


def letters_due(asked: Asked) -> Iterable[Reason]:
    """Due within three days or overdue: ours to answer, or theirs to be asked for. What nobody sees to is the institution's owner's."""
    mine = Q(responsible__in=asked.whose) | Q(
        responsible__isnull=True, organization__contact_guard__owner__in=asked.whose
    )
    rows = Letter.objects.visible_to(asked.user).due(asked.today + AHEAD).filter(mine)
    for row in rows.select_related("responsible").order_by("answer_due_on", "pk")[: asked.limit]:
        due = row.answer_due_on or asked.today
        is_late = due < asked.today
        said = _("Their letter %(reference)s waits for our answer, due %(day)s: %(subject)s") if row.is_in else _(
            "Our letter %(reference)s has no answer yet, due %(day)s: %(subject)s"
        )  # fmt: skip
        yield Reason(
            kind="letter", words=said % {"reference": row.reference, "day": formats.day(due), "subject": row.subject[:120]},
            rank=21 if is_late else 26, icon="mail-opened", colour="bad" if is_late else "warn",
            organization_id=row.organization_id, person_id=row.person_id, on=row.answer_due_on,
            next=_("Answer the letter") if row.is_in else _("Ask for the answer"), url=reverse("letter_detail", args=[row.uid]),
            for_whom=row.responsible.name if row.responsible and row.responsible_id != asked.user.pk else "",
        )  # fmt: skip
