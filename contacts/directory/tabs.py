"""The directory's second row of navigation: what exists and what the user may open."""

from __future__ import annotations

from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import User
from crm.accounts.rules import Action

TABS = (
    (_("People"), "person_list", "users", (Action.SEE,)),
    (_("Organizations"), "organization_list", "building", (Action.SEE,)),
    (_("Countries"), "country_list", "world", (Action.SEE,)),
    (_("Lists"), "list_list", "list-check", (Action.SEGMENTS, Action.SEGMENTS_OWN, Action.SEE)),
    (_("Imports"), "import_list", "file-import", (Action.BULK,)),
)


def directory_tabs(user: User, current: str) -> list[dict[str, Any]]:
    """Items for <c-tabs>. current: the URL name of the page."""
    items = []
    for label, url_name, icon, actions in TABS:
        try:
            url = reverse(url_name)
        except NoReverseMatch:  # a feature that is not installed has no tab
            continue
        if any(user.may(action) for action in actions):
            items.append({"label": label, "url": url, "icon": icon, "current": url_name == current})
    return items
