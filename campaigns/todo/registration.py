"""What tasks add to Today, to pages of people and institutions, to undo and to the trail."""

from django.utils.translation import gettext_lazy as _

from campaigns.outreach import tabs
from campaigns.todo import erasing, lists  # noqa: F401  registers the list
from campaigns.todo.absences import restore_absence
from campaigns.todo.models import Absence, Task
from campaigns.todo.panels import tasks_card
from campaigns.todo.services import restore_task
from campaigns.todo.today import tasks_due, waiting
from contacts.directory import panels
from crm.accounts.rules import Action
from crm.api.registry import serve
from crm.audit import readable, subjects
from crm.audit.verbs import undoable
from crm.ui import shell, today

today.register_needs(tasks_due, waiting)
panels.register_card(tasks_card)
tabs.register(tabs.Tab(_("Tasks"), "task_list", "list-check", 20))
tabs.register(tabs.Tab(_("Away"), "absence_list", "beach", 80))
shell.register_new(shell.NewItem(_("Task"), "checkbox", "task_create", (Action.LOG,), 6, modal=True))

undoable("task", restore_task)
undoable("absence", restore_absence)
subjects.register(
    subjects.Kind("task", _("Task"), "checkbox", Task.objects.visible_to, words="title", can_search=False)
)
subjects.register(
    subjects.Kind("absence", _("Absence"), "beach", lambda user: Absence.objects.all(), words="note", can_search=False)
)
for name in ("assignee", "done_by", "user", "deputy"):
    readable.refers(name, "user")
readable.choices_of("task.repeat", Task.Repeat.choices)
erasing.register()
serve("campaigns.todo.api")
