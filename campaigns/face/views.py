"""The public page of a campaign or a drive, for staff: one form, which makes it when it is first saved."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext as _

from campaigns.face import services
from campaigns.face.forms import PageForm
from campaigns.face.models import PublicPage
from campaigns.planning.forms import refused
from campaigns.planning.models import Campaign, Drive
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import DomainError, NotAllowed
from crm.ui.responses import done, form_page
from crm.ui.toasts import toast


@requires(Action.SEE)
def public_page_detail(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Where a page is edited: that of its campaign or drive."""
    page = get_object_or_404(PublicPage.objects.visible_to(request.user), uid=uid)
    if page.drive:
        return redirect("drive_page", page.drive.uid)
    return redirect("campaign_page", page.campaign.uid)


@requires(Action.DRIVES)
def campaign_page(request: StaffRequest, uid: UUID) -> HttpResponse:
    campaign = get_object_or_404(Campaign.objects.visible_to(request.user), uid=uid)
    if not Campaign.objects.visible_to(request.user, Action.DRIVES).filter(pk=campaign.pk).exists():
        raise NotAllowed(_("You may see this campaign, and not change it."))
    return _edit(request, campaign, reverse("campaign_detail", args=[uid]))


@requires(Action.DRIVES)
def drive_page(request: StaffRequest, uid: UUID) -> HttpResponse:
    drive = get_object_or_404(Drive.objects.visible_to(request.user).select_related("campaign"), uid=uid)
    if not Drive.objects.visible_to(request.user, Action.DRIVES).filter(pk=drive.pk).exists():
        raise NotAllowed(_("You may see this drive, and not change it."))
    return _edit(request, drive, reverse("drive_detail", args=[uid]))


def _edit(request: StaffRequest, subject: Campaign | Drive, back: str) -> HttpResponse:
    page = services.page_of(subject)
    if page.pk is None:
        page.slug = slugify(subject.name)[:60]
        page.headlines = {settings.LANGUAGE_CODE: subject.label[:160]}
        page.leads = {settings.LANGUAGE_CODE: subject.goal[:400]} if subject.goal else {}
    form = PageForm(request.POST if request.method == "POST" else None, page=page)
    if form.is_valid():
        try:
            entry = services.save_page(
                subject=subject, actor=request.user, seen_at=form.cleaned_data["seen_at"], **form.values()
            )
        except DomainError as error:
            refused(form, error)
        else:
            said = _("Everybody can see it now.") if form.cleaned_data["is_public"] else _("Nobody else sees it yet.")
            toast(request, f"{_('The page is saved.')} {said}", undo=entry)
            return done(request, request.path)
    context = {
        "title": _("Public page"), "subject": subject, "back": back, "page": page,
        "page_url": settings.BASE_URL + reverse("public_page", args=[page.slug]) if page.pk and page.is_public else "",
    }  # fmt: skip
    return form_page(request, "campaigns/face/page_form.html", context, form=form)
