"""What a pre-flight says of the texts: fields, links, subjects, pictures, what a message weighs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.delivery.audience import Summary
from campaigns.delivery.findings import BAD, OK, WARN, Finding, people_url
from campaigns.files.storage import is_there
from campaigns.mailings.answers import label_of, unknown_answers
from campaigns.mailings.body import pictures_without_words
from campaigns.mailings.compiling import OPEN_PICTURE, attached_to, compile_variant, holes, writing_of
from campaigns.mailings.content import CompiledVariant
from campaigns.mailings.enclosures import enclosures_of
from campaigns.mailings.fields import is_answer
from campaigns.mailings.languages import language_name
from campaigns.mailings.mime import quoted
from campaigns.mailings.models import Mailing, Variant
from campaigns.mailings.templates import TemplateRefused
from crm.ui import formats

LONG_SUBJECT = 70  # phones show about 40 characters, most programs about 70
CLIPPED_AT = 100 * 1024  # large webmail programs show the first 102 kB of the HTML
HEAVY = 10 * 1024 * 1024  # bytes of a whole message; many servers refuse more


def compiled(variants: list[Variant], broken: dict[int, Any]) -> list[CompiledVariant]:
    made = []
    for variant in variants:
        if variant.pk in broken:
            continue
        try:
            made.append(compile_variant(variant))
        except TemplateRefused as refused:
            broken[variant.pk] = refused.problems
    return made


def edit_url(mailing: Mailing, language: str = "") -> str:
    return reverse("mailing_edit", args=[mailing.uid]) + (f"?lang={language}" if language else "")


def broken(mailing: Mailing, variants: list[Variant], broken: dict[int, Any]) -> Iterable[Finding]:
    for variant in variants:
        for problem in broken.get(variant.pk, [])[:3]:
            yield Finding(
                BAD,
                "alert-octagon",
                _("The %(language)s version cannot be built") % {"language": language_name(variant.language)},
                str(problem),
                edit_url(mailing, variant.language),
                _("Fix"),
            )


def unasked(mailing: Mailing, variants: list[Variant], broken: dict[int, Any]) -> Iterable[Finding]:
    """A text names an answer, and the form does not ask for it (any more)."""
    for variant in variants:
        for problem in [] if variant.pk in broken else unknown_answers(writing_of(variant), mailing)[:3]:
            yield Finding(
                BAD,
                "forms",
                _("The %(language)s version names an answer that nobody gave")
                % {"language": language_name(variant.language)},
                problem.sentence,
                edit_url(mailing, variant.language),
                _("Fix"),
            )


def links(mailing: Mailing, compiled: list[CompiledVariant]) -> Iterable[Finding]:
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
            edit_url(mailing, language),
            _("Fix"),
        )
    if count and not wrong:
        yield Finding(
            OK,
            "link",
            ngettext("%(n)s link is well formed", "%(n)s links are well formed", count) % {"n": count},
            _("They are read, not opened: try them in the preview."),
        )


def empty_fields(
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
        if is_answer(path):
            title = ngettext(
                "%(n)s person did not answer “%(question)s”", "%(n)s people did not answer “%(question)s”", n
            ) % {"question": label_of(mailing, path), "n": formats.number(n)}
        else:
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


def subjects(mailing: Mailing, variants: list[Variant]) -> Iterable[Finding]:
    for variant in variants:
        plain = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "xxxxxxxx", variant.subject)
        if len(plain) > LONG_SUBJECT:
            yield Finding(
                WARN,
                "text-wrap",
                _("The %(language)s subject is long") % {"language": language_name(variant.language)},
                _("About %(n)s characters; most programs show %(limit)s.") % {"n": len(plain), "limit": LONG_SUBJECT},
                edit_url(mailing, variant.language),
                _("Shorten"),
            )


def years(mailing: Mailing, variants: list[Variant]) -> Iterable[Finding]:
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
                edit_url(mailing, variant.language),
                _("Show"),
            )


def unsubscribe(compiled: list[CompiledVariant]) -> Iterable[Finding]:
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


def shape(mailing: Mailing, compiled: list[CompiledVariant]) -> Iterable[Finding]:
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
                edit_url(mailing, variant.language),
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
                edit_url(mailing, variant.language),
                _("Add words"),
            )
        if not variant.text.partition("\n-- \n")[0].strip():
            fine = False
            yield Finding(
                BAD,
                "file-off",
                _("The %(language)s version has no text") % {"language": name},
                _("Who reads plain text would get only the footer."),
                edit_url(mailing, variant.language),
                _("Write"),
            )
    if compiled and fine:
        yield Finding(
            OK,
            "circle-check",
            _("Size %(size)s, text part, words for pictures") % {"size": formats.size(largest)},
            _("Nothing will be clipped."),
        )


def weight(mailing: Mailing, compiled: list[CompiledVariant]) -> Iterable[Finding]:
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
            edit_url(mailing) + "#attachments",
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
        edit_url(mailing) + "#attachments",
        _("Change") if heavy else _("Look"),
    )
