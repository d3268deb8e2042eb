"""How activities are shown: with icon, colour, why they matter now; on the board, by state."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.activities.forms import moves_of
from campaigns.activities.models import Activity
from campaigns.activities.states import COLOURS, ICONS, OPEN, Kind, State, TeamRole
from crm.ui import formats

SHOWN_DONE = 12  # of what is done or dropped: the newest; the list has all
COLUMN_MOST = 200


def decorate(rows: Iterable[Activity], today: dt.date) -> list[Activity]:
    """Rows of `with_waits()` with what templates show of them."""
    found = list(rows)
    for row in found:
        state = State(row.state)
        vars(row).update(
            colour=COLOURS[state],
            icon=ICONS[Kind(row.kind)],
            is_open=state in OPEN,
            is_overdue=state in OPEN and row.due_on < today,
            who=row.owner.name if row.owner else TeamRole(row.role).label if row.role else "",
            days_words=days_words(row),
            notice=_notice(row, today),
            moves=moves_of(row),
        )
    return found


def days_words(row: Activity) -> str:
    if row.starts_on == row.due_on:
        return formats.day(row.due_on)
    return f"{formats.day(row.starts_on)} – {formats.day(row.due_on)}"


def _notice(row: Any, today: dt.date) -> str:
    """Why somebody should look at it now; empty if nobody needs to."""
    if row.state not in OPEN:
        return ""
    if (late := (today - row.due_on).days) > 0:
        return ngettext("%(n)s day late", "%(n)s days late", late) % {"n": formats.number(late)}
    if row.is_early:
        return _("begins before what it depends on is due")
    if row.is_held and row.state != State.PLANNED:
        return _("what it depends on is not finished")
    return ""


def columns_of(rows: Any, today: dt.date) -> list[dict[str, Any]]:
    """The board: each state with its cards, the soonest due first; of what is over, the newest."""
    columns = []
    for state in State:
        of_state = rows.filter(state=state)
        is_open = state in OPEN
        ordered = of_state.order_by("due_on", "pk") if is_open else of_state.order_by("-due_on", "-pk")
        cards = decorate(ordered[: COLUMN_MOST if is_open else SHOWN_DONE], today)
        count = of_state.count() if len(cards) in {COLUMN_MOST, SHOWN_DONE} else len(cards)
        columns.append(
            {
                "state": state,
                "label": state.label,
                "colour": COLOURS[state],
                "cards": cards,
                "count": count,
                "more": count - len(cards),
            }
        )
    return columns
