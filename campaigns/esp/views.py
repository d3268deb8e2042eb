"""Settings of mailing services as transports, and their calls about what became of mail."""

from __future__ import annotations

import logging
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import make_msgid
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from campaigns.delivery.addresses import in_ascii
from campaigns.esp import events
from campaigns.esp.catalogue import SERVICES
from campaigns.esp.forms import ServiceForm
from campaigns.esp.models import ServiceEvent
from campaigns.mailings.models import Sender, Transport
from campaigns.mailings.roads import save_transport
from campaigns.mailings.transports import send_one
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, public, requires
from crm.errors import Invalid, NotAllowed, Unavailable
from crm.limits import allow
from crm.ui.responses import done, form_page
from crm.ui.toasts import toast

logger = logging.getLogger(__name__)
MOST_BYTES = 5_000_000  # of one call: services send some hundred events at a time


def _crumbs(transport: Transport | None = None) -> list[tuple[str, str]]:
    found = [(_("Settings"), reverse("settings")), (_("Transports"), reverse("transport_list"))]
    return [*found, (transport.name, reverse("service_detail", args=[transport.uid]))] if transport else found


def _transport(uid: UUID) -> Transport:
    return get_object_or_404(Transport, uid=uid, kind=Transport.Kind.SERVICE)


@requires(Action.ADMINISTER)
@require_safe
def service_choice(request: StaffRequest) -> HttpResponse:
    """Which service: each has a form of its own."""
    services = sorted(SERVICES.values(), key=lambda service: service.name.casefold())
    return render(request, "campaigns/esp/service_choice.html", {"services": services, "crumbs": _crumbs()})


@requires(Action.ADMINISTER)
def service_create(request: StaffRequest, code: str) -> HttpResponse:
    if code not in SERVICES:
        return HttpResponse(status=404)
    return _form(request, Transport(kind=Transport.Kind.SERVICE, service=code))


@requires(Action.ADMINISTER)
def service_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    return _form(request, _transport(uid))


def _form(request: StaffRequest, transport: Transport) -> HttpResponse:
    service = SERVICES[transport.service]
    form = ServiceForm(request.POST or None, instance=transport, service=service)
    if form.is_valid():
        saved = save_transport(transport=form.save(commit=False), actor=request.user)
        toast(request, _("Saved. Send a test to yourself: it tries the key."))
        return done(request, reverse("service_detail", args=[saved.uid]))
    known = transport if transport.pk else None
    context = {"transport": transport, "service": service, "crumbs": _crumbs(known)}
    return form_page(request, "campaigns/esp/service_form.html", context, form=form)


@requires(Action.ADMINISTER)
@require_safe
def service_detail(request: StaffRequest, uid: UUID) -> HttpResponse:
    """What is set, what the service told us, and the address that it is to call."""
    transport = _transport(uid)
    service, known = SERVICES[transport.service], transport.settings_of_service
    told = ServiceEvent.objects.filter(transport=transport)
    kinds = told.values("kind").annotate(n=Count("pk"), last=Max("received_at")).order_by("kind")
    context = {
        "transport": transport,
        "service": service,
        "settings": [(each, known.get(each.name, "")) for each in service.all_settings],
        "address": events.address_for_events(transport) if service.events else "",
        "kinds": kinds,
        "unmatched": told.filter(state=ServiceEvent.State.UNMATCHED).exclude(tie="").count(),
        "failed": told.filter(state=ServiceEvent.State.FAILED).order_by("-received_at")[:5],
        "crumbs": _crumbs(),
    }
    return render(request, "campaigns/esp/service_detail.html", context)


@requires(Action.ADMINISTER)
@require_POST
def service_test(request: StaffRequest, uid: UUID) -> HttpResponse:
    """One short message to whoever asks, from the first sender: the key, the sender's domain and the road in one."""
    transport = _transport(uid)
    sender = Sender.objects.filter(archived_at__isnull=True).order_by("pk").first()
    if sender is None:
        toast(request, _("Add a sender first: a message has to come from somebody."), level="error")
    elif not allow("service_test", str(request.user.pk), limit=6, seconds=60):
        toast(request, _("You sent several tests in the last minute. Wait a little."), level="info")
    else:
        try:
            message = _test_message(transport, sender, request.user.email)
            send_one(transport, sender=in_ascii(sender.email), to=request.user.email, message=message)
        except (Invalid, Unavailable) as error:
            toast(request, error.message, level="error")
        else:
            words = _("%(name)s took a test to %(address)s, from %(sender)s.")
            toast(request, words % {"name": transport.name, "address": request.user.email, "sender": sender.email})
    return done(request, reverse("service_detail", args=[transport.uid]))


def _test_message(transport: Transport, sender: Sender, to: str) -> bytes:
    message = EmailMessage()
    message["Subject"] = _("Test of %(name)s") % {"name": transport.name}
    message["From"], message["To"] = str(Address(sender.name, addr_spec=in_ascii(sender.email))), to
    message["Message-ID"] = make_msgid(domain=settings.RETURN_DOMAIN or "localhost")
    message.set_content(_("If you read this, mail leaves by %(name)s.") % {"name": transport.name})
    return message.as_bytes()


@requires(Action.ADMINISTER)
@require_POST
def service_replay(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Try again what could not be handled or matched."""
    transport = _transport(uid)
    n = events.replay(transport=transport)
    toast(request, ngettext("%(n)s event is tried again.", "%(n)s events are tried again.", n) % {"n": n})
    return done(request, reverse("service_detail", args=[transport.uid]))


@public
@csrf_exempt  # its password and signature say who calls
def service_events(request: HttpRequest, uid: UUID) -> HttpResponse:
    """A service's call. 200 means that its events are kept; anything else, and it comes again."""
    if request.method in {"HEAD", "GET", "OPTIONS"}:  # some ask whether anybody is there before they take the address
        return HttpResponse()
    transport = Transport.objects.filter(uid=uid, kind=Transport.Kind.SERVICE).first()
    if transport is None:
        return HttpResponse(status=404)
    if "Authorization" not in request.headers:  # Amazon's SNS shows the password only to whoever asks for it
        return HttpResponse(status=401, headers={"WWW-Authenticate": 'Basic realm="events"'})
    if int(request.headers.get("content-length") or 0) > MOST_BYTES:
        return HttpResponse("too long", status=413, content_type="text/plain")
    try:
        n = events.take_in(transport=transport, request=request)
    except NotAllowed as error:
        return HttpResponse(error.message, status=403, content_type="text/plain")
    except Unavailable as error:  # it comes again
        logger.warning("A call of %s cannot be checked now: %s", transport.name, error.message)
        return HttpResponse(error.message, status=503, content_type="text/plain")
    except Invalid as error:
        return HttpResponse(error.message, status=400, content_type="text/plain")
    return HttpResponse(f"{n} new", content_type="text/plain")
