"""The button on an institution's page that leads to its brief."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _

from contacts.directory import panels
from contacts.directory.models import Organization
from crm.accounts.models import User
from crm.api.registry import serve


def brief_button(subject: panels.Subject, user: User) -> panels.Action | None:
    if not isinstance(subject, Organization):
        return None
    return panels.Action(_("Brief"), "file-text", reverse("meeting_brief", args=[subject.uid]), key="b", order=20)


panels.register_action(brief_button)
serve("campaigns.briefs.api")
