"""Pre-flight: what somebody should look at before a mailing is approved. Problems first, each with its fix.

Nothing is fetched: links are read, not followed.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.delivery.addresses import is_reserved
from campaigns.delivery.audience import Summary, audience_summary
from campaigns.delivery.breaker import is_open
from campaigns.delivery.copyfindings import copy_findings
from campaigns.delivery.findings import BAD, OK, WARN, Finding, people_url
from campaigns.delivery.hours import hour_findings
from campaigns.delivery.models import SkipReason
from campaigns.delivery.pacefindings import pace_findings
from campaigns.files.storage import is_there
from campaigns.guard.mailings import guard_findings
from campaigns.mailings.body import pictures_without_words
from campaigns.mailings.compiling import OPEN_PICTURE, attached_to, compile_variant, holes, writing_of, writing_problems
from campaigns.mailings.content import CompiledVariant
from campaigns.mailings.enclosures import enclosures_of
from campaigns.mailings.languages import language_name
from campaigns.mailings.mime import quoted
from campaigns.mailings.models import Mailing, Transport, Variant
from campaigns.mailings.services import missing
from campaigns.mailings.states import State
from campaigns.mailings.templates import TemplateRefused
from contacts.directory.models import Constituency, Country
from crm.ui import formats

_RANK = {BAD: 0, WARN: 1, OK: 2}
LONG_SUBJECT = 70  # phones show about 40 characters, most programs about 70
CLIPPED_AT = 100 * 1024  # large webmail programs show the first 102 kB of the HTML
HEAVY = 10 * 1024 * 1024  # bytes of a whole message; many servers refuse more
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
    compiled = _compiled(variants, broken)
    found = [
        *_incomplete(mailing),
        *_broken(mailing, variants, broken),
        *_links(mailing, compiled),
        *_audience(mailing, summary),
        *guard_findings(mailing),
        *_time(mailing),
        *_sender(mailing, summary),
        *_sides(mailing, summary),
        *copy_findings(mailing, summary),
        *pace_findings(mailing, summary.will_get),
        *hour_findings(mailing, summary.countries),
        *_empty_fields(mailing, variants, compiled, broken, summary),
        *_languages(mailing, summary),
        *_subjects(mailing, variants),
        *_years(mailing, variants),
        *_unsubscribe(compiled),
        *_shape(mailing, compiled),
        *_weight(mailing, compiled),
    ]
    return sorted(found, key=lambda finding: _RANK[finding.kind])


def _compiled(variants: list[Variant], broken: dict[int, Any]) -> list[CompiledVariant]:
    made = []
    for variant in variants:
        if variant.pk in broken:
            continue
        try:
            made.append(compile_variant(variant))
        except TemplateRefused as refused:
            broken[variant.pk] = refused.problems
    return made


def _edit(mailing: Mailing, language: str = "") -> str:
    return reverse("mailing_edit", args=[mailing.uid]) + (f"?lang={language}" if language else "")


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


def _broken(mailing: Mailing, variants: list[Variant], broken: dict[int, Any]) -> Iterable[Finding]:
    for variant in variants:
        for problem in broken.get(variant.pk, [])[:3]:
            yield Finding(
                BAD,
                "alert-octagon",
                _("The %(language)s version cannot be built") % {"language": language_name(variant.language)},
                str(problem),
                _edit(mailing, variant.language),
                _("Fix"),
            )


def _links(mailing: Mailing, compiled: list[CompiledVariant]) -> Iterable[Finding]:
    wrong: dict[str, tuple[str, str]] = {}
    count = 0
    for variant in compiled:
        for link in variant.links:
            count += 1
            host = urlsplit(link.url).hostname or ""
            if "." not in host.strip(".") or ".." in host or host.startswith("-") or " " in link.url:
                wrong.setdefault(link.url, (link.label, variant.language))
    for url, (label, language) in wrong.items():
        yield Finding(
            BAD,
            "unlink",
            _("A link leads nowhere"),
            _("“%(label)s” in the %(language)s version: %(url)s is not a web address.")
            % {"label": label or url[:60], "language": language_name(language), "url": url[:80]},
            _edit(mailing, language),
            _("Fix"),
        )
    if count and not wrong:
        yield Finding(
            OK,
            "link",
            ngettext("%(n)s link is well formed", "%(n)s links are well formed", count) % {"n": count},
            _("They are read, not opened: try them in the preview."),
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


def _empty_fields(
    mailing: Mailing,
    variants: list[Variant],
    compiled: list[CompiledVariant],
    broken: dict[int, Any],
    summary: Summary,
) -> Iterable[Finding]:
    used = {path for variant in compiled for path in variant.fields}
    bare = {path for variant in variants if variant.pk not in broken for path in holes(writing_of(variant), {})}
    for path in sorted(used & summary.empty.keys(), key=lambda path: -summary.empty[path]):
        n = summary.empty[path]
        title = ngettext("%(field)s is empty for %(n)s person", "%(field)s is empty for %(n)s people", n) % {
            "field": "{{ " + path + " }}",
            "n": formats.number(n),
        }
        why = (
            _("There would be a hole in their text. Write a default: {{ %(field)s | default('…') }}") % {"field": path}
            if path in bare
            else _("They would read the default that you set, or the words that you wrote for this case.")
        )
        yield Finding(WARN, "forms", title, why, people_url(mailing, empty=path), _("See them"))


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


def _subjects(mailing: Mailing, variants: list[Variant]) -> Iterable[Finding]:
    for variant in variants:
        plain = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "xxxxxxxx", variant.subject)
        if len(plain) > LONG_SUBJECT:
            yield Finding(
                WARN,
                "text-wrap",
                _("The %(language)s subject is long") % {"language": language_name(variant.language)},
                _("About %(n)s characters; most programs show %(limit)s.") % {"n": len(plain), "limit": LONG_SUBJECT},
                _edit(mailing, variant.language),
                _("Shorten"),
            )


def _years(mailing: Mailing, variants: list[Variant]) -> Iterable[Finding]:
    """A text that was copied from last year still says so."""
    last = str(timezone.localdate().year - 1)
    for variant in variants:
        text = f"{variant.subject} {variant.preheader} {variant.body_html}"
        n = len(re.findall(rf"(?<!\d){last}(?!\d)", text))
        if n:
            yield Finding(
                WARN,
                "history",
                _("Was this copied from last year?"),
                ngettext(
                    "“%(year)s” stands in %(n)s place of the %(language)s version.",
                    "“%(year)s” stands in %(n)s places of the %(language)s version.",
                    n,
                )
                % {"year": last, "n": n, "language": language_name(variant.language)},
                _edit(mailing, variant.language),
                _("Show"),
            )


def _unsubscribe(compiled: list[CompiledVariant]) -> Iterable[Finding]:
    if not compiled:
        return
    without = [v.language for v in compiled if "unsubscribe_url" not in v.html or "unsubscribe_url" not in v.text]
    if without:
        yield Finding(
            BAD,
            "mail-x",
            _("No way to unsubscribe"),
            _("It is missing in: %(languages)s.")
            % {"languages": formats.listing([language_name(code) for code in without])},
        )
        return
    secure = settings.TRACKING_URL.startswith("https:")
    where = ngettext(
        "In the header and the footer, in %(n)s language.",
        "In the header and the footer, in all %(n)s languages.",
        len(compiled),
    ) % {"n": len(compiled)}
    note = "" if secure else " " + _("By plain http, which is for this machine only.")
    yield Finding(OK, "circle-check", _("Unsubscribing works with one click"), where + note)


def _shape(mailing: Mailing, compiled: list[CompiledVariant]) -> Iterable[Finding]:
    fine, largest = True, 0
    for variant in compiled:
        name = language_name(variant.language)
        size = len(variant.html.encode())
        largest = max(largest, size)
        if size > CLIPPED_AT:
            fine = False
            yield Finding(
                WARN,
                "cut",
                _("The %(language)s version is large") % {"language": name},
                _("%(size)s: some programs cut it off at %(limit)s, and the footer with it.")
                % {"size": formats.size(size), "limit": formats.size(CLIPPED_AT)},
                _edit(mailing, variant.language),
                _("Shorten"),
            )
        bare = pictures_without_words(variant.html.replace(OPEN_PICTURE, ""))
        if bare:
            fine = False
            yield Finding(
                BAD,
                "photo-off",
                ngettext("%(n)s picture has no words", "%(n)s pictures have no words", bare) % {"n": bare},
                _("Many programs hide pictures. Say what they show (%(language)s).") % {"language": name},
                _edit(mailing, variant.language),
                _("Add words"),
            )
        if not variant.text.partition("\n-- \n")[0].strip():
            fine = False
            yield Finding(
                BAD,
                "file-off",
                _("The %(language)s version has no text") % {"language": name},
                _("Who reads plain text would get only the footer."),
                _edit(mailing, variant.language),
                _("Write"),
            )
    if compiled and fine:
        yield Finding(
            OK,
            "circle-check",
            _("Size %(size)s, text part, words for pictures") % {"size": formats.size(largest)},
            _("Nothing will be clipped."),
        )


def _weight(mailing: Mailing, compiled: list[CompiledVariant]) -> Iterable[Finding]:
    """What a whole message weighs with all that it carries, as it travels."""
    attached = attached_to(mailing)
    if not attached:
        return
    if gone := [row["name"] for row in attached if not is_there(row["sha256"])]:
        yield Finding(
            BAD,
            "paperclip",
            _("An attachment is not on disk"),
            _("“%(name)s” cannot be read. Remove it and upload it again.") % {"name": gone[0]},
            _edit(mailing) + "#attachments",
            _("Fix"),
        )
    # text in quoted-printable grows; letters of other scripts take nine characters for three bytes
    weights = {
        variant.language: sum(len(quoted(part)) for part in (variant.html, variant.text))
        + sum(one.encoded_size for one in enclosures_of(attached, variant.language))
        for variant in compiled
    }
    if not weights:
        return
    language, weight = max(weights.items(), key=lambda found: found[1])
    heavy = weight > HEAVY
    files = ngettext("%(n)s file", "%(n)s files", len(attached)) % {"n": len(attached)}
    yield Finding(
        WARN if heavy else OK,
        "paperclip",
        _("A message weighs %(size)s with %(files)s") % {"size": formats.size(weight), "files": files},
        _(
            "Many servers refuse messages over %(limit)s, and mailboxes fill up (%(language)s). Link to the file instead."
        )
        % {"limit": formats.size(HEAVY), "language": language_name(language)}
        if heavy
        else ", ".join(row["name"] for row in attached),
        _edit(mailing) + "#attachments",
        _("Change") if heavy else _("Look"),
    )


def named_constituencies(summary: Summary) -> list[tuple[str, str, int]]:
    """(code, name, people) of those who get it, the largest first."""
    names = {row.code: row.label for row in Constituency.objects.filter(code__in=summary.constituencies)}
    return [(code, names.get(code, code), n) for code, n in summary.constituencies.items()]


def age(summary: Summary) -> dt.timedelta:
    return timezone.now() - summary.at
