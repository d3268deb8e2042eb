"""Sign-ups that wait for a colleague, for the menu and for Today."""

from __future__ import annotations

from collections.abc import Iterable

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.events.models import SignUp
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.ui import formats, today
from crm.ui.counting import Countable


def waiting(user: User) -> Iterable[Countable]:
    return [SignUp.objects.visible_to(user, Action.DRIVES).waiting()] if user.may(Action.DRIVES) else []


def sign_ups_to_decide(user: User) -> Iterable[today.Need]:
    """One line for each event."""
    if not user.may(Action.DRIVES):
        return
    found: dict[int, list[SignUp]] = {}
    for row in SignUp.objects.visible_to(user, Action.DRIVES).waiting().select_related("event")[:200]:
        found.setdefault(row.event_id, []).append(row)
    for rows in found.values():
        n, event = len(rows), rows[0].event
        yield today.Need(
            icon="calendar-event",
            title=ngettext("%(n)s would like to come to %(event)s", "%(n)s would like to come to %(event)s", n)
            % {"n": rows[0].label if n == 1 else formats.number(n), "event": event.label},
            why=_("They signed up, confirmed their address, and wait for your answer."),
            url=f"{reverse('event_detail', args=[event.uid])}?tab=asked",
            step=_("Decide"),
            at=rows[0].confirmed_at,
            rank=37,
        )
