"""What stands in a feed: read by the same querysets as the screens, with the scope that its owner has at this moment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.activities.models import Activity, Objective
from campaigns.calendars.models import CalendarFeed
from campaigns.calendars.writing import Item
from campaigns.commitments.models import Commitment
from campaigns.correspondence.models import Letter
from campaigns.interactions.presenting import present
from campaigns.outreach.models import Interaction
from campaigns.planning.models import Drive
from campaigns.todo.models import Task
from crm.accounts.models import User

PAST, MEETING_TAKES = timedelta(days=90), timedelta(hours=1)
MOST = 1_000  # of a kind: a calendar with more is none


def items_of(feed: CalendarFeed) -> Iterator[Item]:
    """One query or two a kind, however many entries."""
    since = timezone.localdate() - PAST
    if feed.drive is not None:
        yield from _activities(_of_drive(feed.user, feed.drive, since))
        yield from _objectives(feed.user, feed.drive, since)
        yield from _promises(Commitment.objects.visible_to(feed.user).filter(drive=feed.drive), since)
        return
    yield from _tasks(feed.user, since)
    yield from _meetings(feed.user, since)
    yield from _activities(Activity.objects.visible_to(feed.user).filter(owner=feed.user, due_on__gte=since))
    yield from _promises(Commitment.objects.visible_to(feed.user).filter(owner=feed.user), since)
    yield from _letters(feed.user, since)


def name_of(feed: CalendarFeed) -> str:
    return feed.drive.label if feed.drive else _("My Groundswell")


def _page(name: str, row: Any) -> str:
    return settings.BASE_URL + reverse(name, args=[row.uid])


def _tasks(user: User, since: date) -> Iterator[Item]:
    """Open ones on their day; what is done stays on the day on which it was due."""
    rows = Task.objects.visible_to(user).filter(assignee=user, dropped_at=None, due_on__gte=since)
    for row in rows.select_related("organization", "person").order_by("due_on", "pk")[:MOST]:
        about = " · ".join(each.label for each in (row.person, row.organization) if each)
        title = f"{row.title} ({about})" if about else row.title
        yield Item(
            row.uid, "task", f"✓ {title}" if row.done_at else title, row.updated_at, row.due_on, text=row.note,
            url=_page("task_edit", row),
        )  # fmt: skip


def _meetings(user: User, since: date) -> Iterator[Item]:
    """Meetings that the user logged, at their moment."""
    rows = Interaction.objects.logged().visible_to(user).filter(kind="meeting", logged_by=user, at__date__gte=since)
    found = list(rows.order_by("at", "pk")[:MOST])
    for row, shown in zip(found, present(found, user), strict=True):
        yield Item(
            row.uid, "meeting", shown.title, row.logged_at or row.at, row.at, row.at + MEETING_TAKES, text=row.text[:2_000],
            url=_page("interaction_detail", row), is_busy=True,
        )  # fmt: skip


def _of_drive(user: User, drive: Drive, since: date) -> Any:
    return Activity.objects.visible_to(user).filter(drive=drive, due_on__gte=since)


def _activities(rows: Any) -> Iterator[Item]:
    live = rows.filter(archived_at=None).exclude(state="dropped").select_related("drive", "owner", "country")
    for row in live.order_by("starts_on", "pk")[:MOST]:
        who = row.owner.name if row.owner else _("nobody yet")
        text = " · ".join([str(row.get_kind_display()), str(row.get_state_display()), who, row.drive.label])
        yield Item(
            row.uid, "activity", f"✓ {row.label}" if row.state == "done" else row.label, row.updated_at, row.starts_on, row.due_on,
            text=f"{text}\n{row.note}".strip(), url=_page("drive_activity", row), place=row.country.label if row.country else "",
        )  # fmt: skip


def _objectives(user: User, drive: Drive, since: date) -> Iterator[Item]:
    rows = Objective.objects.visible_to(user).filter(drive=drive, archived_at=None, due_on__gte=since)
    for row in rows.order_by("due_on", "pk")[:MOST]:
        url = settings.BASE_URL + reverse("drive_plan", args=[drive.uid])
        yield Item(
            row.uid, "objective", _("Objective due: %(name)s") % {"name": row.name}, row.updated_at, row.due_on, url=url
        )


def _promises(rows: Any, since: date) -> Iterator[Item]:
    """Open promises on the day that they are due."""
    for row in rows.open().filter(due_on__gte=since).select_related("organization").order_by("due_on", "pk")[:MOST]:
        title = _("Promise due: %(name)s") % {"name": row.organization.label}
        yield Item(
            row.uid, "promise", title, row.updated_at, row.due_on, text=row.text, url=_page("commitment_detail", row)
        )


def _letters(user: User, since: date) -> Iterator[Item]:
    rows = Letter.objects.visible_to(user).open().of([user.pk]).filter(answer_due_on__gte=since)
    for row in rows.select_related("organization").order_by("answer_due_on", "pk")[:MOST]:
        title = _("Answer due: %(reference)s, %(name)s") % {"reference": row.reference, "name": row.organization.label}
        due: date = row.answer_due_on  # type: ignore[assignment]  # open ones have one
        yield Item(row.uid, "letter", title, row.updated_at, due, text=row.subject, url=_page("letter_detail", row))
