"""Settings: when mailings pause by themselves, and which did."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns.mailings.models import Mailing
from campaigns.safety import services
from campaigns.safety.forms import SafetyForm
from campaigns.safety.models import PauseNotice, SafetyLimits
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.ui.responses import done, form_page
from crm.ui.toasts import toast

SHOWN = 30


@requires(Action.ADMINISTER)
def safety_limits(request: StaffRequest) -> HttpResponse:
    """Two shares and two least numbers; below them, the last mailings that paused by themselves and who was told."""
    form = SafetyForm(request.POST or None, instance=SafetyLimits.current())
    if form.is_valid():
        services.set_limits(actor=request.user, **form.cleaned_data)
        toast(request, _("Saved. It holds for what is being sent now, too."))
        return done(request, reverse("safety_limits"))
    notices = list(PauseNotice.objects.select_related("sent_to").order_by("-at", "-pk")[:SHOWN])
    mailings = Mailing.objects.visible_to(request.user).in_bulk([notice.mailing_id for notice in notices])
    context = {
        "notices": [(notice, mailings.get(notice.mailing_id)) for notice in notices],
        "crumbs": [(_("Settings"), reverse("settings"))],
    }
    return form_page(request, "campaigns/safety/limits.html", context, form=form)
