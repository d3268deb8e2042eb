"""What institutions offer, for staff: the queue, and yes or no."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from campaigns.offers import services
from campaigns.offers.forms import DeclineForm
from campaigns.offers.models import CommitmentOffer
from campaigns.planning.models import Drive
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import Invalid, NotAllowed
from crm.ui.responses import done
from crm.ui.toasts import toast

SHOWN = 50


@requires(Action.SEE)
def offer_list(request: StaffRequest) -> HttpResponse:
    rows = CommitmentOffer.objects.visible_to(request.user).waiting()
    offers = list(rows.select_related("organization__country", "offered_by", "campaign")[:SHOWN])
    drives = list(
        Drive.objects.visible_to(request.user, Action.LOG)
        .filter(campaign__in={row.campaign_id for row in offers}, archived_at__isnull=True)
        .prefetch_related("countries")
        .order_by("-starts_on", "pk")
    )
    shown = [(row, _fitting(row, drives)) for row in offers]
    total = len(offers) if len(offers) < SHOWN else rows.count()
    context = {"rows": shown, "total": total, "is_cut": total > SHOWN, "may_log": request.user.may(Action.LOG)} | {
        "decline": DeclineForm()
    }
    return render(request, "campaigns/offers/offer_list.html", context)


def _fitting(offer: CommitmentOffer, drives: list[Drive]) -> list[Drive]:
    """Drives of its campaign, those in its country first."""
    country = offer.organization.country_id
    own = [drive for drive in drives if drive.campaign_id == offer.campaign_id]
    return sorted(own, key=lambda drive: country not in {row.pk for row in drive.countries.all()})


@requires(Action.LOG)
@require_POST
def offer_decide(request: StaffRequest, uid: UUID, do: str) -> HttpResponse:
    """accept (into `drive`) or decline."""
    offer = get_object_or_404(CommitmentOffer.objects.visible_to(request.user), uid=uid)
    if not CommitmentOffer.objects.visible_to(request.user, Action.LOG).filter(pk=offer.pk).exists():
        raise NotAllowed(_("You may see this, but your role does not let you change it here."))
    if do == "accept":
        commitment = services.accept_offer(offer=offer, drive=_drive(request), actor=request.user)
        toast(request, _("It is a commitment now. Its link stands on their own page."))
        return done(request, reverse("commitment_detail", args=[commitment.uid]))
    form = DeclineForm(request.POST)
    if not form.is_valid():
        raise Invalid(_("A reason has 1,000 letters at most. Shorten it: nothing was changed."), code="bad_value")
    entry = services.decline_offer(offer=offer, actor=request.user, reason=form.cleaned_data["reason"])
    toast(request, _("Declined. The letter leaves in five minutes."), undo=entry)
    return done(request, reverse("offer_list"))


def _drive(request: StaffRequest) -> Drive:
    try:
        uid = UUID(request.POST.get("drive", ""))
    except ValueError:
        raise Invalid(_("Choose the drive to which it belongs. Nothing was changed."), code="no_drive") from None
    return get_object_or_404(Drive.objects.visible_to(request.user, Action.LOG).filter(archived_at=None), uid=uid)
