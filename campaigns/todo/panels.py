"""Open tasks on the page of a person or an institution."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns.todo.lists import due_words
from campaigns.todo.models import Task
from contacts.directory.models import Person
from contacts.directory.panels import Card, Subject
from crm.accounts.models import User
from crm.accounts.rules import Action

SHOWN = 6


def tasks_card(subject: Subject, user: User) -> Card | None:
    kind = "person" if isinstance(subject, Person) else "organization"
    rows = Task.objects.open().visible_to(user).filter(**{kind: subject}).select_related("assignee")
    tasks = list(rows.order_by("due_on", "pk")[:SHOWN])
    may_give = user.may(Action.LOG)
    if not tasks and not may_give:
        return None
    for task in tasks:
        vars(task)["due_words"] = due_words(task)
    return Card(
        title=_("Next steps"),
        template="campaigns/todo/_card.html",
        anchor="tasks",
        context={"tasks": tasks, "may_change": may_give},
        url=f"{reverse('task_create')}?{kind}={subject.uid}" if may_give else "",
        link=_("Add"),
        modal=True,
        order=12,
    )
