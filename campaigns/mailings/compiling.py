"""From what an editor wrote to what a worker renders, once per variant.

Order: merge fields become opaque tokens; the body is cleaned by nh3; mrml makes the page; css-inline puts styles on
elements; tokens become fields again. The result is template text of the same small language (plus numbered links), so
what is frozen with a mailing can be read by people, and loading it is parsing it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import nh3
from django.conf import settings
from django.utils.translation import gettext as _

from campaigns.mailings.fields import FIELDS, Scalar
from campaigns.mailings.layouts import Frame, footer_texts, frame_html, layout_version, unbraced, why
from campaigns.mailings.mime import Skeleton
from campaigns.mailings.rendering import LinkUrl, Numbers, Program, Recipient, Values, text_program
from campaigns.mailings.templates import (
    Out,
    Problem,
    TemplateRefused,
    parse,
    tags,
    undefaulted_fields,
    used_fields,
    validate,
)
from campaigns.mailings.textpart import text_from_html

if TYPE_CHECKING:
    from campaigns.mailings.models import Mailing, Variant

BODY_TAGS = set(
    [
        "p",
        "br",
        "strong",
        "b",
        "em",
        "i",
        "u",
        "s",
        "a",
        "h1",
        "h2",
        "h3",
        "ul",
        "ol",
        "li",
        "blockquote",
        "hr",
        "code",
        "pre",
        "img",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "span",
        "sub",
        "sup",
    ]
)
BODY_ATTRIBUTES = {
    "*": {"dir", "lang"},
    "a": {"href", "title"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "ol": {"start"},
}
TRACKED = ("http://", "https://")
_HREF = re.compile(r'(<a\b[^>]*?\bhref=")([^"]*)("[^>]*>)(.*?)(</a>|$)', re.DOTALL)
_TAG_OR_TEXT = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)[^>]*?(/?)>")
_TEXT_URL = re.compile(r"https?://(?:\{\{.*?\}\}|[^\s<>\"{}()])+")
_VOID = {"br", "hr", "img"}
TRAP_NUMBER = 0  # a link that no person sees; whoever follows it is a machine


@dataclass(frozen=True)
class CompiledLink:
    """A link of a body. `url` is a template: fields in it are percent-encoded."""

    number: int
    url: str
    label: str
    languages: list[str] = field(default_factory=list)


class LinkBook:
    """Numbers the links of all variants, from 1: the same address has the same number in every language."""

    def __init__(self) -> None:
        self.links: dict[str, CompiledLink] = {}

    def number(self, url: str, label: str, language: str) -> int:
        link = self.links.get(url)
        if link is None:
            link = self.links[url] = CompiledLink(len(self.links) + 1, url, label[:200])
        if language not in link.languages:
            link.languages.append(language)
        return link.number


@dataclass(frozen=True)
class Writing:
    """One variant as typed: plain data, so that it can be compiled in another process."""

    language: str
    subject: str = ""
    preheader: str = ""
    body_html: str = ""
    text: str = ""
    is_text_own: bool = False
    variant_id: int | None = None


@dataclass(frozen=True)
class Rendered:
    subject: str
    html: str
    text: str


@dataclass(frozen=True)
class CompiledVariant:
    """What workers render. All three are template text; `links` are those of this variant."""

    variant_id: int | None
    language: str
    subject: str
    html: str
    text: str
    fields: list[str]
    links: list[CompiledLink]
    layout_version: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CompiledVariant:
        return cls(**{**data, "links": [CompiledLink(**link) for link in data["links"]]})

    @cached_property
    def numbers(self) -> Numbers:
        return Numbers.of(self.language)

    @cached_property
    def _addresses(self) -> dict[int, str | Program]:
        found: dict[int, str | Program] = {}
        for link in self.links:
            nodes = parse(link.url, internal=True)
            plain = all(isinstance(node, str) for node in nodes)
            found[link.number] = link.url if plain else text_program(nodes, numbers=self.numbers)
        return found

    @cached_property
    def _programs(self) -> tuple[Program, Program, Program]:
        return (
            text_program(parse(self.subject, internal=True), numbers=self.numbers),
            text_program(parse(self.html, internal=True), numbers=self.numbers, escape=True),
            text_program(parse(self.text, internal=True), numbers=self.numbers),
        )

    @cached_property
    def skeleton(self) -> Skeleton:
        return Skeleton(subject=self.subject, html=self.html, text=self.text, language=self.language)

    def recipient(self, values: Values, link_url: LinkUrl | None) -> Recipient:
        """One rendering's needs. link_url(number, destination) gives the address that stands in the message."""

        def destination(number: int, values: Values) -> str:
            address = self._addresses[number]
            if not isinstance(address, str):
                address = address.run(Recipient(values, destination), "")
            return link_url(number, address) if link_url else address

        return Recipient(values, destination)

    def message(
        self,
        *,
        fields: Mapping[str, Scalar],
        to: str | tuple[str, str],
        from_: tuple[str, str],
        reply_to: str,
        date: datetime,
        message_id: str,
        unsubscribe_url: str,
        preferences_url: str = "",
        link_url: LinkUrl | None = None,
        open_url: str = "",
        list_id: str = "",
        feedback_id: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """RFC 5322 bytes of one message, CRLF line ends. See `campaigns/mailings/mime.py`.

        to, from_: (name, address). message_id: with its angle brackets. open_url: empty for nobody to be counted; then
        there is no trap link either.
        """
        values: dict[str, Scalar] = {
            **fields,
            "unsubscribe_url": unsubscribe_url,
            "preferences_url": preferences_url or unsubscribe_url,
            "open_url": open_url,
            "trap_url": link_url(TRAP_NUMBER, settings.BASE_URL) if link_url and open_url else "",
        }
        return self.skeleton.message(
            self.recipient(values, link_url),
            to=to if isinstance(to, tuple) else ("", to),
            from_=from_,
            reply_to=reply_to,
            date=date,
            message_id=message_id,
            list_id=list_id,
            feedback_id=feedback_id,
            headers=headers or {},
        )


def render(
    compiled: CompiledVariant, fields: Mapping[str, Scalar], link_url: LinkUrl | None = None, **urls: str
) -> Rendered:
    """What one recipient reads, as text. urls: unsubscribe_url, preferences_url, open_url, trap_url."""
    to = compiled.recipient({**fields, **urls}, link_url)
    subject, page, text = (program.run(to, "") for program in compiled._programs)
    return Rendered(subject, page, text)


class _Tokens:
    """Opaque words in place of tags: letters and digits only, so nothing on the way changes them."""

    def __init__(self, *sources: str) -> None:
        self.stem = "GsT"
        while any(self.stem in source for source in sources):
            self.stem += "q"
        self.tags: list[tuple[str, str]] = []  # kind, inside
        self.pattern = re.compile(self.stem + r"(\d+)Z")

    def put(self, kind: str, inside: str) -> str:
        self.tags.append((kind, inside.strip().strip("-").strip()))
        return f"{self.stem}{len(self.tags) - 1}Z"

    def hide(self, source: str, *, is_html: bool) -> str:
        out, end = [], 0
        for start, after, kind, inside in tags(source, is_html=is_html):
            out += [source[end:start], self.put(kind, inside)]
            end = after
        return "".join([*out, source[end:]])

    def show(self, text: str, extra: str = "") -> str:
        """Tags again. extra: a filter to add to each field, such as urlencode."""

        def tag(found: re.Match[str]) -> str:
            kind, inside = self.tags[int(found[1])]
            return f"{{{{ {inside}{extra} }}}}" if kind == "{{" else f"{{% {inside} %}}"

        return self.pattern.sub(tag, text)

    def kind(self, token: re.Match[str]) -> str:
        return self.tags[int(token[1])][0]


def compile_writing(writing: Writing, frame: Frame, book: LinkBook | None = None) -> CompiledVariant:
    """Compile one variant; TemplateRefused with every problem, each with its line."""
    book = book or LinkBook()
    problems = writing_problems(writing)
    if problems:
        raise TemplateRefused(problems)
    tokens = _Tokens(writing.subject, writing.preheader, writing.body_html, frame.organization, frame.topic)
    body = _clean(tokens.hide(writing.body_html, is_html=True))
    _check_shape(body, tokens)
    body = _unwrap_conditions(body, tokens)
    body = _number_links(body, tokens, book, writing.language)
    places = {
        name: tokens.put("{{", inside)
        for name, inside in [("unsubscribe", "unsubscribe_url"), ("preferences", "preferences_url")]
    }
    places |= {name: f"{tokens.stem}{name}Q" for name in ("title", "preheader", "body", "end")}
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
        fields=sorted(used & FIELDS.keys()),
        links=links,
        layout_version=layout_version(frame.layout),
    )


