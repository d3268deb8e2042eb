"""One's dropbox: its address, what waits with guesses to click on, and what was filed, by thread."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from campaigns.dropbox import own, services
from campaigns.dropbox.addresses import address_of, own_addresses
from campaigns.dropbox.forms import FileForm, OwnForm
from campaigns.dropbox.matching import guesses
from campaigns.dropbox.models import Dropbox, DroppedFile, DroppedMail, OwnAddress
from campaigns.files.saving import saved
from campaigns.outreach.tabs import outreach_tabs
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import DomainError, NotAllowed
from crm.ui.paging import paginate
from crm.ui.responses import done, form_page
from crm.ui.toasts import toast

WAITING_SHOWN = 20


@requires(Action.LOG)
@require_safe
def dropbox(request: StaffRequest) -> HttpResponse:
    alive = Dropbox.objects.alive().filter(user=request.user).first()
    mine = DroppedMail.objects.visible_to(request.user)
    waiting = list(mine.waiting().prefetch_related("files__file").order_by("-at", "-pk")[: WAITING_SHOWN + 1])
    further = list(OwnAddress.objects.filter(user=request.user).order_by("pk"))
    context = {
        "address": address_of(alive) if alive else "",
        "own": sorted(own_addresses(request.user) - {row.address_key for row in further}),
        "further": further,
        "waiting": [{"mail": mail, "guesses": guesses(mail, request.user)} for mail in waiting[:WAITING_SHOWN]],
        "has_more": len(waiting) > WAITING_SHOWN,
        "page": paginate(
            request,
            mine.filter(state="filed").select_related("interaction").prefetch_related("files"),
            sort=["-at"],
            size=25,
        ),
        "tabs": outreach_tabs(request.user, "dropbox"),
    }
    return render(request, "campaigns/dropbox/dropbox.html", context)


@requires(Action.LOG)
@require_POST
def dropbox_make(request: StaffRequest) -> HttpResponse:
    services.make_dropbox(actor=request.user)
    return done(request, reverse("dropbox"))


@requires(Action.LOG)
@require_POST
def dropbox_renew(request: StaffRequest) -> HttpResponse:
    services.renew_dropbox(actor=request.user)
    toast(request, _("A new address. What comes to the old one is not taken any more."))
    return done(request, reverse("dropbox"))


def _find(request: StaffRequest, uid: UUID) -> DroppedMail:
    rows = DroppedMail.objects.visible_to(request.user).select_related("interaction")
    return get_object_or_404(rows, uid=uid)


@requires(Action.LOG)
@require_safe
def dropped_mail(request: StaffRequest, uid: UUID) -> HttpResponse:
    """One message and its thread, the latest first."""
    mail = _find(request, uid)
    thread = DroppedMail.objects.visible_to(request.user).filter(thread=mail.thread).select_related("interaction")
    rows = list(thread.prefetch_related("files__file").order_by("-at", "-pk")[:100])
    return render(request, "campaigns/dropbox/mail.html", {"mail": mail, "thread": rows})


@requires(Action.SEE)
@require_safe
def dropped_file_download(request: StaffRequest, uid: UUID) -> HttpResponseBase:
    """Saved, never shown, so that nothing in it runs here."""
    row = get_object_or_404(DroppedFile.objects.visible_to(request.user).select_related("file"), uid=uid)
    return saved(row.file, row.name)


# --- further addresses ----------------------------------------------------------------------------------------------------------
@requires(Action.LOG)
def own_address_add(request: StaffRequest) -> HttpResponse:
    form = OwnForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            row = own.add_own_address(actor=request.user, address=form.cleaned_data["address"])
        except DomainError as error:
            if isinstance(error, NotAllowed):
                raise
            form.add_error("address", error.message)
        else:
            toast(request, _("A mail went to %(address)s. Follow its link.") % {"address": row.address})
            return done(request, reverse("dropbox"))
    return form_page(request, "campaigns/dropbox/own_form.html", {"back": reverse("dropbox")}, form=form)


@requires(Action.LOG)
def own_address_confirm(request: StaffRequest) -> HttpResponse:
    """`?link=` is what was mailed. GET asks, POST says yes; both as the officer whose address it is."""
    token = request.GET.get("link", "")[:300]
    if request.method == "POST":
        row = own.confirm_own_address(token=token, actor=request.user)
        toast(request, _("%(address)s is known as yours.") % {"address": row.address})
        return done(request, reverse("dropbox"))
    found = own.read_link(token, request.user)
    return render(request, "campaigns/dropbox/own_confirm.html", {"row": found}, status=200 if found else 410)


@requires(Action.LOG)
@require_POST
def own_address_remove(request: StaffRequest, uid: UUID) -> HttpResponse:
    row = get_object_or_404(OwnAddress.objects.filter(user=request.user), uid=uid)
    own.remove_own_address(row=row, actor=request.user)
    toast(request, _("%(address)s is no longer known as yours.") % {"address": row.address})
    return done(request, reverse("dropbox"))


@requires(Action.LOG)
def dropped_file(request: StaffRequest, uid: UUID) -> HttpResponse:
    """File it: a guess sends whom it is with; else they are chosen here."""
    mail = _find(request, uid)
    form = FileForm(request.POST if request.method == "POST" else None, user=request.user)
    if form.is_valid():
        parties = form.cleaned_data["parties"]
        try:
            entry = services.file_mail(
                mail=mail, actor=request.user, people=parties.people, organizations=parties.organizations
            )
        except DomainError as error:
            if isinstance(error, NotAllowed):
                raise
            form.add_error(None, error.message)
        else:
            toast(request, _("Filed.") if entry else _("That was decided already."), undo=entry)
            return done(request, reverse("dropbox"))
    return form_page(request, "campaigns/dropbox/file_form.html", {"mail": mail, "back": reverse("dropbox")}, form=form)


@requires(Action.LOG)
@require_POST
def dropped_dismiss(request: StaffRequest, uid: UUID) -> HttpResponse:
    entry = services.dismiss_mail(mail=_find(request, uid), actor=request.user)
    toast(request, _("Dismissed: it is not logged."), undo=entry)
    return done(request, reverse("dropbox"))
