"""From what an editor wrote to what a worker renders, once per variant.

Order: merge fields become opaque tokens; the body is cleaned by nh3; mrml makes the page; css-inline puts styles on
elements; tokens become fields again. The result is template text of the same small language (plus numbered links), so
what is frozen with a mailing can be read by people, and loading it is parsing it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.translation import gettext as _

from campaigns.mailings.body import Tokens, check_shape, clean, is_lone, number_links, unwrap_conditions, with_pictures
from campaigns.mailings.bound import bound_to
from campaigns.mailings.content import CompiledLink, CompiledVariant, LinkBook, Rendered, Writing, render
from campaigns.mailings.copylines import copy_html, copy_text
from campaigns.mailings.enclosures import Enclosure, boundary_of, enclosures_of
from campaigns.mailings.fields import Scalar, is_known, is_link
from campaigns.mailings.layouts import Frame, footer_texts, frame_html, layout_version, unbraced, why
from campaigns.mailings.letters import addressee_html, head_text, long_date, place_and_date, reference_html
from campaigns.mailings.references import stem_of
from campaigns.mailings.templates import (
    Problem,
    TemplateRefused,
    parse,
    tags,
    undefaulted_fields,
    used_fields,
    validate,
)
from campaigns.mailings.textpart import text_from_html
from campaigns.mailings.times import dated
from crm.errors import Unavailable

if TYPE_CHECKING:
    from campaigns.mailings.models import Mailing, Variant

__all__ = [
    "CompiledLink",
    "CompiledVariant",
    "LinkBook",
    "Rendered",
    "Writing",
    "compile_variant",
    "compile_writing",
    "freeze_content",
    "load_content",
    "render",
]
# Of what is frozen: the one that this version writes, and those that it reads. While machines are brought to a new version one after the
# other, both freeze and both send: a release reads a new one before the next release writes it.
VERSION, READABLE = 1, (1,)
_TEXT_URL = re.compile(r"https?://(?:\{\{.*?\}\}|[^\s<>\"{}()])+")


def compile_writing(writing: Writing, frame: Frame, book: LinkBook | None = None) -> CompiledVariant:
    """Compile one variant; TemplateRefused with every problem, each with its line."""
    book = book or LinkBook()
    problems = writing_problems(writing)
    if problems:
        raise TemplateRefused(problems)
    tokens = Tokens(writing.subject, writing.preheader, writing.body_html, frame.organization, frame.topic)
    body = clean(tokens.hide(writing.body_html, is_html=True))
    check_shape(body, tokens)
    body = unwrap_conditions(body, tokens)
    body = number_links(body, tokens, book, writing.language)
    body = with_pictures(body, frame.pictures)
    places = {
        name: tokens.put("{{", inside)
        for name, inside in [("unsubscribe", "unsubscribe_url"), ("preferences", "preferences_url")]
    }
    places |= {name: f"{tokens.stem}{name}Q" for name in ("title", "preheader", "body", "end")}
    if frame.is_letter:
        places |= {"addressee": addressee_html(tokens.put), "reference": reference_html(writing.language, tokens.put)}
    if frame.names_copies:
        places |= copy_html(writing.language, is_letter=frame.is_letter, put=tokens.put)
    page = frame_html(frame, writing.language, body=body, tokens=places)
    page = tokens.show(page)
    page = page.replace(places["title"], _escaped(writing.subject))
    page = page.replace(places["preheader"], _escaped(writing.preheader)).replace(places["end"], _END)
    text = _compiled_text(writing, frame, book)
    used = set().union(*(used_fields(parse(part, internal=True)) for part in (writing.subject, page, text)))
    links = [link for link in book.links.values() if writing.language in link.languages]
    used |= set().union(*(used_fields(parse(link.url, internal=True)) for link in links))
    return CompiledVariant(
        variant_id=writing.variant_id,
        language=writing.language,
        subject=writing.subject,
        html=page,
        text=text,
        fields=sorted(filter(is_known, used)),
        links=links,
        layout_version=layout_version(frame.layout, [writing.language]),
    )


# the trap is for machines that follow every link; the picture counts opens
OPEN_PICTURE = '<img src="{{ open_url }}" width="1" height="1" alt="" style="display:block">'
_END = (
    '{% if trap_url %}<div style="display:none" aria-hidden="true">'
    '<a href="{{ trap_url }}" tabindex="-1" rel="nofollow"></a></div>{% endif %}'
    f"{{% if open_url %}}{OPEN_PICTURE}{{% endif %}}"
)


def writing_problems(writing: Writing) -> list[Problem]:
    """What is wrong with the templates of a variant as typed, field by field."""
    found: list[Problem] = []
    for name, source, is_html in [
        (_("Subject"), writing.subject, False),
        (_("Preheader"), writing.preheader, False),
        (_("Body"), writing.body_html, True),
        (_("Text part"), writing.text if writing.is_text_own else "", False),
    ]:
        found += [
            Problem(problem.line, f"{name}: {problem.sentence}", problem.excerpt)
            for problem in validate(source, is_html=is_html)
        ]
    if any(c in writing.subject + writing.preheader for c in "\r\n"):
        found.append(Problem(1, _("Subject: it must be one line.")))
    if found:
        return found
    try:
        tokens = Tokens(writing.body_html)
        body = clean(tokens.hide(writing.body_html, is_html=True))
        check_shape(body, tokens)
        number_links(body, tokens, LinkBook(), writing.language)
    except TemplateRefused as refused:
        return refused.problems
    return []


def _escaped(source: str) -> str:
    """Template text for an HTML place: what stands outside of tags is escaped, tags stay as they are."""
    out, end = [], 0
    for start, after, _kind, _inside in tags(source):
        out += [html.escape(source[end:start]), source[start:after]]
        end = after
    return "".join([*out, html.escape(source[end:])])


def own_text(writing: Writing) -> str:
    """The text part made from the body, as the editor shows it."""
    tokens = Tokens(writing.body_html)
    body = unwrap_conditions(clean(tokens.hide(writing.body_html, is_html=True)), tokens)
    bare = {token[0] for token in tokens.pattern.finditer(body) if tokens.kind(token) == "{%" and is_lone(body, token)}
    return tokens.show(text_from_html(body, bare=bare))


def _compiled_text(writing: Writing, frame: Frame, book: LinkBook) -> str:
    text = writing.text if writing.is_text_own and writing.text.strip() else own_text(writing)
    text = text.replace("\r\n", "\n")
    # a line that only holds a condition leaves no empty line
    text = re.sub(r"(?m)^[ \t]*(\{%[^%\n]*%\})[ \t]*\n", r"\1", text)

    def link(found: re.Match[str]) -> str:
        url = found[0].rstrip(".,;:!?'’”")
        target = re.sub(r"\{\{-?\s*(.*?)\s*-?\}\}", r"{{ \1 | urlencode }}", url)
        host = re.match(r"https?://([^/?#{]+)", target)
        if not host:
            return found[0]
        return f"{{{{ link({book.number(target, url, writing.language)}) }}}}" + found[0][len(url) :]

    text = _TEXT_URL.sub(link, text)
    if frame.is_letter:
        text = (
            head_text(writing.subject, unbraced(frame.organization), unbraced(frame.place_and_date), writing.language)
            + text
        )
    if frame.signature.strip():
        text = f"{text.rstrip()}\n\n{unbraced(frame.signature.strip())}"
    if frame.names_copies:
        head, line = copy_text(writing.language, is_letter=frame.is_letter)
        text = f"{head}{text.rstrip()}{line}"
    footer = footer_texts(writing.language)
    sender = "\n".join(line for line in [frame.organization, *frame.postal_address.splitlines()] if line.strip())
    return (
        f"{text.rstrip()}\n\n-- \n{why(frame, writing.language)}\n"
        f"{footer['unsubscribe']}: {{{{ unsubscribe_url }}}}\n{footer['preferences']}: {{{{ preferences_url }}}}\n\n"
        f"{unbraced(sender)}\n"
    )


# --- of stored mailings -----------------------------------------------------------------------------------------
def frame_of(mailing: Mailing) -> Frame:
    """What the layout says around the body of this mailing."""
    from crm.accounts.models import Installation  # not needed in the preview's own process

    installation = Installation.current()
    topic = mailing.topic
    return Frame(
        layout=mailing.layout,
        organization=installation.name,
        postal_address=installation.postal_address,
        topic=topic.name if topic else "",
        pictures=settings.BASE_URL,
        names_copies=mailing.copies_to_id is not None,
    )


def frame_for(frame: Frame, mailing: Mailing, language: str) -> Frame:
    """The frame in a variant's language: the topic's name, the sender's signature, place and date in it."""
    names: dict[str, str] = mailing.topic.names if mailing.topic else {}
    sender = mailing.sender
    moment = dated(mailing)
    return replace(
        frame,
        topic=str(names.get(language) or frame.topic),
        signature=sender.signature_in(language) if sender else "",
        place_and_date=place_and_date(
            sender.place_in(language) if sender else "", long_date(moment.date(), language), language
        ),
    )


