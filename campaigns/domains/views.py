"""The page of a sender's domain: what its DNS says, whether that is right, and what to add."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from campaigns.domains import services, warmup
from campaigns.domains.forms import SigningForm, WarmupForm
from campaigns.domains.presenting import checked
from campaigns.mailings.models import Sender
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.limits import allow
from crm.ui.responses import done, form_page
from crm.ui.toasts import toast


def _crumbs(sender: Sender, *, inner: bool = False) -> list[tuple[str, str]]:
    found = [(_("Settings"), reverse("settings")), (_("Senders"), reverse("sender_list"))]
    return [*found, (services.domain_of(sender.email), reverse("sender_domain", args=[sender.uid]))] if inner else found


@requires(Action.ADMINISTER)
@require_safe
def sender_domain(request: StaffRequest, uid: UUID) -> HttpResponse:
    """The last answers, judged now. Looking things up is another request, so this page never waits for a DNS server."""
    return _page(request, get_object_or_404(Sender, uid=uid))


def _page(request: StaffRequest, sender: Sender) -> HttpResponse:
    row = services.row_of(sender)
    others = [
        other for other in Sender.objects.filter(archived_at__isnull=True, email__iendswith=f"@{row.name}")[:20]
    ] or [sender]
    today = warmup.today_of(row)
    context = {
        "sender": sender,
        "senders": others,
        "checked": checked(row),
        "today": today,
        "taken": warmup.taken(today) if today else 0,
        "steps": list(enumerate(row.warmup_steps, 1)) if today else [],
        "begins": row.warmup_from if row.warmup_from and row.warmup_from > timezone.now().date() else None,
        "crumbs": _crumbs(sender),
    }
    return render(request, "campaigns/domains/domain.html", context)


@requires(Action.ADMINISTER)
@require_POST
def sender_domain_check(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Look it up now; some seconds at most. htmx gets the page's inner part, others go back to the page."""
    sender = get_object_or_404(Sender, uid=uid)
    row = services.row_of(sender)
    if allow("domain_check", row.name, limit=12, seconds=60):
        services.check(row=row)
    else:
        toast(request, _("It was looked up several times in the last minute. Wait a little."), level="info")
    if getattr(request, "htmx", False):
        return _page(request, sender)
    return done(request, reverse("sender_domain", args=[sender.uid]))


@requires(Action.ADMINISTER)
def sender_domain_signing(request: StaffRequest, uid: UUID) -> HttpResponse:
    """The selector and the key that the mail server signs with."""
    sender = get_object_or_404(Sender, uid=uid)
    row = services.row_of(sender)
    initial = {"dkim_selector": row.dkim_selector, "dkim_record": row.dkim_record}
    form = SigningForm(request.POST or None, initial=initial)
    if form.is_valid():
        services.set_signing(row=row, actor=request.user, **form.cleaned_data)
        toast(request, _("Saved. Check now to look the key up."))
        return done(request, reverse("sender_domain", args=[sender.uid]))
    context = {"sender": sender, "row": row, "crumbs": _crumbs(sender, inner=True)}
    return form_page(request, "campaigns/domains/signing.html", context, form=form)


@requires(Action.ADMINISTER)
def sender_domain_warmup(request: StaffRequest, uid: UUID) -> HttpResponse:
    """How many messages a day a new domain may send."""
    sender = get_object_or_404(Sender, uid=uid)
    row = services.row_of(sender)
    initial = {"warmup_from": row.warmup_from}
    if row.warmup_steps:
        initial["warmup_steps"] = ", ".join(map(str, row.warmup_steps))  # type: ignore[assignment]
    form = WarmupForm(request.POST or None, initial=initial)
    if form.is_valid():
        services.set_warmup(row=row, actor=request.user, **form.cleaned_data)
        toast(request, _("Saved. It holds within half a minute."))
        return done(request, reverse("sender_domain", args=[sender.uid]))
    context = {"sender": sender, "row": row, "crumbs": _crumbs(sender, inner=True)}
    return form_page(request, "campaigns/domains/warmup.html", context, form=form)
