"""Who looks after an institution and what holds us back, on its page."""

from __future__ import annotations

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
    guard = ContactGuard.objects.filter(organization=subject).select_related("owner").first()
    today = timezone.localdate()
    quiet = list(
        QuietDates.objects.filter(organization=subject, removed_at=None, ends_on__gte=today).order_by("starts_on")
    )
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