def writing_of(variant: Variant) -> Writing:
    return Writing(
        language=variant.language,
        subject=variant.subject,
        preheader=variant.preheader,
        body_html=variant.body_html,
        text=variant.text,
        is_text_own=variant.is_text_own,
        variant_id=variant.pk,
    )


def compile_variant(variant: Variant, *, frame: Frame | None = None, book: LinkBook | None = None) -> CompiledVariant:
    """Compile one stored variant with its mailing's layout and footer; TemplateRefused when it may not be sent."""
    frame = frame_for(frame or frame_of(variant.mailing), variant.mailing, variant.language)
    return compile_writing(writing_of(variant), frame, book)


def freeze_content(mailing: Mailing) -> dict[str, Any]:
    """All variants compiled, as JSON for `Mailing.frozen_with`: {"variants": {id: …}, "links": [{number, url, label, languages}]}."""
    book, frame, attached = LinkBook(), frame_of(mailing), attached_to(mailing)
    stem, bound = stem_of(mailing), bound_to(mailing)
    variants = {
        str(variant.pk): with_enclosures(compile_variant(variant, frame=frame, book=book), attached)
        for variant in mailing.variants.select_related("mailing__topic").order_by("position", "pk")
    }
    return {
        "version": VERSION,
        "variants": {key: compiled.as_dict() for key, compiled in variants.items()},
        "links": [asdict(link) for link in book.links.values()],
        "attachments": attached,
        # as approved: a sender that is edited while a mailing is paused changes nothing of it
        "sender": [mailing.sender.name, mailing.sender.email] if mailing.sender else None,
        "reference": [stem.text, stem.digits] if stem else None,
        **(
            {"bound": {v.language: bound.values(v.language) for v in mailing.variants.order_by("position", "pk")}}
            if bound
            else {}
        ),
    }


