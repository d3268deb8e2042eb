"""Settings: senders and transports."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from campaigns.domains.presenting import checked_of
from campaigns.domains.services import domain_of
from campaigns.mailings import proving
from campaigns.mailings.forms import SenderForm, TransportForm
from campaigns.mailings.letter_forms import LetterheadForm
from campaigns.mailings.letterheads import save_letterhead
from campaigns.mailings.models import Sender, Transport
from campaigns.mailings.queries import senders_in_use, transports_in_use
from campaigns.mailings.roads import (
    archive_sender,
    archive_transport,
    restore_sender,
    restore_transport,
    save_sender,
    save_transport,
)
from campaigns.mailings.transports import check, road_of
from crm.accounts.models import Installation
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, public, requires
from crm.errors import Conflict, DomainError, Unavailable
from crm.ui.responses import done, form_page
from crm.ui.toasts import toast


def _crumbs(label: str = "", name: str = "") -> list[tuple[str, str]]:
    found = [(_("Settings"), reverse("settings"))]
    return [*found, (label, reverse(name))] if name else found


@requires(Action.ADMINISTER)
@require_safe
def sender_list(request: StaffRequest) -> HttpResponse:
    archived = Sender.objects.filter(archived_at__isnull=False).order_by("-archived_at", "pk")[:50]
    senders = list(senders_in_use())
    domains = {checked.row.name: checked for _sender, checked in checked_of(senders)}
    for sender in senders:
        sender.domain = domains[domain_of(sender.email)]  # type: ignore[attr-defined]
    context = {"senders": senders, "archived": archived, "crumbs": _crumbs()}
    return render(request, "campaigns/mailings/sender_list.html", context)


def _sender_form(request: StaffRequest, sender: Sender) -> HttpResponse:
    form = SenderForm(request.POST or None, instance=sender)
    if form.is_valid():
        saved = save_sender(sender=form.save(commit=False), actor=request.user)
        if saved.is_confirmed:
            toast(request, _("Saved."))
        else:
            _ask_to_confirm(request, saved)
        return done(request, reverse("sender_list"))
    context = {"sender": sender, "crumbs": _crumbs(_("Senders"), "sender_list")}
    return form_page(request, "campaigns/mailings/sender_form.html", context, form=form)


def _ask_to_confirm(request: StaffRequest, sender: Sender) -> None:
    """A mail that cannot leave, or went a moment ago, is a message: the sender is kept either way."""
    try:
        proving.ask_to_confirm(sender=sender, actor=request.user)
    except DomainError as error:
        toast(request, error.message, level="error" if isinstance(error, Unavailable) else "info")
    else:
        toast(
            request,
            _("A mail is on its way to %(email)s. Mailings can use the sender once its reader says yes.")
            % {"email": sender.email},
        )


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
@require_POST
def sender_restore(request: StaffRequest, uid: UUID) -> HttpResponse:
    restore_sender(sender=get_object_or_404(Sender, uid=uid), actor=request.user)
    toast(request, _("It is offered again."))
    return done(request, reverse("sender_list"))


@requires(Action.ADMINISTER)
@require_POST
def sender_ask(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Send the confirmation mail again."""
    _ask_to_confirm(request, get_object_or_404(Sender, uid=uid, archived_at__isnull=True))
    return done(request, reverse("sender_list"))


@public
@never_cache
def sender_confirm(request: HttpRequest, token: str) -> HttpResponse:
    """For whoever reads the sender's address: GET says who asks and for what, POST says yes."""
    state, status, sender = "closed", 410, None
    if request.method == "POST":
        with suppress(Conflict):
            sender, state, status = proving.confirm(token=token), "done", 200
    elif proof := proving.read_token(token):
        sender = proof.sender
        if sender.is_confirmed:
            state, status = "done", 200
        elif not proof.is_expired:
            state, status = "open", 200
    context = {"sender": sender, "state": state, "organization": str(Installation.current())}
    return render(request, "campaigns/mailings/sender_confirm.html", context, status=status)


@requires(Action.ADMINISTER)
def sender_letterhead(request: StaffRequest, uid: UUID) -> HttpResponse:
    """What a sender's letters say around their text: signature and place by language, and the reference numbers."""
    sender = get_object_or_404(Sender, uid=uid)
    form = LetterheadForm(request.POST or None, sender=sender)
    if form.is_valid():
        save_letterhead(sender=sender, actor=request.user, **form.values())
        toast(request, _("Saved. Mailings that were approved with the old words must be approved again."))
        return done(request, reverse("sender_list"))
    context = {"sender": sender, "crumbs": _crumbs(_("Senders"), "sender_list")}
    return form_page(request, "campaigns/mailings/sender_letterhead.html", context, form=form)


@requires(Action.ADMINISTER)
@require_safe
def transport_list(request: StaffRequest) -> HttpResponse:
    rows = [(row, road_of(row)) for row in transports_in_use()]
    archived = Transport.objects.filter(archived_at__isnull=False).order_by("-archived_at", "pk")[:50]
    context = {"rows": rows, "archived": archived, "crumbs": _crumbs()}
    return render(request, "campaigns/mailings/transport_list.html", context)


def _transport_form(request: StaffRequest, transport: Transport) -> HttpResponse:
    form = TransportForm(request.POST or None, instance=transport)
    if form.is_valid():
        saved = save_transport(transport=form.save(commit=False), actor=request.user)
        toast(request, _("Saved."))
        if saved.needs_consent:
            return done(request, reverse("consent_page", args=["transport", saved.uid]))
        return done(request, reverse("transport_list"))
    context = {"transport": transport, "crumbs": _crumbs(_("Transports"), "transport_list")}
    return form_page(request, "campaigns/mailings/transport_form.html", context, form=form)


@requires(Action.ADMINISTER)
def transport_create(request: StaffRequest) -> HttpResponse:
    return _transport_form(request, Transport())


@requires(Action.ADMINISTER)
def transport_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    transport = get_object_or_404(Transport, uid=uid)
    if transport.kind == Transport.Kind.SERVICE:  # it has a page of its own
        return HttpResponseRedirect(reverse("service_detail", args=[transport.uid]))
    return _transport_form(request, transport)


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


@requires(Action.ADMINISTER)
@require_POST
def transport_archive(request: StaffRequest, uid: UUID) -> HttpResponse:
    try:
        archive_transport(transport=get_object_or_404(Transport, uid=uid), actor=request.user)
    except Conflict as error:
        toast(request, error.message, level="error")
    else:
        toast(request, _("Archived. Mailings that use it keep it."))
    return done(request, reverse("transport_list"))


@requires(Action.ADMINISTER)
@require_POST
def transport_restore(request: StaffRequest, uid: UUID) -> HttpResponse:
    restore_transport(transport=get_object_or_404(Transport, uid=uid), actor=request.user)
    toast(request, _("It is offered again."))
    return done(request, reverse("transport_list"))
