"""What delegations add to the platform: an event's tab, Today, undo, activity, timelines, segments, erasure and the API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns.delegations import (  # noqa: F401  lists and sections register themselves
    composing,
    deciding,
    holdings,
    lists,
    nominators,
    partner_views,
    segment_fields,
    steps,
    timeline,
)
from campaigns.delegations.models import Composition, Delegation, Nomination, Nominator, Role, Step
from campaigns.events import tabs
from campaigns.events.models import Event
from campaigns.events.seats import on_change, on_leave
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api.registry import serve
from crm.audit import readable, subjects
from crm.audit.services import undoable
from crm.audit.verbs import final
from crm.ui import formats, today
from crm.ui.counting import Countable


def _rows_of(event: Event, user: User) -> Countable:
    return Delegation.objects.visible_to(user).filter(event=event).taking_part()


def _waiting(user: User) -> Iterable[Countable]:
    return [Nomination.objects.visible_to(user, Action.DRIVES).proposed()] if user.may(Action.DRIVES) else []


def names_to_decide(user: User) -> Iterable[today.Need]:
    """One line for each event for which people were named."""
    if not user.may(Action.DRIVES):
        return
    rows = Nomination.objects.visible_to(user, Action.DRIVES).proposed().select_related("delegation__event")
    found: dict[int, list[Nomination]] = {}
    for row in rows.order_by("created_at", "pk")[:300]:
        found.setdefault(row.delegation.event_id, []).append(row)
    for waiting in found.values():
        event, n = waiting[0].delegation.event, len(waiting)
        yield today.Need(
            icon="users-group",
            title=ngettext("%(n)s delegate to look at for %(event)s", "%(n)s delegates to look at for %(event)s", n)
            % {"n": formats.number(n), "event": event.label},
            why=_("Their institutions named them, and wait for your answer."),
            url=f"{reverse('nomination_list', args=[event.uid])}?state=proposed",
            step=_("Look"),
            at=waiting[0].created_at,
            rank=34,
        )


tabs.register(tabs.EventTab(gettext_lazy("Delegations"), "delegation_list", _rows_of))
today.register_needs(names_to_decide, _waiting)
on_leave(deciding.seat_given_back)
on_change(steps.follow)
undoable("composition", composing.restore_composition)
undoable("delegation", composing.restore_delegation)
undoable("nominator", nominators.restore_nominator)
undoable("nomination", deciding.restore_nomination)
for _verb, _why in (
    ("composition.created", gettext_lazy("Leave delegations out on the page of the composition instead.")),
    ("nominator.asked", gettext_lazy("A letter has gone out. Revoke its link instead.")),
    ("nominator.reminded", gettext_lazy("A letter has gone out. Revoke its link instead.")),
    ("nominator.renewed", gettext_lazy("Links from before open nothing any more. Make a new one instead.")),
    ("nomination.proposed", gettext_lazy("Somebody was named; send them back or withdraw them instead.")),
    ("nomination.identified", gettext_lazy("They stand in the directory. Archive the person there.")),
    ("nomination.withdrawn", gettext_lazy("The seat may be somebody else's by now. Name them anew instead.")),
    ("step.told", gettext_lazy("The delegate said so themselves; that happened.")),
):
    final(_verb, _why)
for _kind, _label, _model, _page, _words in (
    ("composition", gettext_lazy("Composition of delegations"), Composition, "", ""),
    ("delegation", gettext_lazy("Delegation"), Delegation, "delegation_detail", ""),
    ("nominator", gettext_lazy("Who names delegates"), Nominator, "", ""),
    ("nomination", gettext_lazy("Named for a delegation"), Nomination, "nomination_detail", "name"),
    ("step", gettext_lazy("Step of a delegate"), Step, "", ""),
):
    _rows: Any = _model.objects
    subjects.register(
        subjects.Kind(_kind, _label, "users-group", _rows.visible_to, _page, words=_words, can_search=False)
    )
readable.refers("delegation", "delegation")
readable.choices_of("nomination.state", Nomination.State.choices)
readable.choices_of("nomination.role", Role.choices)
readable.choices_of("nomination.gender", Nomination.Gender.choices)
readable.FIELDS.update(
    {
        "seats": gettext_lazy("Seats"), "nominate_by": gettext_lazy("Names until"), "asks_passport": gettext_lazy("Asks for the name in the passport"),
        "countries": gettext_lazy("Countries"), "institutions": gettext_lazy("Institutions"), "steps": gettext_lazy("Steps"), "letter_texts": gettext_lazy("What letters also say"),
        "honorific": gettext_lazy("Form of address"), "function": gettext_lazy("Function"), "passport_name": gettext_lazy("Name as in the passport"),
        "replaces": gettext_lazy("Instead of"), "told_at": gettext_lazy("Says that it is done"), "edition": gettext_lazy("Link number"),
        "asked_at": gettext_lazy("Asked"), "reminded_at": gettext_lazy("Reminded"), "revoked_at": gettext_lazy("Link revoked"),
    }
)  # fmt: skip
readable.DONE.update(
    {
        "identified": gettext_lazy("Found in the directory"), "nomination.withdrawn": gettext_lazy("Withdrawn"), "returned": gettext_lazy("Sent back"),
        "reminded": gettext_lazy("Reminded"), "told": gettext_lazy("Said that it is done"),
    }
)  # fmt: skip
segment_fields.register_fields()
timeline.register_sources()
holdings.register()
serve("campaigns.delegations.api")
