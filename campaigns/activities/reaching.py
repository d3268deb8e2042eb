"""How views come by their rows: 404 for what one may not see, 403 for what one may see and not change."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from campaigns.activities.models import Activity
from campaigns.planning.models import Drive
from campaigns.planning.tabs import tabs_of
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action
from crm.errors import NotAllowed


def find_drive(request: StaffRequest, uid: UUID) -> Drive:
    return get_object_or_404(Drive.objects.visible_to(request.user).select_related("campaign", "owner"), uid=uid)


def find_row(request: StaffRequest, model: Any, uid: UUID) -> Any:
    rows = model.objects.visible_to(request.user).select_related("drive__campaign")
    return get_object_or_404(rows, uid=uid)


def find_activity(request: StaffRequest, uid: UUID) -> Activity:
    rows = Activity.objects.visible_to(request.user)
    return get_object_or_404(
        rows.select_related("drive__campaign", "owner", "country", "mailing", "call_round", "event"), uid=uid
    )


def may_plan(request: StaffRequest, drive: Drive) -> bool:
    return Drive.objects.visible_to(request.user, Action.DRIVES).filter(pk=drive.pk).exists()


def may_change(request: StaffRequest, row: Any) -> bool:
    found: bool = type(row).objects.visible_to(request.user, Action.DRIVES).filter(pk=row.pk).exists()
    return found


def require_change(request: StaffRequest, row: Any) -> None:
    if not may_change(request, row):
        raise NotAllowed(_("You may see this, but your role does not let you change it."))


def page(drive: Drive, current: str, **more: Any) -> dict[str, Any]:
    """What every page of a drive's plan needs."""
    return {"drive": drive, "tabs": tabs_of(drive, current), **more}
