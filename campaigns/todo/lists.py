"""The list of tasks: one's own, everybody's, what is done; and a file of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.todo.forms import officers
from campaigns.todo.models import Task
from campaigns.todo.queries import covered_by
from contacts.directory.lists import uids_of
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action
from crm.ui.filters import Facet, FilterBar, Search
from crm.ui.searchtext import normalise
from crm.ui.sources import Source, register
from crm.ui.tables import Column, Table

SOURCE = "tasks"
TABS = ("mine", "all", "done")
MOST_WORDS = 6


def _with_words(rows: Any, text: str) -> Any:
    for word in text.split()[:MOST_WORDS]:
        rule = Q(title__icontains=word) | Q(note__icontains=word)
        if name := normalise(word):
            rule |= Q(person__search_text__contains=name) | Q(organization__search_text__contains=name)
        rows = rows.filter(rule)
    return rows


def _assignees(request: HttpRequest) -> Iterable[tuple[str, Any]]:
    return [(str(row.uid), row.name) for row in officers()[:300]]


def _due(rows: Any, values: list[str]) -> Any:
    today = timezone.localdate()
    rules = {"overdue": Q(due_on__lt=today), "today": Q(due_on=today), "later": Q(due_on__gt=today)}
    rule = Q(pk__in=[])
    for value in values:
        rule |= rules.get(value, Q(pk__in=[]))
    return rows.filter(rule)


class TaskFilters(FilterBar):
    search = Search(_("Find a task"), apply=_with_words)
    facets = [
        Facet("due", _("Due"), choices=[("overdue", _("overdue")), ("today", _("today")), ("later", _("later"))], icon="calendar", apply=_due),
        Facet("who", _("Who"), choices=_assignees, icon="user", is_long=True,
              apply=lambda rows, values: rows.filter(assignee__uid__in=uids_of(values))),
    ]  # fmt: skip


def due_words(task: Task) -> str:
    """ "3 days overdue", "today", else nothing: the day says it."""
    days = (timezone.localdate() - task.due_on).days
    if not task.is_open or days < 0:
        return ""
    if not days:
        return _t("today")
    return _t("one day overdue") if days == 1 else _t("%(n)s days overdue") % {"n": days}


class TaskTable(Table):
    columns: ClassVar = [
        Column("title", _("Task")),
        Column("about", _("About"), value=lambda row: " · ".join(r.label for r in (row.person, row.organization) if r)),
        Column("due", _("By"), sort=["due_on"], value="due_on"),
        Column("assignee", _("Who"), value="assignee.name"),
        Column("repeat", _("Again"), value=lambda row: str(row.get_repeat_display())),
        Column("done_at", _("Done")),
        Column("done_by", _("By whom"), value="done_by.name"),
        Column("note", _("Note")),
    ]
    default_sort = "due"
    shown: ClassVar = 4
    row_template = "campaigns/todo/_task_row.html"
    file_name = "tasks"

    def prepare(self, rows: list[Any]) -> None:
        for row in rows:
            row.due_words = due_words(row)


def tasks_table(request: StaffRequest) -> TaskTable:
    """`?tab=all`: everybody's open ones; `?tab=done`: what is over; else one's own, and of those for whom one stands in."""
    action = Action.EXPORT if request.GET.get("export") else Action.SEE
    rows = Task.objects.visible_to(request.user, action).select_related("assignee", "organization", "person", "done_by")
    tab = request.GET.get("tab", "")
    if tab == "done":
        rows = rows.filter(done_at__isnull=False)
    else:
        rows = rows.open()
        rows = rows if tab == "all" else rows.of(covered_by(request.user, timezone.localdate()))
    filters = TaskFilters(request, rows)
    return TaskTable(request, filters.queryset, filters=filters, may_export=request.user.may(Action.EXPORT))


register(Source(SOURCE, _("Tasks"), lambda given: reverse("task_list"), tasks_table, has_views=True))
