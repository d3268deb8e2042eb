"""Notifications in plain words, as servers write them that know no standard, or forget the part for programs.

Ours first, because it says why for each address; then flufl.bounce, which knows old servers one by one.
"""

from __future__ import annotations

import logging
import re
from email import message_from_string

from flufl.bounce import all_failures

from campaigns.outreach.mail.addresses import ADDRESS, all_in, clean, is_desk, ours, single_recipient
from campaigns.outreach.mail.parts import MAX_DEPTH, Part, parse
from campaigns.outreach.mail.reports import delivery_status, returned_headers
from campaigns.outreach.mail.severity import (
    CODE,
    STATUS,
    is_hard,
    is_only_delayed,
    says_anything,
    says_gone,
    specific_status,
)
from campaigns.outreach.mail.verdict import Failure, Verdict, of_failures

# It logs a trace for each message that one of its detectors trips over, and that is no error of ours.
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL + 1)

_DAEMON = re.compile(
    r"^(?:mailer[-_.]?daemon|postmaster|mail[-_.]?daemon|mdaemon|mailerdaemon|mail(?:er)?[-_.]?(?:delivery|system|admin)|microsoftexchange|"
    r"delivery|bounce|undeliverable|internet-mail-delivery|ims|smtp-?gateway|mmdf|uucp)"
)
_DAEMON_NAME = re.compile(
    r"mail (?:delivery|system|administrator|router)|delivery (?:system|subsystem|service|agent|status)|mailer[- ]daemon|postmaster|system administrator|"
    r"microsoft exchange|systemadministrator|administrateur syst|returned mail",
    re.IGNORECASE,
)
_SUBJECT = re.compile(
    r"^\W{0,3}(?:permanent delivery|undeliver|un-deliver|not deliver|non[- ]?deliver|mail(?: message)? (?:delivery )?(?:failed|failure|error|status|warning|problem|could not)|failed mail|failure notice|"
    r"failure delivery|returned (?:mail|e-?mail|to sender|message)|delivery (?:status|fail|has failed|notification|report|problem|error|delayed|attempt)|message "
    r"(?:delivery|rejected|refused|blocked|undeliver|could not|not delivered|delayed|status|you sent)|warning: (?:could not send|message|e-?mail|mail)|mail system error|nondeliver|bounce(?:d)?\b|"
    r"error (?:sending|delivering)|user unknown|unzustellbar|unable to deliver|(?:a )?message (?:that )?(?:you sent )?could not|notice: mail delivery|delayed|"
    r"rejected|status of (?:mail|message)|could not send|"
    r"non remis|message non (?:remis|distribu)|[ée]chec (?:de |d['’])|courrier non|notification d['’][ée]tat|avis de non|"
    r"no se puede entregar|no se ha podido entregar|no entregado|mensaje no (?:entregado|enviado)|devuelto|fallo en la entrega|error de entrega|"
    r"fehler (?:bei|beim)|unzustellbare|r[üu]ckl[äa]ufer|non recapitabil|mancato recapito|onbestelbaar|niet bezorgd|n[ãa]o (?:foi )?entreg|falha na entrega|"
    r"недоставлен|не доставлен|تعذر (?:ال)?تسليم|لم يتم (?:ال)?تسليم|فشل (?:ال)?تسليم|配信不能|退信|系统退信)",
    re.IGNORECASE,
)
_FAILED = re.compile(
    r"(?:could|can|did|was|were|has|have|is|are|will)(?: ?not|n.t)(?: yet)?(?: have)?(?: been| be| able to be| reach)?[ \n]{1,3}(?:successfully )?"
    r"(?:deliver|reach|sent|send|receiv|be delivered|process|found|complet|transfer|accept)|"
    r"undeliver|unable to deliver|unable to send|fail(?:ed|ure)|permanent|fatal|bounc|return(?:ed|ing) (?:to|message|mail)|reject|refus|not listed|unknown|"
    r"does not (?:exist|like)|doesn.t (?:exist|have)|over ?quota|mailbox (?:is )?full|no such|delay|error|problem|still being|non remis|pas pu|[ée]chec|impossible|"
    r"no se (?:ha )?p(?:uede|udo|odido)|no (?:pudo|fue)|fehl|nicht zugestellt|konnte nicht|не (?:может|удалось)|تعذر|لم يتم",
    re.IGNORECASE,
)
_RETURNED = re.compile(
    r"^[-=*_# ]*(?:(?:this|below|the following|here) (?:line )?is (?:a |the |your )?(?:copy|returned|header|original)|below this line is|original message(?: follows| headers)?|"
    r"(?:text of |the )?(?:your )?original message(?: follows| is|:| headers|$| attached| follows as)|unsent message (?:follows|below)|returned (?:message|mail) follows|"
    r"message header(?:s)? follow|included is a copy|undelivered message follows|forwarded message|the (?:first )?(?:body|header)s? of the (?:original|message)|"
    r"(?:a )?copy of (?:your|the) (?:original )?message|received: from |return-path: |begin (?:returned|original)|message contents follow|your message reads|old message|"
    r"rejected message follows|---- ?start of|message d['’]origine|en-t[êe]tes? (?:de message )?d['’]origine|encabezados de mensajes? originales|mensaje original|"
    r"urspr[üu]ngliche nachricht|kopie der nachricht)",
    re.IGNORECASE,
)
_OPENING = re.compile(
    r"\b(?:your|this|a|the following|votre|su|ihre?) (?:e-?)?(?:message|mail|mensaje|correo|nachricht)[^.\n]{0,120}"
    r"(?:(?:could|can|was|has)(?: ?not|n.t) be(?:en)? delivered|n.a pas pu|no (?:pudo|ha podido|se pudo)|konnte nicht|undeliverable)",
    re.IGNORECASE,
)
# headers of our message that a notification repeats in its words
_SUMMARY = re.compile(
    r"^[ \t>]*(?:subject|the subject of the message is|betreff|objet|asunto|to|from|sent|date|message-id|cc|reply-to)[ \t]*:.*$",
    re.IGNORECASE | re.MULTILINE,
)
# an address in one of these places is what the notification is about
_LISTED = re.compile(
    r"^[\s>*<\-]*(?:<?mailto:|to:?\s+|recipients?:\s*|address:\s*|smtp:\s*|user:\s*|\d{1,2}[.)]\s+)?<?$", re.IGNORECASE
)
_NAMED = re.compile(
    r"(?:rcpt to:?|deliver(?:ed|y)?(?: of this message)? to(?: the following)?|message to|mail to|recipient|address|user|for|reach|envoy[ée] [àa]|entreg\w+ a) *[:\"'(]*\s*<?$",
    re.IGNORECASE,
)
_INTRO = re.compile(
    r"(?:following|these|this|ces|los?|siguientes?|destinataire|destinatario|empf[äa]nger|recipient|address|addresses|user|failed|delivered to|deliver to|reach|delivery to|"
    r"not delivered|undeliverable|adresse)s?[^\n]{0,120}:?\s*$",
    re.IGNORECASE,
)
MAX_LINES, MAX_FOUND = 400, 60
LIBRARY_LINES = 2_000  # it tries some sixty expressions on each


