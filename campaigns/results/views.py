"""The results framework of a campaign: results, indicators, and one actual with what shows it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from campaigns.planning.forms import refused
from campaigns.planning.models import Campaign
from campaigns.results import services
from campaigns.results.forms import ActualForm, IndicatorForm, ResultForm, WithdrawForm
from campaigns.results.models import Actual, Indicator, Result
from campaigns.results.queries import framework
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import DomainError, Invalid, NotAllowed
from crm.ui.responses import done, form_page
from crm.ui.toasts import toast


def _campaign(request: StaffRequest, uid: UUID) -> Campaign:
    return get_object_or_404(Campaign.objects.visible_to(request.user).prefetch_related("pillars"), uid=uid)


def _find(request: StaffRequest, model: Any, uid: UUID, action: Action, *related: str) -> Any:
    """404 for what one may not see, 403 for what one may see only."""
    row = get_object_or_404(model.objects.visible_to(request.user).select_related(*related), uid=uid)
    if not model.objects.visible_to(request.user, action).filter(pk=row.pk).exists():
        raise NotAllowed(_("You may see this, but your role does not let you change it."))
    return row


def _back(campaign: Campaign) -> str:
    return reverse("campaign_results", args=[campaign.uid])


@requires(Action.SEE)
def campaign_results(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Pillars → results → indicators, each with baseline, target, what was reached, and whether somebody verified it."""
    campaign = _campaign(request, uid)
    results = framework(Result.objects.visible_to(request.user).filter(campaign=campaign))
    pillars = [{"pillar": pillar, "results": [r for r in results if r.pillar_id == pillar.pk]} for pillar in campaign.pillars.all()]  # fmt: skip
    without = [result for result in results if result.pillar_id is None]
    groups = [group for group in pillars if group["results"]] + ([{"pillar": None, "results": without}] if without else [])  # fmt: skip
    context = {
        "campaign": campaign,
        "groups": groups,
        "may_plan": request.user.may(Action.DRIVES),
        "may_log": request.user.may(Action.LOG),
        "me": request.user.pk,
    }
    return render(request, "campaigns/results/framework.html", context)


def _form(request: StaffRequest, form: Any, title: str, campaign: Campaign, sub: str = "") -> HttpResponse:
    context = {"title": title, "sub": sub, "campaign": campaign, "back": _back(campaign)}
    return form_page(request, "campaigns/results/form.html", context, form=form)


def _data(request: StaffRequest) -> Any:
    return request.POST if request.method == "POST" else None


# --- results ----------------------------------------------------------------------------------------------------------
@requires(Action.DRIVES)
def result_create(request: StaffRequest, uid: UUID) -> HttpResponse:
    campaign = _campaign(request, uid)
    form = ResultForm(_data(request), user=request.user, campaign=campaign)
    if form.is_valid():
        try:
            services.create_result(actor=request.user, campaign=campaign, **form.values())
        except DomainError as error:
            refused(form, error)
        else:
            toast(request, _("The result is set. Say next by what it is measured."))
            return done(request, _back(campaign))
    return _form(request, form, _("New result"), campaign)


@requires(Action.DRIVES)
def result_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    result = _find(request, Result, uid, Action.DRIVES, "campaign", "pillar", "drive")
    form = ResultForm(
        _data(request), user=request.user, campaign=result.campaign, initial=ResultForm.initial_of(result)
    )
    if form.is_valid():
        try:
            entry = services.edit_result(
                result=result, actor=request.user, seen_at=form.cleaned_data.get("seen_at"), **form.values()
            )
        except DomainError as error:
            refused(form, error)
        else:
            toast(request, _("Saved."), undo=entry)
            return done(request, _back(result.campaign))
    return _form(request, form, _("Change the result"), result.campaign)


@requires(Action.DRIVES)
@require_POST
def result_archive(request: StaffRequest, uid: UUID) -> HttpResponse:
    result = _find(request, Result, uid, Action.DRIVES, "campaign")
    toast(request, _("The result is taken out."), undo=services.archive(row=result, actor=request.user))
    return done(request, _back(result.campaign))