# the trap is for machines that follow every link; the picture counts opens
_END = (
    '{% if trap_url %}<div style="display:none" aria-hidden="true">'
    '<a href="{{ trap_url }}" tabindex="-1" rel="nofollow"></a></div>{% endif %}'
    '{% if open_url %}<img src="{{ open_url }}" width="1" height="1" alt="" style="display:block">{% endif %}'
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
        tokens = _Tokens(writing.body_html)
        body = _clean(tokens.hide(writing.body_html, is_html=True))
        _check_shape(body, tokens)
        _number_links(body, tokens, LinkBook(), writing.language)
    except TemplateRefused as refused:
        return refused.problems
    return []


def clean_body(body_html: str) -> str:
    """The body as it is stored: only what a mailing may contain, tags in braces untouched."""
    tokens = _Tokens(body_html)
    return re.sub(
        tokens.pattern,
        lambda found: html.escape(tokens.show(found[0]), quote=False).replace('"', "&quot;"),
        _clean(tokens.hide(body_html, is_html=True)),
    )


def _escaped(source: str) -> str:
    """Template text for an HTML place: what stands outside of tags is escaped, tags stay as they are."""
    out, end = [], 0
    for start, after, _kind, _inside in tags(source):
        out += [html.escape(source[end:start]), source[start:after]]
        end = after
    return "".join([*out, html.escape(source[end:])])


def _clean(body: str) -> str:
    return nh3.clean(
        body,
        tags=BODY_TAGS,
        attributes=BODY_ATTRIBUTES,
        allowed_classes={"a": {"button"}},
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel=None,
        clean_content_tags={"script", "style", "title", "textarea", "iframe", "svg", "math"},
    )


def _check_shape(body: str, tokens: _Tokens) -> None:
    """Conditions must not stand inside an HTML tag, nor open in one element and close in another."""
    groups: list[tuple[str, ...]] = []
    stack: list[str] = []
    for part in re.finditer(rf"{_TAG_OR_TEXT.pattern}|{tokens.pattern.pattern}", body):
        if part[2]:
            name = part[2].lower()
            for token in tokens.pattern.finditer(part[0]):
                _check_attribute(part[0], token, tokens)
            if part[1] and name in stack:
                del stack[len(stack) - 1 - stack[::-1].index(name) :]
            elif not part[1] and name not in _VOID:
                stack.append(name)
            continue
        kind, inside = tokens.tags[int(part[4])]
        if kind != "{%":
            continue
        word = inside.split(" ", 1)[0]
        if word == "if":
            groups.append(tuple(stack))
        elif groups and groups[-1] != tuple(stack):
            raise TemplateRefused(
                [
                    Problem(
                        1,
                        _(
                            "Body: an “if” begins in one place (such as bold text) and ends in another. Put both outside."
                        ),
                        inside,
                    )
                ]
            )
        if word == "endif" and groups:
            groups.pop()


def _check_attribute(element: str, token: re.Match[str], tokens: _Tokens) -> None:
    if tokens.kind(token) == "{%":
        raise TemplateRefused([Problem(1, _("Body: an “if” cannot stand inside a link's address or title."))])
    if re.search(r'\bsrc="[^"]*' + token[0], element):
        raise TemplateRefused([Problem(1, _("Body: a picture's address cannot contain fields."))])


def _unwrap_conditions(body: str, tokens: _Tokens) -> str:
    """A paragraph that only holds a condition would leave an empty line in the mail."""

    def lone(found: re.Match[str]) -> str:
        inner = found[1]
        words = tokens.pattern.sub(lambda t: "" if tokens.kind(t) == "{%" else "x", inner)
        return found[0] if words.strip() else inner

    return re.sub(r"<p>((?:\s*" + tokens.stem + r"\d+Z\s*)+)</p>", lone, body)


def _number_links(body: str, tokens: _Tokens, book: LinkBook, language: str) -> str:
    def number(found: re.Match[str]) -> str:
        address = html.unescape(found[2]).strip()
        target = _link_target(address, tokens)
        if target is None:
            return found[0]
        label = " ".join(html.unescape(re.sub(r"<[^>]+>", "", tokens.show(found[4]))).split())
        place = tokens.put("{{", f"link({book.number(target, label, language)})")
        return f"{found[1]}{place}{found[3]}{found[4]}{found[5]}"

    return _HREF.sub(number, body)


def _link_target(address: str, tokens: _Tokens) -> str | None:
    """The link's address as a template; None when it is not counted (mail, phone, our own links)."""
    alone = tokens.pattern.fullmatch(address)
    if alone:
        nodes = parse(tokens.show(address))
        if isinstance(nodes[0], Out) and FIELDS[nodes[0].path].is_link:
            return None
    if address.startswith(("mailto:", "tel:")) and not tokens.pattern.search(address):
        return None
    host = re.match(r"https?://([^/?#]+)", address)
    if not host or tokens.pattern.search(host[1]):
        raise TemplateRefused(
            [
                Problem(
                    1,
                    _("Body: “%(address)s” is not a web address. Begin with https:// and the site's name.")
                    % {"address": tokens.show(address)[:80]},
                )
            ]
        )
    # the site's name is checked; braces that are no tag would be read as one
    return tokens.show(address.replace("{", "%7B").replace("}", "%7D"), " | urlencode")


def own_text(writing: Writing) -> str:
    """The text part made from the body, as the editor shows it."""
    tokens = _Tokens(writing.body_html)
    body = _unwrap_conditions(_clean(tokens.hide(writing.body_html, is_html=True)), tokens)
    bare = {token[0] for token in tokens.pattern.finditer(body) if tokens.kind(token) == "{%" and _is_lone(body, token)}
    return tokens.show(text_from_html(body, bare=bare))


def _is_lone(body: str, token: re.Match[str]) -> bool:
    """Whether a condition stands between blocks rather than within a line."""
    return body[: token.start()].rstrip().endswith((">",)) or token.start() == 0


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
    )


