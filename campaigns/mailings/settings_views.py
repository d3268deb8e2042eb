"""Settings: senders and transports."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from campaigns.mailings.forms import SenderForm, TransportForm
from campaigns.mailings.models import Sender, Transport
from campaigns.mailings.queries import senders_in_use, transports_in_use
from campaigns.mailings.roads import archive_sender, save_sender, save_transport
from campaigns.mailings.transports import check, road_of
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import Unavailable
from crm.ui.responses import done, form_page
from crm.ui.toasts import toast


def _crumbs(label: str = "", name: str = "") -> list[tuple[str, str]]:
    found = [(_("Settings"), reverse("settings"))]
    return [*found, (label, reverse(name))] if name else found


@requires(Action.ADMINISTER)
@require_safe
def sender_list(request: StaffRequest) -> HttpResponse:
    return render(request, "campaigns/mailings/sender_list.html", {"senders": senders_in_use(), "crumbs": _crumbs()})


def _sender_form(request: StaffRequest, sender: Sender) -> HttpResponse:
    form = SenderForm(request.POST or None, instance=sender)
    if form.is_valid():
        save_sender(sender=form.save(commit=False), actor=request.user)
        toast(request, _("Saved."))
        return done(request, reverse("sender_list"))
    context = {"sender": sender, "crumbs": _crumbs(_("Senders"), "sender_list")}
    return form_page(request, "campaigns/mailings/sender_form.html", context, form=form)


@requires(Action.ADMINISTER)
def sender_create(request: StaffRequest) -> HttpResponse:
    return _sender_form(request, Sender())


@requires(Action.ADMINISTER)
def sender_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    return _sender_form(request, get_object_or_404(Sender, uid=uid))


@requires(Action.ADMINISTER)
@require_POST
def sender_archive(request: StaffRequest, uid: UUID) -> HttpResponse:
    archive_sender(sender=get_object_or_404(Sender, uid=uid), actor=request.user)
    toast(request, _("Archived. Mailings that use it keep it."))
    return done(request, reverse("sender_list"))


@requires(Action.ADMINISTER)
@require_safe
def transport_list(request: StaffRequest) -> HttpResponse:
    rows = [(row, road_of(row)) for row in transports_in_use()]
    return render(request, "campaigns/mailings/transport_list.html", {"rows": rows, "crumbs": _crumbs()})


def _transport_form(request: StaffRequest, transport: Transport) -> HttpResponse:
    form = TransportForm(request.POST or None, instance=transport)
    if form.is_valid():
        save_transport(transport=form.save(commit=False), actor=request.user)
        toast(request, _("Saved."))
        return done(request, reverse("transport_list"))
    context = {"transport": transport, "crumbs": _crumbs(_("Transports"), "transport_list")}
    return form_page(request, "campaigns/mailings/transport_form.html", context, form=form)


@requires(Action.ADMINISTER)
def transport_create(request: StaffRequest) -> HttpResponse:
    return _transport_form(request, Transport())


@requires(Action.ADMINISTER)
def transport_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    return _transport_form(request, get_object_or_404(Transport, uid=uid))


@requires(Action.ADMINISTER)
@require_POST
def transport_test(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Connect, say hello, and tell the result in plain words."""
    transport = get_object_or_404(Transport, uid=uid)
    try:
        toast(request, check(transport))
    except Unavailable as error:
        toast(request, error.message, level="error")
    return done(request, reverse("transport_list"))
