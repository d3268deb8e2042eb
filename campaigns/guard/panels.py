"""Who looks after an institution and what holds us back, on its page."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.db.models.functions import JSONObject
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.guard.models import ContactGuard, QuietDates
from campaigns.guard.queries import touches_of
from contacts.directory.models import Organization
from contacts.directory.panels import Card, Subject
from crm.accounts.models import User
from crm.accounts.rules import Action


def guard_card(subject: Subject, user: User) -> Card | None:
    if not isinstance(subject, Organization):
        return None
    today = timezone.localdate()
    guard, quiet = _read(subject, today)
    may_edit = user.may(Action.EDIT_DIRECTORY)
    touches = touches_of([guard], now=timezone.now()).get(subject.pk, 0) if guard and guard.most_touches else None
    context = {
        "guard": guard,
        "quiet": quiet,
        "today": today,
        "touches": touches,
        "may_edit": may_edit,
        "uid": subject.uid,
    }
    url = reverse("guard_edit", args=[subject.uid]) if may_edit else ""
    return Card(
        _("Who looks after it"),
        "campaigns/guard/_card.html",
        "guard",
        context,
        url=url,
        link=_("Change"),
        modal=True,
        order=11,
    )


def _read(organization: Organization, today: date) -> tuple[ContactGuard | None, list[QuietDates]]:
    """The guard and the quiet days that are not over, in one statement: the page has many cards."""
    ahead = QuietDates.objects.filter(organization=OuterRef("pk"), removed_at=None, ends_on__gte=today)
    names = ("uid", "starts_on", "ends_on", "why")
    days = ahead.order_by("starts_on").values(found=JSONObject(**{name: name for name in names}))
    row = Organization.objects.filter(pk=organization.pk).select_related("contact_guard__owner")
    found = row.annotate(quiet=ArraySubquery(days)).get()
    quiet = [
        QuietDates(
            uid=UUID(one["uid"]),
            organization=organization,
            starts_on=date.fromisoformat(one["starts_on"]),
            ends_on=date.fromisoformat(one["ends_on"]),
            why=one["why"],
        )
        for one in vars(found)["quiet"]
    ]
    return getattr(found, "contact_guard", None), quiet
