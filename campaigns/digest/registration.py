"""What the weekly mail adds: undo and history of the choice."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from campaigns.digest.mailing import restore_choice
from campaigns.digest.models import DigestChoice
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api.registry import serve
from crm.audit import readable, subjects
from crm.audit.verbs import undoable
from crm.ui import settings_pages
from crm.ui.shell import AccountItem, register_account

undoable("digestchoice", restore_choice)
serve("campaigns.digest.api")


def _own(user: User) -> QuerySet[Any, Any]:
    return DigestChoice.objects.filter(user=user)


subjects.register(
    subjects.Kind("digestchoice", _("Weekly mail"), "mail", _own, words="user__name", is_scoped=False, can_search=False)
)
readable.FIELDS["is_off"] = _("Turned off")
register_account(AccountItem(_("Your week"), "mail", "digest", order=35))
settings_pages.register(
    settings_pages.SettingsPage(
        label=_("Your week"),
        description=_("The weekly mail: what moved, what cools, what is due, what is blind. On or off."),
        icon="mail",
        url_name="digest",
        order=15,
        actions=(Action.SEE,),
    )
)
