"""What activities put on Today: one's own that are due or late, and those that begin or are due soon."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.db.models import Count, Q, Window
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.activities.models import Activity
from campaigns.activities.states import ICONS, Kind
from campaigns.planning.today import ITEMS_SHOWN, Coming
from crm.accounts.models import User
from crm.ui import formats, today
from crm.ui.counting import Countable

SHOWN_SINGLY = 3


def _due(user: User) -> Any:
    day = timezone.localdate()
    return Activity.objects.visible_to(user).live().open().filter(owner=user, due_on__lte=day)


def due_rows(user: User) -> Iterable[Countable]:
    """What `due` makes needs of: the first by name, and one for all the others."""
    return [_due(user)[: SHOWN_SINGLY + 1]]


def due(user: User) -> Iterable[today.Need]:
    day = timezone.localdate()
    shown = _due(user).select_related("drive", "country").annotate(all_of_them=Window(Count("pk")))
    rows = list(shown.order_by("due_on", "pk")[: SHOWN_SINGLY + 1])
    for row in rows[:SHOWN_SINGLY]:
        late = (day - row.due_on).days
        words = ngettext("%(n)s day late", "%(n)s days late", late) % {"n": formats.number(late)}
        yield today.Need(
            icon=ICONS[Kind(row.kind)],
            title=row.place_label,
            why=f"{words if late else _('Due today')} · {row.drive.label}",
            url=reverse("drive_activity", args=[row.uid]),
            step=_("Open"),
            kind="warn" if late else "blue",
            rank=35,
        )
    if len(rows) > SHOWN_SINGLY:
        rest = rows[0].all_of_them - SHOWN_SINGLY
        asked = urlencode({"owner": str(user.uid), "due": "late", "sort": "due_on"})
        yield today.Need(
            icon="calendar-due",
            title=ngettext("%(n)s more activity is due", "%(n)s more activities are due", rest)
            % {"n": formats.number(rest)},
            why=_("You own them."),
            url=f"{reverse('activity_list')}?{asked}",
            step=_("Look"),
            rank=36,
        )


def coming(user: User, first: dt.date, last: dt.date) -> Iterable[Coming]:
    """One's own open activities that begin or are due in these days: the first of them."""
    rows = Activity.objects.visible_to(user).live().open().filter(owner=user)
    soon = rows.filter(Q(starts_on__range=(first, last)) | Q(due_on__range=(first + dt.timedelta(1), last)))
    for row in soon.select_related("country").order_by("starts_on", "pk")[:ITEMS_SHOWN]:
        begins = row.starts_on >= first
        yield Coming(
            row.starts_on if begins else row.due_on,
            "",
            str(Kind(row.kind).label).capitalize() if begins else _("Due"),
            row.place_label,
            reverse("drive_activity", args=[row.uid]),
        )