def attached_to(mailing: Mailing) -> list[dict[str, Any]]:
    """What is attached, as it is frozen and hashed; one query."""
    rows = mailing.attachments.select_related("file").order_by("position", "pk")
    return [
        Enclosure(row.file.sha256, row.name, row.file.media_type, row.file.size, row.language).as_dict() for row in rows
    ]


def with_enclosures(compiled: CompiledVariant, attached: list[dict[str, Any]]) -> CompiledVariant:
    """A variant whose messages go on with what is attached in its language."""
    return replace(compiled, mixed=boundary_of(enclosures_of(attached, compiled.language)))


def load_content(data: Mapping[str, Any]) -> dict[int, CompiledVariant]:
    """What `freeze_content` made, by variant id, ready to render. Unavailable for a version that is not read here: what it
    says might be left out, and mail cannot be called back."""
    if data.get("version") not in READABLE:
        raise Unavailable(
            _(
                "It was frozen by another version of Groundswell, in a form that this one does not read (%(version)s). Bring all"
                " machines to the newer version, then resume it."
            )
            % {"version": data.get("version")},
            code="frozen_by_another_version",
        )
    return {int(key): CompiledVariant.from_dict(value) for key, value in data["variants"].items()}


def holes(writing: Writing, values: Mapping[str, Scalar]) -> list[str]:
    """Fields that would leave a hole for this recipient: empty, and written out without a default."""
    found = set().union(
        *(
            undefaulted_fields(parse(source, is_html=is_html))
            for source, is_html in [(writing.subject, False), (writing.body_html, True)]
        )
    )
    return sorted(path for path in found if values.get(path) in (None, "") and not is_link(path))
