"""A body as typed, on its way to a page: tags hidden behind opaque words, HTML cleaned, links numbered."""

from __future__ import annotations

import html
import re

import nh3
from django.utils.translation import gettext as _

from campaigns.mailings.content import LinkBook
from campaigns.mailings.expressions import Out
from campaigns.mailings.fields import is_link
from campaigns.mailings.templates import Problem, TemplateRefused, parse, tags

BODY_TAGS = set(
    "p br strong b em i u s a h1 h2 h3 ul ol li blockquote hr code pre img "  # noqa: SIM905 one line reads better
    "table thead tbody tr th td span sub sup".split()
)
BODY_ATTRIBUTES = {
    "*": {"dir", "lang"},
    "a": {"href", "title"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "ol": {"start"},
}
_HREF = re.compile(r'(<a\b[^>]*?\bhref=")([^"]*)("[^>]*>)(.*?)(</a>|$)', re.DOTALL)
_ELEMENT = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)[^>]*?(/?)>")
_VOID = {"br", "hr", "img"}


class Tokens:
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


def clean_body(body_html: str) -> str:
    """The body as it is stored: only what a mailing may contain, tags in braces untouched."""
    tokens = Tokens(body_html)
    return re.sub(
        tokens.pattern,
        lambda found: html.escape(tokens.show(found[0]), quote=False).replace('"', "&quot;"),
        clean(tokens.hide(body_html, is_html=True)),
    )


def clean(body: str) -> str:
    return nh3.clean(
        body,
        tags=BODY_TAGS,
        attributes=BODY_ATTRIBUTES,
        allowed_classes={"a": {"button"}},
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel=None,
        clean_content_tags={"script", "style", "title", "textarea", "iframe", "svg", "math"},
    )


def check_shape(body: str, tokens: Tokens) -> None:
    """Conditions must not stand inside an HTML tag, nor open in one element and close in another."""
    groups: list[tuple[str, ...]] = []
    stack: list[str] = []
    for part in re.finditer(rf"{_ELEMENT.pattern}|{tokens.pattern.pattern}", body):
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


def _check_attribute(element: str, token: re.Match[str], tokens: Tokens) -> None:
    if tokens.kind(token) == "{%":
        raise TemplateRefused([Problem(1, _("Body: an “if” cannot stand inside a link's address or title."))])
    if re.search(r'\bsrc="[^"]*' + token[0], element):
        raise TemplateRefused([Problem(1, _("Body: a picture's address cannot contain fields."))])


def unwrap_conditions(body: str, tokens: Tokens) -> str:
    """A paragraph that only holds a condition would leave an empty line in the mail."""

    def lone(found: re.Match[str]) -> str:
        inner = found[1]
        words = tokens.pattern.sub(lambda t: "" if tokens.kind(t) == "{%" else "x", inner)
        return found[0] if words.strip() else inner

    return re.sub(r"<p>((?:\s*" + tokens.stem + r"\d+Z\s*)+)</p>", lone, body)


def number_links(body: str, tokens: Tokens, book: LinkBook, language: str) -> str:
    def number(found: re.Match[str]) -> str:
        address = html.unescape(found[2]).strip()
        target = _link_target(address, tokens)
        if target is None:
            return found[0]
        label = " ".join(html.unescape(re.sub(r"<[^>]+>", "", tokens.show(found[4]))).split())
        place = tokens.put("{{", f"link({book.number(target, label, language)})")
        return f"{found[1]}{place}{found[3]}{found[4]}{found[5]}"

    return _HREF.sub(number, body)


_PICTURE = re.compile(r"<img\b[^>]*>")
_WORDS = re.compile(r'\balt="[^"]*[^"\s][^"]*"')


def with_pictures(body: str, base: str) -> str:
    """Pictures of ours are stored by their path, and a message needs the whole address."""
    return body.replace('src="/i/', f'src="{base}/i/')


def pictures_without_words(body: str) -> int:
    """Pictures that say nothing to whoever cannot see them: many programs hide all pictures at first."""
    return sum(not _WORDS.search(tag) for tag in _PICTURE.findall(body))


def _link_target(address: str, tokens: Tokens) -> str | None:
    """The link's address as a template; None when it is not counted (mail, phone, our own links)."""
    alone = tokens.pattern.fullmatch(address)
    if alone:
        nodes = parse(tokens.show(address))
        if isinstance(nodes[0], Out) and is_link(nodes[0].path):
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


def is_lone(body: str, token: re.Match[str]) -> bool:
    """Whether a condition stands between blocks rather than within a line."""
    return body[: token.start()].rstrip().endswith((">",)) or token.start() == 0
