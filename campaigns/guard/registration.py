"""What the contact guard adds: a card, undo, the trail, segment fields, the API."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from campaigns.guard import erasing, segment_fields
from campaigns.guard.models import ContactGuard, GuardOverride, QuietDates
from campaigns.guard.panels import guard_card
from campaigns.guard.services import restore_guard, restore_override, restore_owners, restore_quiet_dates
from contacts.directory import panels
from contacts.directory.bulk_jobs import Other, register_other
from contacts.directory.models import Organization
from crm.accounts.models import User
from crm.api.registry import serve
from crm.audit import subjects
from crm.audit.verbs import undoable, undoable_many

panels.register_card(guard_card)
undoable("contactguard", restore_guard)
undoable_many("contactguard", restore_owners)
undoable("quietdates", restore_quiet_dates)
undoable("guardoverride", restore_override)
segment_fields.register_fields()
register_other(Other("organization", _("Who looks after them"), "user-check", "owner_bulk"))
erasing.register()


def _quiet_dates(user: User) -> QuerySet[Any, Any]:
    return QuietDates.objects.filter(organization__in=Organization.objects.visible_to(user))


def _overrides(user: User) -> QuerySet[Any, Any]:
    return GuardOverride.objects.filter(organization__in=Organization.objects.visible_to(user))


for name, label, icon, rows in (
    ("contactguard", _("Contact guard"), "shield-check", ContactGuard.objects.visible_to),
    ("quietdates", _("Quiet dates"), "volume-off", _quiet_dates),
    ("guardoverride", _("Contact guard gone over"), "shield-exclamation", _overrides),
):
    subjects.register(subjects.Kind(name, label, icon, rows, words="organization__name", can_search=False))
serve("campaigns.guard.api")
