"""Sign-ups that wait for a colleague, for the menu and for Today."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Count, Min
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
    rows = SignUp.objects.visible_to(user, Action.DRIVES).waiting().order_by()
    of_events = rows.values("event__uid", "event__name").annotate(
        n=Count("pk"), who=Min("name"), first=Min("confirmed_at")
    )
    for found in of_events.order_by("first", "event__uid"):
        n = found["n"]
        yield today.Need(
            icon="calendar-event",
            title=ngettext("%(n)s would like to come to %(event)s", "%(n)s would like to come to %(event)s", n)
            % {"n": found["who"] if n == 1 else formats.number(n), "event": found["event__name"]},
            why=_("They signed up, confirmed their address, and wait for your answer."),
            url=f"{reverse('event_detail', args=[found['event__uid']])}?tab=asked",
            step=_("Decide"),
            at=found["first"],
            rank=37,
        )
