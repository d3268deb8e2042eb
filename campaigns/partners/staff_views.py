"""What partners want changed of their institutions, for staff: the queue, and yes or no."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from campaigns.partners import services
from campaigns.partners.models import ChangeWish
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import Invalid, NotAllowed
from crm.ui.responses import done
from crm.ui.toasts import toast

SHOWN = 100


@requires(Action.SEE)
def wish_list(request: StaffRequest) -> HttpResponse:
    rows = ChangeWish.objects.visible_to(request.user).waiting().select_related("organization__country", "asked_by")
    shown = [
        (row, row.updated_at.isoformat(), [(field, getattr(row.organization, field), value) for field, value in row.values.items()]) for row in rows[:SHOWN]
    ]  # fmt: skip
    return render(
        request,
        "campaigns/partners/wish_list.html",
        {"rows": shown, "may_edit": request.user.may(Action.EDIT_DIRECTORY)},
    )


@requires(Action.EDIT_DIRECTORY)
@require_POST
def wish_decide(request: StaffRequest, uid: UUID, do: str) -> HttpResponse:
    """accept or decline."""
    wish = get_object_or_404(ChangeWish.objects.visible_to(request.user), uid=uid)
    if not ChangeWish.objects.visible_to(request.user, Action.EDIT_DIRECTORY).filter(pk=wish.pk).exists():
        raise NotAllowed(_("You may see this, but your role does not let you change it here."))
    seen_at = _time(request.POST.get("seen_at", ""))
    if seen_at is None:
        raise Invalid(_("Open the page again and read what they ask for. Nothing was changed."), code="not_read")
    if do == "accept":
        services.accept_wish(wish=wish, actor=request.user, seen_at=seen_at)
        toast(request, _("Taken over."))
    else:
        services.decline_wish(wish=wish, actor=request.user, seen_at=seen_at)
        toast(request, _("Left as it was."))
    return done(request, reverse("change_wishes"))


def _time(text: str) -> datetime | None:
    try:
        return parse_datetime(text)
    except ValueError:
        return None
