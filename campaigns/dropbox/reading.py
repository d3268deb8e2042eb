"""What a dropped message says: whose it is, to or from whom it went, and its words as text. Nothing is looked up, nothing is trusted.

Two ways lead here. A BCC of what an officer wrote: the others stand in To and Cc. A forward: the message stands inside, as an attachment
(message/rfc822) or as lines of text below "From:" in the language of the mail program.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from campaigns.dropbox.addresses import key_of, read_dropbox
from campaigns.interactions.words import harmless, one_line
from campaigns.outreach.mail.addresses import all_in
from campaigns.outreach.mail.classify import text_of
from campaigns.outreach.mail.parts import Part, parse
from campaigns.outreach.reading import own_words

MOST_TEXT, MOST_ADDRESSES, MOST_REFERENCES, LONGEST_HEADER = 50_000, 40, 60, 20_000
_MESSAGE_ID = re.compile(r"<[^<>\s]{3,490}>")
# "From:" and "To:" of a message quoted below, as mail programs write them in our languages and in their neighbours'
_FROM = re.compile(r"^[>\s*]*(?:from|de|von|da|van|من)\s*:\s*\**\s*(?P<who>.{3,400})$", re.IGNORECASE | re.MULTILINE)
_TO = re.compile(r"^[>\s*]*(?:to|à|a|para|an|aan|إلى)\s*:\s*\**\s*(?P<who>.{3,2000})$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Dropped:
    """author: normal form of who dropped it. addresses: (normal form, name) of those whom it is about, without ours."""

    author: str
    message_id: str
    references: tuple[str, ...]
    subject: str
    text: str
    at: datetime | None
    addresses: tuple[tuple[str, str], ...]
    is_from_them: bool


def read_dropped(raw: bytes, *, own: set[str]) -> Dropped:
    """own: normal forms of the officer's addresses. Any bytes have an answer."""
    message = parse(raw)
    authors = [key for key, _name in _addresses([message.get("From")])]
    others = _without(own, _addresses([*message.all("To"), *message.all("Cc")]))
    inner = next((found for part in message.walk() if (found := part.carried()) is not None), None)
    about, text, is_from_them = message, own_words(text_of(message)), False
    if not others and inner is not None:
        about, text = inner, text_of(inner)
        others, is_from_them = _of_inner(inner, own)
    elif not others:
        text = text_of(message)
        others, is_from_them = _of_text(text, own)
    return Dropped(
        author=authors[0] if len(authors) == 1 else "",
        message_id=next(iter(_MESSAGE_ID.findall(about.get("Message-ID") or message.get("Message-ID"))), ""),
        references=tuple(dict.fromkeys(_references(message, inner)))[:MOST_REFERENCES],
        subject=one_line(_bare(about.get("Subject") or message.get("Subject"))),
        text=harmless(text[:MOST_TEXT]),
        at=_date(about) or _date(message),
        addresses=tuple(others[:MOST_ADDRESSES]),
        is_from_them=is_from_them,
    )


def _addresses(values: Iterable[str]) -> list[tuple[str, str]]:
    """(normal form, name), each address once, in its order. The standard library's parser is not asked: deep nesting breaks it."""
    found: dict[str, str] = {}
    for value in values:
        value, end = value[:LONGEST_HEADER], 0
        for at, address in all_in(value):
            name = _name(value[end:at])
            end = at + len(address)
            if key := key_of(address):
                found.setdefault(key, name)
    return list(found.items())


def _name(before: str) -> str:
    """What stands before an address: `"Diop, Awa" <`, or `, Awa Diop <`."""
    quoted = re.search(r'"([^"]{1,120})"[\s<]*$', before[-200:])
    words = quoted[1] if quoted else before.rpartition(",")[2].rpartition(";")[2]
    return one_line(words.strip(" <>\"'"), most=120)


def _without(own: set[str], found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(key, name) for key, name in found if key not in own and read_dropbox(key) is None]


def _of_inner(inner: Part, own: set[str]) -> tuple[list[tuple[str, str]], bool]:
    """Of a message that was attached: who wrote it, or whom the officer wrote it to."""
    authors = _addresses([inner.get("From")])
    if theirs := _without(own, authors):
        return theirs, True
    return _without(own, _addresses([*inner.all("To"), *inner.all("Cc")])), False


def _of_text(text: str, own: set[str]) -> tuple[list[tuple[str, str]], bool]:
    """Of a message that was quoted: the first "From:" in it that has an address."""
    for found in _FROM.finditer(text[:MOST_TEXT]):
        authors = _addresses([found["who"]])
        if theirs := _without(own, authors):
            return theirs, True
        if authors and (to := _TO.search(text, found.end())):
            return _without(own, _addresses([to["who"]])), False
    return [], False


def _references(message: Part, inner: Part | None) -> Iterator[str]:
    for part in (message, inner):
        for name in ("References", "In-Reply-To") if part is not None else ():
            yield from _MESSAGE_ID.findall((part.get(name) if part is not None else "")[:LONGEST_HEADER])
    if inner is not None:  # the forward is of the same thread as what it forwards
        yield from _MESSAGE_ID.findall(inner.get("Message-ID"))


def _bare(subject: str) -> str:
    """Without the marks of forwarding; answers keep theirs."""
    return re.sub(r"^(?:\s*(?:fwd?|tr|rv|wg|i)\s*:)+\s*", "", subject, flags=re.IGNORECASE)


def _date(part: Part) -> datetime | None:
    try:
        found = parsedate_to_datetime(part.get("Date")[:100])
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
