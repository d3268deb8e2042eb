"""The button on a person's page."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.directory import panels
from contacts.directory.models import Person
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api.registry import serve
from crm.audit.verbs import final


def write_button(subject: panels.Subject, user: User) -> panels.Action | None:
    if not isinstance(subject, Person) or not user.may(Action.LOG) or subject.erased_at or subject.archived_at:
        return None
    return panels.Action(
        _("E-mail"), "mail-forward", reverse("person_write", args=[subject.uid]), modal=True, key="m", order=20
    )


panels.register_action(write_button)
serve("campaigns.personal.api")
final("person.written_to", gettext_lazy("Mail that has left cannot be called back."))
