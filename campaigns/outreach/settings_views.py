"""Settings: mail that comes back. What came lately, and when an address counts as bouncing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Max
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.outreach import bounces
from campaigns.outreach.forms import BounceRuleForm
from campaigns.outreach.models import BounceRule, InboundMessage
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
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
        "last_at": InboundMessage.objects.aggregate(at=Max("received_at"))["at"],
        "rule_words": bounces.rule_in_words(rule),
        "crumbs": [(_("Settings"), reverse("settings"))],
    }
    return form_page(request, "campaigns/outreach/returned_mail.html", context, form=form)


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
