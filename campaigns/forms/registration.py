"""What forms add to the shell, to undo, activity and the API."""

from __future__ import annotations

from django.utils.translation import gettext_lazy

from campaigns.forms import lists, services  # noqa: F401  lists register themselves
from campaigns.forms.models import Form
from crm.accounts.rules import Action
from crm.audit import readable, subjects
from crm.audit.services import undoable
from crm.ui import menu, shell

menu.register(menu.MenuItem(gettext_lazy("Forms"), "forms", "form_list", order=42, group=2, prefix="/forms/"))
shell.register_new(shell.NewItem(gettext_lazy("Form"), "forms", "form_create", (Action.DRIVES,), 62))
undoable("form", services.restore_form)
subjects.register(subjects.Kind("form", gettext_lazy("Form"), "forms", Form.objects.visible_to, "form_detail"))
readable.choices_of("form.purpose", Form.Purpose.choices)
