"""What a compiled mailing is: template text for each variant, its numbered links, and how one recipient's copy is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from django.conf import settings

from campaigns.mailings.fields import Scalar
from campaigns.mailings.mime import Skeleton
from campaigns.mailings.rendering import LinkUrl, Numbers, Program, Recipient, Values, text_program
from campaigns.mailings.templates import parse

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
    mixed: str = ""  # boundary of what is attached behind it; empty for nothing

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CompiledVariant:
        return cls(**{**data, "links": [CompiledLink(**link) for link in data["links"]]})

    @cached_property
    def numbers(self) -> Numbers:
        return Numbers.of(self.language)

    @cached_property
    def _addresses(self) -> dict[int, str | Program[str]]:
        found: dict[int, str | Program[str]] = {}
        for link in self.links:
            nodes = parse(link.url, internal=True)
            plain = all(isinstance(node, str) for node in nodes)
            found[link.number] = link.url if plain else text_program(nodes, numbers=self.numbers)
        return found

    @cached_property
    def _programs(self) -> tuple[Program[str], Program[str], Program[str]]:
        return (
            text_program(parse(self.subject, internal=True), numbers=self.numbers),
            text_program(parse(self.html, internal=True), numbers=self.numbers, escape=True),
            text_program(parse(self.text, internal=True), numbers=self.numbers),
        )

    @cached_property
    def skeleton(self) -> Skeleton:
        return Skeleton(subject=self.subject, html=self.html, text=self.text, language=self.language, mixed=self.mixed)

    @cached_property
    def fixed_links(self) -> dict[int, str] | None:
        """All links by number when none of them has fields in it, else None."""
        fixed = {number: url for number, url in self._addresses.items() if isinstance(url, str)}
        return fixed if len(fixed) == len(self._addresses) else None

    def recipient(self, values: Values, link_url: LinkUrl | None) -> Recipient:
        """One rendering's needs. link_url(number, destination) gives the address that stands in the message."""

        made: dict[int, str] = {}  # a link stands in both parts of a message, and is signed once

        def destination(number: int, values: Values) -> str:
            url = made.get(number)
            if url is None:
                address = self._addresses[number]
                if not isinstance(address, str):
                    address = address.run(Recipient(values, destination))
                url = made[number] = link_url(number, address) if link_url else address
            return url

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
        """RFC 5322 bytes of one message, CRLF line ends. See `campaigns/mailings/mime.py`. With attachments (`mixed`) it is
        the head of one, to be followed by its tail (`enclosures.py`).

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
            unsubscribe=unsubscribe_url,
            list_id=list_id,
            feedback_id=feedback_id,
            headers=headers or {},
        )


def render(
    compiled: CompiledVariant, fields: Mapping[str, Scalar], link_url: LinkUrl | None = None, **urls: str
) -> Rendered:
    """What one recipient reads, as text. urls: unsubscribe_url, preferences_url, open_url, trap_url."""
    to = compiled.recipient({**fields, **urls}, link_url)
    subject, page, text = (program.run(to) for program in compiled._programs)
    return Rendered(subject, page, text)
