"""Lead times as people write them, one a line ("30: Brief for the committee"), and the tasks that they become."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.interactions.words import one_line
from campaigns.todo.services import add_task, drop_task, edit_task
from campaigns.windows.models import FARTHEST_LEAD, PolicyWindow, WindowLead
from crm.accounts.models import User
from crm.errors import Invalid
from crm.ui import formats

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

SOURCE = "window"
MOST = 10
Lead = tuple[int, str]
_LINE = re.compile(r"^\s*(\d{1,4})\s*(?:[:,;–-]|\bd\b|\bdays?\b:?)?\s*(.*)$", re.IGNORECASE)


def read_leads(text: str) -> list[Lead]:
    """The latest first. Raises Invalid, which names the line."""
    found: dict[Lead, None] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        match = _LINE.match(line)
        title = one_line(match[2], most=200) if match else ""
        if match is None or not title:
            raise _refused(
                number, _("write days, a colon, and what is to be done, such as “30: Brief for the committee”")
            )
        if int(match[1]) > FARTHEST_LEAD:
            raise _refused(number, _("at most %(n)s days before") % {"n": formats.number(FARTHEST_LEAD)})
        found[int(match[1]), title] = None
    if len(found) > MOST:
        raise Invalid(_("At most %(n)s lead times. Nothing was saved.") % {"n": MOST}, field="leads")
    return sorted(found, key=lambda lead: (-lead[0], lead[1]))


def _refused(number: int, why: StrOrPromise) -> Invalid:
    words = _("Line %(n)s of the lead times: %(why)s. Nothing was saved.") % {"n": number, "why": why}
    return Invalid(words, field="leads")


def written(leads: Iterable[WindowLead]) -> str:
    return "\n".join(str(lead) for lead in leads)


def put_leads(window: PolicyWindow, leads: Iterable[Lead], actor: User) -> None:
    """Those lead times and no others; the task of one that went is dropped."""
    wanted = set(leads)
    known = {(lead.days, lead.title): lead for lead in window.leads.select_related("task")}
    for lead in set(known) - wanted:
        _drop(known[lead], actor)
        known[lead].delete()
    WindowLead.objects.bulk_create(
        WindowLead(window=window, days=days, title=title) for days, title in sorted(wanted - set(known))
    )


def _drop(lead: WindowLead, actor: User) -> None:
    if lead.task is not None and lead.task.is_open:
        drop_task(task=lead.task, actor=actor)


def title_of(lead: WindowLead, window: PolicyWindow) -> str:
    return (_("%(what)s · before: %(window)s") % {"what": lead.title, "window": window.name})[:300]


def follow(window: PolicyWindow, actor: User) -> int:
    """Tasks as the window stands now: one for each lead time while it lies ahead, none once it is taken out.

    A task that is done, or was dropped by hand, stays so. Returns how many were given.
    """
    today, given = timezone.localdate(), 0
    is_ahead = window.archived_at is None and window.starts_on >= today
    for lead in window.leads.select_related("task__assignee"):
        if not is_ahead:
            _drop(lead, actor)
            if window.archived_at is not None and lead.task is not None:  # back again, it is given anew
                lead.task = None
                lead.save(update_fields=["task"])
            continue
        day = max(window.starts_on - dt.timedelta(days=lead.days), today)
        if lead.task is None:
            lead.task = add_task(
                actor=actor, title=title_of(lead, window), due_on=day, assignee=window.owner or actor, source=SOURCE,
                source_uid=window.uid,
            )  # fmt: skip
            lead.save(update_fields=["task"])
            given += 1
        elif lead.task.is_open:
            edit_task(task=lead.task, actor=actor, due_on=day, title=title_of(lead, window))
    return given