def is_notice(message: Part, *, sender: str | None) -> bool:
    """Whether a mail system wrote this: by its envelope, its author, or a subject that only mail systems write."""
    if message.has("X-Failed-Recipients"):
        return True
    author = message.get("From")
    local = clean(author).partition("@")[0] or author.lower().strip(' <>"')
    if _DAEMON.match(local) or (sender is not None and _DAEMON.match(sender.lower().partition("@")[0])):
        return True
    if _DAEMON_NAME.search(author.partition("<")[0]):
        return True
    if sender == "":
        return True
    if message.has("In-Reply-To"):
        return False
    opening = _OPENING.search(notice_text(message)[:400])
    return bool(_SUBJECT.match(message.get("Subject")) or opening)


def read_notice(message: Part, raw: bytes) -> Verdict | None:
    """What a notification in plain words says; None where it says nothing of a failure."""
    text = notice_text(message)
    listed = [address for value in message.all("X-Failed-Recipients") for _at, address in all_in(value)]
    sections, is_sure = _sections(text, message, listed)
    found = sections if listed else _agreed(sections, _by_library(raw, text), is_sure=is_sure)
    says = _SUBJECT.match(message.get("Subject")) or _FAILED.search(text) or STATUS.search(text)
    if not listed and not says and not (found and is_sure):
        return None
    if not found and (inner := _wrapped(message)) is not None:
        return inner
    if not found:
        if not listed and not (_SUBJECT.match(message.get("Subject")) or CODE.search(text) or STATUS.search(text)):
            return None
        address = single_recipient(returned(message))
        found = {one: text for one in listed} or {address: text}
    # a subject is mostly ours, and what we wrote is no reason; where the words give none it may be theirs
    whole = text if says_anything(ADDRESS.sub(" ", _SUMMARY.sub("", text))) else message.get("Subject") + "\n" + text
    return of_failures([_failure(address, words, whole) for address, words in found.items()])


def _wrapped(message: Part) -> Verdict | None:
    """What a report says that a gateway put whole into a notification of its own."""
    for part in message.of_type("message/rfc822"):
        inner = delivery_status(parse(part.content(), depth=MAX_DEPTH - 2))
        if inner is not None:
            return inner
    return None


def _agreed(sections: dict[str, str], known: dict[str, str], *, is_sure: bool) -> dict[str, str]:
    """What the library knows of a server's own form, and beside it only what says why."""
    if not known:
        return sections
    kept = {address: words for address, words in sections.items() if address in known or (is_sure and _says_why(words))}
    return kept | {address: words for address, words in known.items() if address not in kept}


