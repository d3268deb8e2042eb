"""What audit adds: activity in the menu and behind the initials, undo as a job, and verbs that cannot be undone."""

from django.utils.translation import gettext_lazy as _

from crm.accounts.rules import Action
from crm.audit import activity, jobs  # noqa: F401  registers
from crm.audit.verbs import final
from crm.ui import menu

final("list.exported", _("It changed nothing; the file was taken."))

menu.register(menu.MenuItem(_("Activity"), "history", "activity", order=80, group=3, actions=(Action.BULK,)))