def frame_for(frame: Frame, mailing: Mailing, language: str) -> Frame:
    """The frame in a variant's language: the topic's name in it."""
    names: dict[str, str] = mailing.topic.names if mailing.topic else {}
    return Frame(frame.layout, frame.organization, frame.postal_address, str(names.get(language) or frame.topic))


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
    book, frame = LinkBook(), frame_of(mailing)
    variants = {
        str(variant.pk): compile_variant(variant, frame=frame, book=book)
        for variant in mailing.variants.select_related("mailing__topic").order_by("position", "pk")
    }
    return {
        "version": 1,
        "variants": {key: compiled.as_dict() for key, compiled in variants.items()},
        "links": [asdict(link) for link in book.links.values()],
    }


def load_content(data: Mapping[str, Any]) -> dict[int, CompiledVariant]:
    """What `freeze_content` made, by variant id, ready to render."""
    return {int(key): CompiledVariant.from_dict(value) for key, value in data["variants"].items()}


def holes(writing: Writing, values: Mapping[str, Scalar]) -> list[str]:
    """Fields that would leave a hole for this recipient: empty, and written out without a default."""
    found = set().union(
        *(
            undefaulted_fields(parse(source, is_html=is_html))
            for source, is_html in [(writing.subject, False), (writing.body_html, True)]
        )
    )
    return sorted(path for path in found if values.get(path) in (None, "") and not FIELDS[path].is_link)
