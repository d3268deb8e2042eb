"""Settings: mail that comes back. What came lately, mailboxes that are read, and when an address counts as bouncing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Max
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from campaigns.delivery.waking import post
from campaigns.outreach import bounces, inboxes, services
from campaigns.outreach.forms import BounceRuleForm, InboxForm
from campaigns.outreach.models import BounceRule, InboundMessage, Inbox
from campaigns.outreach.tasks import handle_inbound
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import Unavailable
from crm.ui.responses import done, form_page
from crm.ui.toasts import toast

LATELY = timedelta(days=7)


@requires(Action.ADMINISTER)
def returned_mail(request: StaffRequest) -> HttpResponse:
    """How mail comes in, what came lately, and the rule for soft bounces."""
    rule = BounceRule.current()
    form = BounceRuleForm(request.POST or None, initial={"bounces": rule.bounces, "days": rule.days})
    if request.method == "POST" and form.is_valid():
        bounces.set_rule(actor=request.user, **form.cleaned_data)
        toast(request, _("Saved. It holds from the next bounce on."))
        return done(request, reverse("returned_mail"))
    context = {
        "domain": settings.RETURN_DOMAIN,
        "lately": _lately(),
        "has_left": InboundMessage.objects.left_over().exists(),
        "last_at": InboundMessage.objects.aggregate(at=Max("received_at"))["at"],
        "rule_words": bounces.rule_in_words(rule),
        "standings": inboxes.standings(),
        "archived": Inbox.objects.filter(archived_at__isnull=False).order_by("-archived_at", "pk")[:50],
        "crumbs": [(_("Settings"), reverse("settings"))],
    }
    return form_page(request, "campaigns/outreach/returned_mail.html", context, form=form)


@requires(Action.ADMINISTER)
@require_POST
def returned_mail_again(request: StaffRequest) -> HttpResponse:
    """Look again at what was not matched or could not be read."""
    n = services.replay()
    post(handle_inbound)
    said = ngettext("%(n)s message is looked at again.", "%(n)s messages are looked at again.", n) % {"n": n}
    toast(request, said if n else _("Everything was matched already."))
    return done(request, reverse("returned_mail"))


def _inbox_form(request: StaffRequest, inbox: Inbox) -> HttpResponse:
    form = InboxForm(request.POST or None, instance=inbox)
    if request.method == "POST" and form.is_valid():
        saved = inboxes.save_inbox(inbox=form.save(commit=False), actor=request.user)
        if saved.needs_consent:
            toast(request, _("Saved."))
            return done(request, reverse("consent_page", args=["inbox", saved.uid]))
        toast(request, _("Saved. It is read within a minute."))
        return done(request, reverse("returned_mail"))
    crumbs = [(_("Settings"), reverse("settings")), (_("Mail that comes back"), reverse("returned_mail"))]
    return form_page(request, "campaigns/outreach/inbox_form.html", {"inbox": inbox, "crumbs": crumbs}, form=form)


@requires(Action.ADMINISTER)
def inbox_create(request: StaffRequest) -> HttpResponse:
    return _inbox_form(request, Inbox())


@requires(Action.ADMINISTER)
def inbox_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    return _inbox_form(request, get_object_or_404(Inbox, uid=uid))


@requires(Action.ADMINISTER)
@require_POST
def inbox_try(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Sign in, look, change nothing, and tell the result in plain words."""
    try:
        toast(request, inboxes.try_inbox(get_object_or_404(Inbox, uid=uid)))
    except Unavailable as error:
        toast(request, error.message, level="error")
    return done(request, reverse("returned_mail"))


@requires(Action.ADMINISTER)
@require_POST
def inbox_archive(request: StaffRequest, uid: UUID) -> HttpResponse:
    inboxes.archive_inbox(inbox=get_object_or_404(Inbox, uid=uid), actor=request.user)
    toast(request, _("It is read no more. What was filed stays."))
    return done(request, reverse("returned_mail"))


@requires(Action.ADMINISTER)
@require_POST
def inbox_restore(request: StaffRequest, uid: UUID) -> HttpResponse:
    inboxes.restore_inbox(inbox=get_object_or_404(Inbox, uid=uid), actor=request.user)
    toast(request, _("It is read again, from where reading stood."))
    return done(request, reverse("returned_mail"))


def _lately() -> list[dict[str, Any]]:
    """What came in the last days, by what it was."""
    since = timezone.now() - LATELY
    rows = InboundMessage.objects.filter(received_at__gte=since).values("state", "kind").annotate(n=Count("pk"))
    found: dict[str, int] = {}
    for row in rows:
        name = row["kind"] if row["state"] == InboundMessage.State.HANDLED else row["state"]
        found[name] = found.get(name, 0) + row["n"]
    labels = {
        "reply": (_("replies"), "message-circle", reverse("reply_list")),
        "auto": (_("automatic"), "robot", f"{reverse('reply_list')}?tab=automatic"),
        "bounce": (_("bounces"), "mail-x", ""),
        "complaint": (_("complaints"), "flag", ""),
        "unmatched": (_("not matched"), "mail-question", f"{reverse('reply_list')}?tab=left"),
        "failed": (_("could not be read"), "alert-triangle", f"{reverse('reply_list')}?tab=left"),
        "new": (_("waiting to be read"), "clock", ""),
    }
    return [
        {"label": label, "icon": icon, "url": url, "n": found.get(name, 0)}
        for name, (label, icon, url) in labels.items()
        if name not in {"failed", "new"} or found.get(name)
    ]
