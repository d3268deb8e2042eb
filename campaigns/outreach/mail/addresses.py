"""E-mail addresses as they stand in notifications: typed, commented, quoted, in angle brackets, encoded."""

from __future__ import annotations

import re
from collections.abc import Iterator

from campaigns.outreach.mail.parts import Part

# Bounded, and no class of characters follows one that overlaps with it: the time is linear in the text.
ADDRESS = re.compile(
    r"[^\s<>()\[\]{}:;,\"'`@=|\\]{1,64}(?:=[^\s<>()\[\]{}:;,\"'`@=|\\]{1,64})?@[^\s<>()\[\]{}:;,\"'`@=|\\/!?*]{1,255}"
)
_ESCAPED = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_XTEXT = re.compile(r"\+(2B|3D)")
# Mailboxes of programs and desks: a notification names them, but no message of ours bounced there.
_DESKS = {
    "postmaster", "mailer-daemon", "mailerdaemon", "mail-daemon", "maildaemon", "abuse", "hostmaster", "helpdesk", "support", "noreply",
    "no-reply", "donotreply", "do-not-reply", "redacted", "removed", "hidden", "undisclosed", "undisclosed-recipients", "nobody", "unknown",
}  # fmt: skip


def clean(text: str) -> str:
    """The address in a text such as `rfc822; <Awa@Example.org> (Awa)`, lower-cased; empty where there is none."""
    found = ADDRESS.search(_ESCAPED.sub(_character, text))
    return _tidy(found[0]) if found else ""


def of_field(text: str, *, is_original: bool = False) -> str:
    """The address in a recipient's field of a report: `type; address` (RFC 3464, 2.1.2; RFC 6533, 3)."""
    address = clean(text.partition(";")[2] if ";" in text else text)
    if is_original:  # copied from ORCPT as it was, by servers that forget to decode it (RFC 3461, 4)
        address = _XTEXT.sub(lambda match: chr(int(match[1], 16)), address.replace("+2b", "+2B").replace("+3d", "+3D"))
    return address


def all_in(text: str) -> Iterator[tuple[int, str]]:
    """(place, address) of each address in a text."""
    for found in ADDRESS.finditer(text):
        address = _tidy(found[0])
        if address:
            yield found.start(), address


def _tidy(text: str) -> str:
    address = text.strip(".-_*&#!?/").lower()
    local, _at, domain = address.rpartition("@")
    return address if local and "." in domain and domain[-1:].isalnum() and ".." not in domain else ""


def _character(match: re.Match[str]) -> str:
    point = int(match[1], 16)
    return chr(point) if point < 0x110000 and not 0xD800 <= point < 0xE000 else ""


def is_desk(address: str) -> bool:
    return address.partition("@")[0].partition("+")[0] in _DESKS


def ours(message: Part) -> set[str]:
    """To whom the notification itself went, and from whom it is: never what it is about."""
    found: set[str] = set()
    for name in (
        "To",
        "Delivered-To",
        "X-Original-To",
        "Envelope-To",
        "Return-Path",
        "From",
        "Sender",
        "Reply-To",
        "Cc",
    ):
        for value in message.all(name):
            found.update(address for _at, address in all_in(value))
    return found


def single_recipient(headers: Part | None) -> str:
    """The one address that a returned message was for, where its headers leave no doubt."""
    if headers is None:
        return ""
    if special := clean(headers.get("X-HmXmrOriginalRecipient")) or clean(headers.get("X-Original-To")):
        return special
    found = {address for value in headers.all("To") for _at, address in all_in(value) if not is_desk(address)}
    return found.pop() if len(found) == 1 and not headers.has("Cc") else ""
