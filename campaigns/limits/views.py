"""Settings: how fast mail goes to single recipient domains, and which are left alone now."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from campaigns.limits import services
from campaigns.limits.forms import LimitForm
from campaigns.limits.models import DomainRest, RecipientLimit
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import Invalid
from crm.ui.responses import done, form_page
from crm.ui.toasts import toast

SHOWN = 50


@requires(Action.ADMINISTER)
@require_safe
def recipient_limits(request: StaffRequest) -> HttpResponse:
    rests = DomainRest.objects.filter(until__gt=timezone.now()).order_by("until", "pk")[:SHOWN]
    context = {
        "limits": RecipientLimit.objects.all(),
        "rests": rests,
        "crumbs": [(_("Settings"), reverse("settings"))],
    }
    return render(request, "campaigns/limits/limits.html", context)


def _form(request: StaffRequest, limit: RecipientLimit) -> HttpResponse:
    form = LimitForm(request.POST or None, instance=limit)
    if form.is_valid():
        try:
            services.save_limit(limit=form.save(commit=False), actor=request.user)
        except Invalid as error:
            form.add_error("domain", error.message)
        else:
            toast(request, _("Saved. It holds within half a minute."))
            return done(request, reverse("recipient_limits"))
    crumbs = [(_("Settings"), reverse("settings")), (_("Recipient limits"), reverse("recipient_limits"))]
    return form_page(request, "campaigns/limits/form.html", {"limit": limit, "crumbs": crumbs}, form=form)


@requires(Action.ADMINISTER)
def recipient_limit_create(request: StaffRequest) -> HttpResponse:
    return _form(request, RecipientLimit())


@requires(Action.ADMINISTER)
def recipient_limit_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    return _form(request, get_object_or_404(RecipientLimit, uid=uid))


@requires(Action.ADMINISTER)
@require_POST
def recipient_limit_remove(request: StaffRequest, uid: UUID) -> HttpResponse:
    entry = services.remove_limit(limit=get_object_or_404(RecipientLimit, uid=uid), actor=request.user)
    toast(request, _("Removed. Mail to it goes as fast as to others."), undo=entry)
    return done(request, reverse("recipient_limits"))
