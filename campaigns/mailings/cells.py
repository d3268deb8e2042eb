"""What the list of mailings shows in its cells. `prepare` of the table has put `progress` and `colour` on the rows."""

from __future__ import annotations

from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from campaigns.mailings.states import State
from crm.ui import formats
from crm.ui.cells import badge, bar, dim, format_html, link, when, why
from crm.ui.links import url_of


def mailing(row: Any) -> SafeString:
    below = why(row.segment.name) if row.segment else ""
    return format_html("{}{}", link(url_of("mailing_detail", row.uid), row.name, "name"), below)


def state(row: Any) -> SafeString:
    """The state, and when it leaves or why it stands."""
    if row.state == State.SCHEDULED and row.send_at:
        below: str = why(when(row.send_at, "moment"))
    elif row.state_reason:
        below = format_html('<div class="gs-why gs-clamp-2">{}</div>', row.state_reason)
    else:
        below = ""
    return format_html("<div>{}{}</div>", badge(row.colour, str(State(row.state).label)), below)


def progress(row: Any) -> SafeString:
    """How much of a frozen audience is settled."""
    if not row.progress:
        return dim()
    total = formats.number(row.progress.total)
    shown = bar(
        formats.number(row.progress.sent),
        row.progress.settled,
        row.progress.total,
        kind=row.colour,
        shown=_("of %(n)s") % {"n": total},
    )
    return format_html('<div class="gs-sent">{}</div>', shown)


def since(row: Any) -> str:
    return when(row.created_at, "day")
