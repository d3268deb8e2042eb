"""Pre-flight: what somebody should look at before a mailing is approved. Problems first, each with its fix.

Nothing is fetched: links are read, not followed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.delivery import textfindings
from campaigns.delivery.addresses import is_reserved
from campaigns.delivery.audience import Summary, audience_summary
from campaigns.delivery.breaker import is_open
from campaigns.delivery.copyfindings import copy_findings
from campaigns.delivery.findings import BAD, OK, WARN, Finding, people_url
from campaigns.delivery.hours import hour_findings
from campaigns.delivery.models import SkipReason
from campaigns.delivery.pacefindings import pace_findings
from campaigns.guard.mailings import guard_findings
from campaigns.mailings.compiling import writing_of, writing_problems
from campaigns.mailings.models import Mailing, Transport
from campaigns.mailings.services import missing
from campaigns.mailings.states import State
from contacts.directory.models import Constituency, Country
from crm.ui import formats

_RANK = {BAD: 0, WARN: 1, OK: 2}
SIDES = ("GOV", "EMP", "WRK")  # who must sit at the table in each country
KEEP_SECONDS = 30
# The colour of each reason in the bar.
COLOURS = {
    SkipReason.ERASED: "odd",
    SkipReason.SUPPRESSED: "odd",
    SkipReason.NO_ADDRESS: "bad",
    SkipReason.BAD_ADDRESS: "bad",
    SkipReason.NO_PERMISSION: "rest",
    SkipReason.SAME_ADDRESS: "ssi",
    SkipReason.NO_VARIANT: "blue",
    SkipReason.TOO_RECENT: "warn",
    SkipReason.SAME_DAY: "warn",
}


def summary_of(mailing: Mailing, *, fresh: bool = False) -> Summary:
    """The audience in numbers, kept for half a minute: a page that is looked at twice asks the database once."""
    segment = mailing.segment.version if mailing.segment else 0
    key = f"preflight:{mailing.pk}:{mailing.updated_at.timestamp()}:{segment}"
    found: Summary | None = None if fresh else cache.get(key)
    if found is None:
        found = audience_summary(mailing)
        cache.set(key, found, KEEP_SECONDS)
    return found


def parts_of(mailing: Mailing, summary: Summary) -> list[dict[str, Any]]:
    """The bar: who gets it, then each reason, with the page of its people."""
    topic = mailing.topic.label if mailing.topic else ""
    labels = {
        SkipReason.NO_PERMISSION: _("no permission for “%(topic)s”") % {"topic": topic},
        SkipReason.TOO_RECENT: ngettext(
            "written to in the last day", "written to in the last %(n)s days", mailing.contact_guard_days
        )
        % {"n": mailing.contact_guard_days},
    }
    parts = [
        {"count": summary.will_get, "label": _("will get it"), "kind": "ok", "url": people_url(mailing, reason="")}
    ]
    for code, count in summary.reasons.items():
        reason = SkipReason(code)
        parts.append(
            {
                "count": count,
                "label": labels.get(reason, reason.label),
                "kind": COLOURS[reason],
                "url": people_url(mailing, reason=code),
            }
        )
    return parts


def findings(mailing: Mailing, summary: Summary) -> list[Finding]:
    """Everything to look at, problems first."""
    variants = list(mailing.variants.all())
    broken = {variant.pk: problems for variant in variants if (problems := writing_problems(writing_of(variant)))}
    compiled = textfindings.compiled(variants, broken)
    found = [
        *_incomplete(mailing),
        *textfindings.broken(mailing, variants, broken),
        *textfindings.unasked(mailing, variants, broken),
        *textfindings.links(mailing, compiled),
        *_audience(mailing, summary),
        *guard_findings(mailing),
        *_time(mailing),
        *_sender(mailing, summary),
        *_sides(mailing, summary),
        *copy_findings(mailing, summary),
        *pace_findings(mailing, summary.will_get),
        *hour_findings(mailing, summary.countries),
        *textfindings.empty_fields(mailing, variants, compiled, broken, summary),
        *_languages(mailing, summary),
        *textfindings.subjects(mailing, variants),
        *textfindings.years(mailing, variants),
        *textfindings.unsubscribe(compiled),
        *textfindings.shape(mailing, compiled),
        *textfindings.weight(mailing, compiled),
    ]
    return sorted(found, key=lambda finding: _RANK[finding.kind])


def _settings(mailing: Mailing) -> str:
    return reverse("mailing_settings", args=[mailing.uid])


def _incomplete(mailing: Mailing) -> Iterable[Finding]:
    gaps = missing(mailing)
    if gaps:
        yield Finding(
            BAD,
            "alert-octagon",
            _("It is not complete"),
            formats.listing(gaps) + ".",
            _settings(mailing),
            _("Complete it"),
        )


def _audience(mailing: Mailing, summary: Summary) -> Iterable[Finding]:
    if mailing.segment and not summary.will_get:
        why = (
            _("The segment is empty.")
            if not summary.total
            else _("Everybody in the segment is left out. The bar says why.")
        )
        yield Finding(BAD, "users-minus", _("Nobody would get it"), why, _settings(mailing), _("Choose a segment"))


def _time(mailing: Mailing) -> Iterable[Finding]:
    before = mailing.state in (State.DRAFT, State.IN_REVIEW, State.APPROVED)
    if before and mailing.send_at and mailing.send_at < timezone.now():
        yield Finding(
            BAD,
            "calendar-off",
            _("Its time has passed"),
            _("It was to leave %(time)s.") % {"time": formats.moment(mailing.send_at)},
            _settings(mailing),
            _("Set another time"),
        )


def _sender(mailing: Mailing, summary: Summary) -> Iterable[Finding]:
    sender, transport = mailing.sender, mailing.transport
    if sender is None or transport is None:
        return
    domain = sender.email.rpartition("@")[2]
    if is_open(transport, timezone.now()):
        yield Finding(
            WARN,
            "plug-connected-x",
            _("“%(transport)s” does not take mail now") % {"transport": transport.name},
            _("%(error)s. It is tried again by itself.") % {"error": transport.last_error},
        )
    if transport.kind == Transport.Kind.LOCAL:
        yield Finding(
            OK,
            "mail-off",
            _("No mail leaves this machine"),
            _("“%(transport)s” is the local mailbox: every message can be read there.") % {"transport": transport.name},
        )
        return
    if is_reserved(domain):
        yield Finding(
            BAD,
            "at",
            _("The sender's domain cannot be used"),
            _("%(domain)s is a reserved name. Mail from it would be refused everywhere.") % {"domain": domain},
            _settings(mailing),
            _("Choose a sender"),
        )
    elif not settings.RETURN_DOMAIN or is_reserved(settings.RETURN_DOMAIN):
        yield Finding(
            BAD,
            "mail-x",
            _("Bounces would not come back"),
            _("RETURN_DOMAIN names no domain of yours. An administrator sets it."),
        )
    else:
        yield Finding(
            OK,
            "circle-check",
            _("The sender is set up"),
            _("From %(email)s; bounces come back to %(domain)s. Your mail server signs with DKIM.")
            % {"email": sender.email, "domain": settings.RETURN_DOMAIN},
        )


def _sides(mailing: Mailing, summary: Summary) -> Iterable[Finding]:
    """A country where one side of government, employers and workers is missing while another gets it."""
    words = {
        "GOV": (_("The government's side is missing"), _("nobody from government")),
        "EMP": (_("The employers' side is missing"), _("nobody from employers’ organizations")),
        "WRK": (_("The workers' side is missing"), _("nobody from workers’ organizations")),
    }
    names = dict(Country.objects.filter(code__in=summary.sides).values_list("code", "name"))
    for side in SIDES:
        lacking = sorted(
            (
                names.get(code, code)
                for code, sides in summary.sides.items()
                if code and sides & set(SIDES) and side not in sides
            )
        )
        if not lacking:
            continue
        title, nobody = words[side]
        where = ngettext("in %(n)s country", "in %(n)s countries", len(lacking)) % {"n": len(lacking)}
        shown = (
            formats.listing(lacking[:6])
            if len(lacking) <= 6
            else _("%(some)s and %(n)s more")
            % {
                "some": ", ".join(lacking[:5]),
                "n": len(lacking) - 5,
            }
        )
        url = f"{reverse('organization_list')}?{urlencode({'constituency': side})}"
        yield Finding(
            WARN,
            "scale",
            f"{title} {where}",
            _("%(countries)s: %(nobody)s gets it.") % {"countries": shown, "nobody": nobody},
            url,
            _("See who there is"),
        )


def _languages(mailing: Mailing, summary: Summary) -> Iterable[Finding]:
    without = summary.reasons.get(SkipReason.NO_VARIANT, 0)
    if without:
        yield Finding(
            WARN,
            "language",
            ngettext("%(n)s person reads none of its languages", "%(n)s people read none of its languages", without)
            % {"n": formats.number(without)},
            _("Write it in their language, or choose a language that stands in for others."),
            people_url(mailing, reason=SkipReason.NO_VARIANT),
            _("See them"),
        )


def named_constituencies(summary: Summary) -> list[tuple[str, str, int]]:
    """(code, name, people) of those who get it, the largest first."""
    names = {row.code: row.label for row in Constituency.objects.filter(code__in=summary.constituencies)}
    return [(code, names.get(code, code), n) for code, n in summary.constituencies.items()]


def age(summary: Summary) -> dt.timedelta:
    return timezone.now() - summary.at
