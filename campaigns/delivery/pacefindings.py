"""What pre-flight says about how long a mailing takes: limits a second, and a domain that is being warmed up."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.delivery.findings import OK, WARN, Finding
from campaigns.domains import warmup
from campaigns.domains.models import SendingDomain
from campaigns.domains.services import domain_of
from campaigns.mailings.models import Mailing
from crm.ui import formats

LONG_SECONDS = 600  # what is done sooner needs no word


def pace_findings(mailing: Mailing, messages: int) -> Iterable[Finding]:
    """At this pace it takes so long; nothing where no limit stretches it."""
    sender, transport = mailing.sender, mailing.transport
    if sender is None or transport is None or not messages:
        return
    row = SendingDomain.objects.filter(name=domain_of(sender.email)).first()
    days = warmup.days_for(row, messages) if row else 0
    today = warmup.today_of(row)
    if row and today and days > 1:
        yield Finding(
            WARN,
            "temperature-plus",
            ngettext("At this pace it takes %(n)s day", "At this pace it takes %(n)s days", days) % {"n": days},
            _("%(domain)s is being warmed up: today is day %(day)s of %(days)s, with %(most)s messages at most.")
            % {"domain": row.name, "day": today.number, "days": today.days, "most": formats.number(today.most)},
        )
        return
    limits = [limit for limit in (transport.per_second, sender.per_second) if limit]
    seconds = messages / min(limits) if limits else 0
    if seconds > LONG_SECONDS:
        yield Finding(
            OK,
            "gauge",
            _("At this pace it takes about %(time)s") % {"time": formats.duration(seconds)},
            _("At most %(n)s messages a second leave: a limit of its sender or its transport.")
            % {"n": formats.number(min(limits))},
        )