# --- indicators -------------------------------------------------------------------------------------------------------
@requires(Action.DRIVES)
def indicator_create(request: StaffRequest, uid: UUID) -> HttpResponse:
    result = _find(request, Result, uid, Action.DRIVES, "campaign")
    form = IndicatorForm(_data(request))
    if form.is_valid():
        try:
            services.create_indicator(actor=request.user, result=result, **form.values())
        except DomainError as error:
            _refused(form, error)
        else:
            toast(request, _("The indicator is set."))
            return done(request, _back(result.campaign))
    return _form(request, form, _("New indicator"), result.campaign, result.title)


@requires(Action.DRIVES)
def indicator_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    indicator = _find(request, Indicator, uid, Action.DRIVES, "result__campaign")
    form = IndicatorForm(_data(request), initial=IndicatorForm.initial_of(indicator))
    if form.is_valid():
        try:
            entry = services.edit_indicator(
                indicator=indicator, actor=request.user, seen_at=form.cleaned_data.get("seen_at"), **form.values()
            )
        except DomainError as error:
            _refused(form, error)
        else:
            toast(request, _("Saved."), undo=entry)
            return done(request, _back(indicator.result.campaign))
    return _form(request, form, _("Change the indicator"), indicator.result.campaign, indicator.result.title)


def _refused(form: Any, error: DomainError) -> None:
    """What is wrong, at its field where it has one."""
    field = error.data.get("field") if isinstance(error, Invalid) else None
    if field in form.fields:
        form.add_error(field, error.message)
    else:
        refused(form, error)


@requires(Action.DRIVES)
@require_POST
def indicator_archive(request: StaffRequest, uid: UUID) -> HttpResponse:
    indicator = _find(request, Indicator, uid, Action.DRIVES, "result__campaign")
    toast(request, _("The indicator is taken out."), undo=services.archive(row=indicator, actor=request.user))
    return done(request, _back(indicator.result.campaign))


# --- actuals ----------------------------------------------------------------------------------------------------------
@requires(Action.LOG)
def actual_create(request: StaffRequest, uid: UUID) -> HttpResponse:
    """What was reached, what shows it, and what part of it is ours."""
    indicator = _find(request, Indicator, uid, Action.LOG, "result__campaign")
    form = ActualForm(_data(request), indicator=indicator)
    if form.is_valid():
        try:
            actual = services.record_actual(actor=request.user, **form.cleaned_data)
        except DomainError as error:
            _refused(form, error)
        else:
            toast(request, _("Written down. Somebody else verifies it."))
            return done(request, reverse("actual_detail", args=[actual.uid]))
    return _form(request, form, _("What was reached"), indicator.result.campaign, indicator.title)


@requires(Action.SEE)
def actual_detail(request: StaffRequest, uid: UUID) -> HttpResponse:
    rows = Actual.objects.visible_to(request.user)
    related = ("period__indicator__result__campaign", "recorded_by", "verified_by")
    actual = get_object_or_404(rows.select_related(*related), uid=uid)
    may_log = Actual.objects.visible_to(request.user, Action.LOG).filter(pk=actual.pk).exists()
    indicator = actual.period.indicator
    earlier = (
        Actual.objects.filter(period__indicator=indicator).exclude(pk=actual.pk).select_related("period__indicator")
    )
    context = {
        "actual": actual,
        "indicator": indicator,
        "campaign": indicator.result.campaign,
        "earlier": earlier.order_by("-on", "-pk")[:20],
        "is_mine": actual.recorded_by_id == request.user.pk,
        "may_log": may_log and actual.withdrawn_at is None,
    }
    return render(request, "campaigns/results/actual.html", context)


@requires(Action.LOG)
@require_POST
def actual_verify(request: StaffRequest, uid: UUID) -> HttpResponse:
    actual = _find(request, Actual, uid, Action.LOG)
    entry = services.verify_actual(actual=actual, actor=request.user)
    toast(request, _("Verified."), undo=entry)
    return done(request, reverse("actual_detail", args=[actual.uid]))


@requires(Action.LOG)
def actual_withdraw(request: StaffRequest, uid: UUID) -> HttpResponse:
    actual = _find(request, Actual, uid, Action.LOG, "period__indicator__result__campaign")
    form = WithdrawForm(_data(request))
    if form.is_valid():
        entry = services.withdraw_actual(actual=actual, actor=request.user, why=form.cleaned_data["why"])
        toast(request, _("Withdrawn; it stays in the history."), undo=entry)
        return done(request, reverse("actual_detail", args=[actual.uid]))
    indicator = actual.period.indicator
    return _form(request, form, _("Withdraw what was written down"), indicator.result.campaign, indicator.title)
