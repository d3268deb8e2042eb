"""What a message says in a form for programs: delivery status (RFC 3464, 6533), feedback (RFC 5965), dispositions (RFC 8098)."""

from __future__ import annotations

import re

from campaigns.outreach.mail.addresses import clean, is_desk, of_field, single_recipient
from campaigns.outreach.mail.parts import MAX_VALUE, Part, decoded
from campaigns.outreach.mail.severity import is_hard, specific_status
from campaigns.outreach.mail.verdict import Failure, Kind, Verdict, of_failures

Fields = dict[str, str]
STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")
MAX_BLOCKS = 500
_FIELD = re.compile(r"^([A-Za-z][A-Za-z0-9-]{1,60})[ \t]*:[ \t]*(.*)$")
_RECIPIENT = ("final-recipient", "original-recipient")
_BEGINS = (*_RECIPIENT, "original-rcpt-to")
# RFC 6430: moved out of the spam folder. RFC 6591: a signature that did not verify, about a domain, not a message to somebody.
_NO_COMPLAINT = {
    "not-spam": "a provider says that a message is no spam",
    "auth-failure": "a report about signatures (DMARC)",
    "dmarc": "a report about signatures (DMARC)",
}
_REJECTED = re.compile(r"reject|refus|quota|rechaz|rejet|abgelehnt", re.IGNORECASE)
_PROVIDER_COMPLAINT = re.compile(r"^\s*(complaint about message from|email feedback report for ip)", re.IGNORECASE)


def read_blocks(part: Part) -> list[Fields]:
    """The groups of fields of a report part; names in lower case, the first of each name counts.

    Servers forget the blank line between two recipients, so a second recipient's field begins a group, too.
    """
    blocks: list[Fields] = [{}]
    last = ""
    for line in part.text.splitlines():
        if not line.strip():
            last = ""
            if blocks[-1]:
                blocks.append({})
        elif line[0] in " \t" and last:
            blocks[-1][last] = f"{blocks[-1][last]} {line.strip()}"[:MAX_VALUE]
        elif found := _FIELD.match(line[:MAX_VALUE]):
            last = found[1].lower()
            if last in _BEGINS and last in blocks[-1]:
                blocks.append({})
            if last in blocks[-1]:
                last = f"{last} again"
            blocks[-1].setdefault(last, decoded(found[2].encode("utf-8", "replace")))
        if len(blocks) > MAX_BLOCKS:
            break
    return [block for block in blocks if block]


def delivery_status(message: Part) -> Verdict | None:
    """What delivery-status parts say; None where there are none, or where they say nothing of any recipient."""
    blocks = [block for part in message.of_type(*STATUS_TYPES) for block in read_blocks(part)]
    told = [block for block in blocks if any(name in block for name in (*_RECIPIENT, "action", "status"))]
    if not told:
        return None
    failures = [failure for block in told if (failure := _failure(block)) is not None]
    if not failures:
        good = any(_action(block) in {"delivered", "relayed", "expanded"} for block in told)
        return Verdict(Kind.NONE, note="a server says that a message arrived") if good else None
    if not any(one.address for one in failures):
        failures = [_with_address(one, message) for one in failures]
    return of_failures(failures)


def _action(block: Fields) -> str:
    word = re.match(r"[a-z]+", block.get("action", "").strip().lower())
    return word[0] if word else ""


def _failure(block: Fields) -> Failure | None:
    action = _action(block)
    said = block.get("diagnostic-code", "")
    reason = said.partition(";")[2].strip() if ";" in said[:40] else said.strip()
    status = specific_status(block.get("status", ""), reason)
    if action in {"delivered", "relayed", "expanded"} or (not action and not status.startswith(("4", "5"))):
        return None
    address = of_field(block.get("original-recipient", ""), is_original=True)
    address = address or of_field(block.get("final-recipient", "")) or of_field(block.get("x-actual-recipient", ""))
    if action == "delayed":
        return Failure(address, False, status, reason, is_delay=True)
    # a server's own name for why, where it gives no diagnosis
    words = reason or block.get("x-supplementary-info", "") or block.get("x-notes", "")
    return Failure(address, is_hard(status=block.get("status", ""), words=words), status, reason)


def _with_address(failure: Failure, message: Part) -> Failure:
    address = single_recipient(returned_headers(message))
    return Failure(address, failure.is_hard, failure.status, failure.reason, failure.is_delay)


def returned_headers(message: Part) -> Part | None:
    """The headers of the message that a report brings back."""
    for part in message.walk():
        if part is not message and (carried := part.carried()) is not None:
            return carried
    return None


def feedback(message: Part) -> Verdict | None:
    """What a feedback report says, or a provider's complaint from before there was a standard (JMRP, SCOMP)."""
    is_report = message.params.get("report-type", "").lower() == "feedback-report"
    parts = message.of_type("message/feedback-report")
    if not parts and not is_report:
        return _provider_complaint(message)
    fields: Fields = {}
    recipients: list[str] = []
    for part in parts:
        for block in read_blocks(part):
            fields = {**block, **fields}
            recipients.append(clean(block.get("original-rcpt-to", "")))
    kind = fields.get("feedback-type", "abuse").split(";")[0].strip().lower() or "abuse"
    if kind in _NO_COMPLAINT:
        return Verdict(Kind.NONE, note=_NO_COMPLAINT[kind])
    known = [one for one in recipients if one and not is_desk(one)] or [single_recipient(returned_headers(message))]
    return Verdict(Kind.COMPLAINT, tuple(dict.fromkeys(filter(None, known))), reason=kind[:60])


def _provider_complaint(message: Part) -> Verdict | None:
    headers = returned_headers(message)
    if headers is None or not _PROVIDER_COMPLAINT.match(message.get("Subject")):
        return None
    address = single_recipient(headers)
    return Verdict(Kind.COMPLAINT, (address,) if address else (), reason="abuse")


def disposition(message: Part) -> Verdict | None:
    """A receipt: a program says that a message was shown or deleted. A filter that refuses mail says so in this form, too
    (RFC 5429), and that is a message that did not get in."""
    is_receipt = message.params.get("report-type", "").lower() == "disposition-notification"
    parts = message.of_type("message/disposition-notification", "message/global-disposition-notification")
    if not parts and not is_receipt:
        return None
    fields: Fields = {}
    for block in (block for part in parts for block in read_blocks(part)):
        fields = {**block, **fields}
    words = next((part.text for part in message.of_type("text/plain", "text/html")), "")
    done = fields.get("disposition", "").lower()
    if "automatic-action" in done and "deleted" in done and _REJECTED.search(words + message.get("Auto-Submitted")):
        address = of_field(fields.get("original-recipient", ""), is_original=True) or of_field(
            fields.get("final-recipient", "")
        )
        return Verdict(Kind.SOFT, (address,) if address else (), reason=" ".join(words.split())[:300])
    return Verdict(Kind.AUTO_REPLY, note="a mail program says that a message was opened, or not")


def other_report(message: Part) -> Verdict | None:
    """Reports of mail systems about domains: DMARC aggregates, TLS failures (RFC 8460), and whatever comes next."""
    kind = message.params.get("report-type", "").lower()
    if message.type == "multipart/report" and kind not in {"", "delivery-status"}:
        return Verdict(Kind.NONE, note=f"a report of a mail system: {kind[:60]}")
    subject = message.get("Subject").lower()
    if subject.startswith("report domain:") and "submitter:" in subject:
        return Verdict(Kind.NONE, note="a report of a mail system: dmarc")
    return None
