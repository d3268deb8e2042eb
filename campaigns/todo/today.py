"""Tasks on Today: those of the day and overdue ones, as things that need one now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.db.models import Count, Window
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.todo.lists import due_words
from campaigns.todo.models import Task
from campaigns.todo.queries import TaskQuerySet
from crm.accounts.models import User
from crm.ui import formats, today
from crm.ui.counting import Countable

SHOWN_SINGLY = 4


def _due(user: User) -> TaskQuerySet:
    return Task.objects.at_hand(user, timezone.localdate())


def waiting(user: User) -> Iterable[Countable]:
    """What tasks_due makes needs of: the first by name, and one for all the others."""
    return [_due(user)[: SHOWN_SINGLY + 1]]


def tasks_due(user: User) -> Iterable[today.Need]:
    rows = _due(user)
    shown = rows.select_related("assignee", "organization", "person").annotate(all_of_them=Window(Count("pk")))
    found: list[Any] = list(shown.order_by("due_on", "pk")[: SHOWN_SINGLY + 1])
    for task in found[:SHOWN_SINGLY]:
        about = [row.label for row in (task.person, task.organization) if row]
        if task.assignee_id != user.pk:
            about.insert(0, _("for %(name)s, who is away") % {"name": task.assignee.name})
        is_late = task.due_on < timezone.localdate()
        yield today.Need(
            icon="checkbox",
            title=task.title,
            why=" · ".join([due_words(task).capitalize(), *about]),
            url=_where(task),
            step=_("Do it"),
            at=timezone.make_aware(dt.datetime.combine(task.due_on, dt.time(12))) if is_late else None,
            kind="warn" if is_late else "blue",
            rank=28,
        )
    if len(found) > SHOWN_SINGLY:
        rest = found[0].all_of_them - SHOWN_SINGLY
        yield today.Need(
            icon="list-check",
            title=ngettext("%(n)s more task", "%(n)s more tasks", rest) % {"n": formats.number(rest)},
            why=_("Due today or overdue."),
            url=reverse("task_list"),
            step=_("Look"),
            rank=29,
        )


def _where(task: Task) -> str:
    if task.organization:
        return reverse("organization_detail", args=[task.organization.uid])
    if task.person:
        return reverse("person_detail", args=[task.person.uid])
    return reverse("task_list")
