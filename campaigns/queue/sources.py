"""Why somebody is in the queue: tasks due, next steps overdue, replies waiting, institutions that one owns and that are silent."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.commitments.models import Commitment
from campaigns.guard.models import ContactGuard
from campaigns.outreach.models import Interaction
from campaigns.outreach.registration import first_words
from campaigns.queue.registry import Asked, Reason
from campaigns.todo.lists import due_words
from campaigns.todo.models import Task
from crm.ui import formats

COMMITMENT_AHEAD = timedelta(days=7)


def tasks(asked: Asked) -> Iterable[Reason]:
    """Due today or before; the next step of something that was said is told as that."""
    rows = Task.objects.due(asked.today).of(asked.whose).select_related("assignee", "interaction")
    for task in rows.order_by("due_on", "pk")[: asked.limit]:
        is_late = task.due_on < asked.today
        if task.interaction and is_late:
            said = _("Next step of the %(kind)s on %(day)s, %(due)s: %(title)s")
            kind = task.interaction.get_kind_display()
            words = said % {
                "kind": kind,
                "day": formats.day(task.interaction.at),
                "due": due_words(task),
                "title": task.title,
            }
        else:
            words = _("Task, %(due)s: %(title)s") % {"due": due_words(task), "title": task.title}
        yield Reason(
            kind="task",
            words=words,
            rank=20 if is_late else 25,
            icon="checkbox",
            colour="warn" if is_late else "blue",
            organization_id=task.organization_id,
            person_id=task.person_id,
            on=task.due_on,
            next=task.title,
            url=reverse("task_edit", args=[task.uid]),
            task=task.uid,
            for_whom="" if task.assignee_id == asked.user.pk else task.assignee.name,
        )


def replies(asked: Asked) -> Iterable[Reason]:
    """Waiting for an answer, from institutions that are one's own or nobody's; one whose owner is another is theirs to answer."""
    mine = Q(organization__contact_guard__owner__in=asked.whose) | Q(organization__contact_guard__owner__isnull=True)
    rows = Interaction.objects.to_answer().standing().visible_to(asked.user, few=True).filter(mine)
    for row in rows.order_by("-at")[: asked.limit // 2]:
        yield Reason(
            kind="reply",
            words=_("Waits for an answer since %(day)s: “%(words)s”")
            % {"day": formats.day(row.at), "words": first_words(row.text) or row.subject},
            rank=10,
            icon="message-circle",
            colour="ok",
            organization_id=row.organization_id,
            person_id=row.person_id,
            on=row.at.date(),
            next=_("Answer them"),
            url=f"{reverse('reply_list')}#reply-{row.uid}",
        )


def commitments(asked: Asked) -> Iterable[Reason]:
    """Promises that one follows, late or due within a week."""
    until = asked.today + COMMITMENT_AHEAD
    rows = Commitment.objects.visible_to(asked.user).open().filter(owner__in=asked.whose, due_on__lte=until)
    for row in rows.select_related("owner").order_by("due_on", "pk")[: asked.limit]:
        is_late = row.due_on < asked.today
        said = (
            _("Their commitment was due on %(day)s: %(text)s")
            if is_late
            else _("Their commitment is due on %(day)s: %(text)s")
        )
        yield Reason(
            kind="commitment",
            words=said % {"day": formats.day(row.due_on), "text": first_words(row.text)},
            rank=22 if is_late else 30,
            icon="heart-handshake",
            colour="bad" if is_late else "blue",
            organization_id=row.organization_id,
            on=row.due_on,
            next=_("Ask how it stands"),
            url=reverse("commitment_detail", args=[row.uid]),
            for_whom="" if row.owner is None or row.owner_id == asked.user.pk else row.owner.name,
        )


def silent(asked: Asked) -> Iterable[Reason]:
    """Institutions that one looks after, without a two-way contact for as long as their guard says."""
    rows = ContactGuard.objects.owned_by(asked.whose).silent().select_related("owner")
    for guard in rows[: asked.limit]:
        last = guard.last_two_way  # type: ignore[attr-defined]
        is_mine = guard.owner_id == asked.user.pk or guard.owner is None
        if last is None:
            words = _("You look after it, and it never talked with us") if is_mine else _("It never talked with us")
        else:
            weeks = (asked.now - last).days // 7
            said = (
                ngettext(
                    "You look after it: no two-way contact for %(n)s week",
                    "You look after it: no two-way contact for %(n)s weeks",
                    weeks,
                )
                if is_mine
                else ngettext("No two-way contact for %(n)s week", "No two-way contact for %(n)s weeks", weeks)
            )
            words = said % {"n": weeks}
        yield Reason(
            kind="silent",
            words=words,
            rank=40,
            icon="volume-off",
            colour="warn",
            organization_id=guard.organization_id,
            on=last.date() if last else None,
            next=_("Call them") if last else _("Introduce ourselves"),
            for_whom="" if is_mine or guard.owner is None else guard.owner.name,
        )