def notice_text(message: Part) -> str:
    """The words of a notification, up to the message that it returns."""
    parts = message.of_type("text/plain") or message.of_type("text/html")
    if not parts and not message.parts:
        parts = [message]
    lines: list[str] = []
    for part in parts[:3]:
        for line in part.text.splitlines():
            if _RETURNED.match(line) or len(lines) >= MAX_LINES:
                break
            lines.append(line[:1000])
    return "\n".join(lines)


def _sections(text: str, message: Part, listed: list[str]) -> tuple[dict[str, str], bool]:
    """address → the words about it, from where it is named to where the next one is; and whether they stand where one fails."""
    own = ours(message)
    strong: list[tuple[int, str]] = []
    weak: list[tuple[int, str]] = []
    offset, since_intro = 0, 99
    for line in text.split("\n"):
        since_intro = 0 if _INTRO.search(line) and len(line) < 400 else since_intro + bool(line.strip())
        for at, address in list(all_in(line))[:10]:
            if address in own or is_desk(address):
                continue
            before, after = line[:at], line[at:]
            named = _LISTED.match(before) is not None and (since_intro <= 12 or ">:" in after[:330])
            named = (
                named
                or _NAMED.search(before[-60:]) is not None
                or bool(CODE.search(before[-80:]) or STATUS.search(before[-80:]))
            )
            (strong if named or address in listed else weak).append((offset + at, address))
        offset += len(line) + 1
        if len(strong) + len(weak) > MAX_FOUND:
            break
    if listed:
        strong = [(at, address) for at, address in strong if address in listed]
    places = strong or ([] if listed else weak)
    found: dict[str, str] = {}
    for index, (at, address) in enumerate(places):
        following = next((later for later, other in places[index + 1 :] if other != address), len(text))
        start = text.rfind("\n", 0, at) + 1
        found[address] = (found.get(address, "") + "\n" + text[start:following])[:4000]
    return found, bool(strong)


def _says_why(words: str) -> bool:
    bare = ADDRESS.sub(" ", words)
    return bool(STATUS.search(bare) or CODE.search(bare))


def _failure(address: str, words: str, whole: str) -> Failure:
    """By what is said of this address; by the whole notification where that says nothing."""
    words, whole = _SUMMARY.sub("", words), _SUMMARY.sub("", whole)
    # some servers give the reason above the address
    judged = words if says_anything(ADDRESS.sub(" ", words)) else whole
    status = specific_status("", judged) or specific_status("", whole)
    delayed = (
        not status.startswith("5")
        and is_only_delayed(whole)
        and not re.search(r"permanent|given up|giving up", whole, re.IGNORECASE)
    )
    lines = [" ".join(line.split()) for line in judged.splitlines() if line.strip()]
    reason = next((line for line in lines if STATUS.search(line) or CODE.search(line)), "") or (
        lines[1] if len(lines) > 1 else "".join(lines[:1])
    )
    # a notification that names no address and gives no reason is no ground to give one up
    has_ground = bool(address or status) or _says_why(judged) or says_gone(judged)
    hard = not delayed and has_ground and is_hard(status=status, words=judged)
    return Failure(address, hard, status, reason, is_delay=delayed)


def _by_library(raw: bytes, text: str) -> dict[str, str]:
    """What flufl.bounce finds in the first part of a message.

    Latin-1 makes text of any bytes, and there is always an author: its detectors trip over headers that are not.
    """
    try:
        lines = raw[:100_000].decode("latin-1").splitlines()[:LIBRARY_LINES]
        message = message_from_string("\n".join(lines))
        if not ADDRESS.search(message.get("From", "")):
            del message["From"]
            message["From"] = "unknown@unknown.invalid"
        temporary, permanent = all_failures(message)
    except Exception:  # anybody may send us anything; a message that the library cannot read is judged by its words
        return {}
    addresses = [clean(one.decode("utf-8", "replace")) for one in sorted(permanent or temporary)]
    return {address: text for address in addresses if address}


def returned(message: Part) -> Part | None:
    """The headers of the message that a notification brings back, as a part of its own or below its words."""
    found = returned_headers(message)
    if found is not None:
        return found
    for part in message.of_type("text/plain")[:1]:
        lines = part.text.splitlines()
        for number, line in enumerate(lines):
            if _RETURNED.match(line):
                here = (
                    lines[number:]
                    if line[:1].isalpha() and line.lower().startswith(("received:", "return-path:"))
                    else lines[number + 1 :]
                )
                below = "\n".join(here[:300]).lstrip("\n -=")
                return parse(below.encode("utf-8", "replace"), depth=MAX_DEPTH)
    return None
