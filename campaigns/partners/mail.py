"""The mailings that reached a partner or their institution, and each as the very message that left."""

from __future__ import annotations

import email
import logging
import re
from dataclasses import dataclass, replace
from datetime import datetime
from email.message import EmailMessage
from email.policy import default
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from campaigns.delivery.composing import Item, plan_of
from campaigns.delivery.models import Delivery
from campaigns.mailings.models import Mailing, Variant
from campaigns.mailings.rendering import Numbers, Recipient, text_program
from campaigns.mailings.templates import TemplateRefused, parse
from campaigns.partners.queries import Mine
from contacts.directory.models import ContactPoint
from crm.errors import DomainError

logger = logging.getLogger(__name__)

SHOWN = 50  # the latest; older ones are in the file with their data


@dataclass(frozen=True)
class Received:
    """One mailing in the list. How staff call it is not theirs to read: the subject is as it reached them."""

    uid: UUID
    subject: str
    at: datetime | None
    address: str


@dataclass(frozen=True)
class Opened:
    """A message in full. html: "" where it had none; files: (name, type, bytes)."""

    received: Received
    sender: str
    html: str
    text: str
    files: list[tuple[str, str, bytes]]


def deliveries(mine: Mine) -> QuerySet[Delivery]:
    """What was sent to this person, and to an address of an institution of theirs that names nobody, from the day
    on which they came there. The ledger is indexed by person
    and by address, so it is asked by those. What was skipped or failed they did not receive."""
    points = ContactPoint.objects.emails().filter(
        Q(organization__in=mine.organization_ids) | Q(post__organization__in=mine.organization_ids),
        address_hash__isnull=False,
    )
    hashes = [bytes(value) for value in points.values_list("address_hash", flat=True)[:500] if value]
    since = Q(pk__in=[])
    for organization, day in mine.since().items():
        since |= Q(organization_id=organization, settled_at__date__gte=day)
    to_us = Q(since, person_id__isnull=True, address_hash__in=hashes)
    rows: QuerySet[Delivery] = Delivery.objects.filter(Q(person_id=mine.person.pk) | to_us, state="accepted")
    return rows


def received(mine: Mine) -> list[Received]:
    """The latest first, each mailing once."""
    found: dict[int, Delivery] = {}
    rows = deliveries(mine).order_by("-mailing_id", "person_id", "-seq")  # one to them before one to their institution
    for row in rows.only("mailing_id", "seq", "settled_at", "variant_id", "fields", "address")[: SHOWN * 2]:
        found.setdefault(row.mailing_id, row)
    latest = list(found.values())[:SHOWN]
    uids = dict(Mailing.objects.filter(pk__in=[row.mailing_id for row in latest]).values_list("pk", "uid"))
    variants = Variant.objects.filter(pk__in=[row.variant_id for row in latest if row.variant_id])
    known = {variant.pk: variant for variant in variants.only("mailing_id", "language", "subject")}
    return [
        Received(uids[row.mailing_id], _subject(variant, row), row.settled_at, row.address)
        for row in latest
        if (variant := known.get(row.variant_id or 0)) and row.mailing_id in uids
    ]


def _subject(variant: Variant, row: Delivery) -> str:
    """As it was sent, with this person's fields in it."""
    try:
        program = text_program(parse(variant.subject, internal=True), numbers=Numbers.of(variant.language))
        subject = program.run(Recipient(row.fields, lambda _number, _values: ""))
    except (TemplateRefused, KeyError):  # its fields were forgotten
        subject = ""
    return subject.strip() or _("Mail from us")


def open_mail(mine: Mine, uid: UUID) -> Opened | None:
    """The very message, made once more from what was frozen with the mailing; None when it is not theirs, or cannot be made any more."""
    mailing = Mailing.objects.filter(uid=uid).only("pk", "uid").first()
    row = deliveries(mine).filter(mailing_id=mailing.pk).order_by("person_id", "-seq").first() if mailing else None
    message = _made(row) if row else None
    if mailing is None or row is None or message is None:
        return None
    html, text = message.get_body(("html",)), message.get_body(("plain",))
    markup, words = html.get_content() if html else "", text.get_content() if text else ""
    if row.person_id != mine.person.pk:
        markup, words = without_own_links(markup), without_own_links(words)
    files = [
        (
            part.get_filename() or _("file"),
            part.get_content_type(),
            bytes(payload) if isinstance(payload := part.get_payload(decode=True), bytes) else b"",
        )
        for part in message.iter_attachments()
    ]
    return Opened(
        Received(mailing.uid, str(message["Subject"] or "").strip() or _("Mail from us"), row.settled_at, row.address),
        str(message["From"] or ""),
        markup,
        words,
        files,
    )


def _made(row: Delivery) -> EmailMessage | None:
    try:
        plan, date = plan_of(row.mailing_id), row.first_attempt_at or row.settled_at
    except DomainError:  # a file that it carried is gone
        return None
    if plan is None or date is None or row.variant_id not in plan.variants:
        return None
    plan = replace(plan, is_shown=True)
    item = Item(
        seq=row.seq, address=row.address, address_key=row.address_key or row.address, variant_id=row.variant_id, fields=row.fields,
        is_tracked=False, first_attempt_at=date, attempts=row.attempts, was=row.state, claim=None,
    )  # fmt: skip
    try:
        raw = plan.message(item, date) + b"".join(plan.tail(item))
    except (LookupError, ValueError, TemplateRefused, ObjectDoesNotExist, DomainError):
        return None  # fields that were forgotten, or an event that is no more
    except Exception:  # whatever else the renderer raises is ours to mend, and not theirs to see
        logger.exception("Delivery %s of mailing %s cannot be shown", row.seq, row.mailing_id)
        return None
    found = email.message_from_bytes(raw, policy=default)
    return found if isinstance(found, EmailMessage) else None


_HEAD = re.compile(r"<head[^>]*>", re.IGNORECASE)


_LINK = re.compile(r"<a\b[^>]*\bhref\s*=\s*[\"']([^\"']*)[\"'][^>]*>(.*?)</a>", re.IGNORECASE | re.DOTALL)


def without_own_links(words: str) -> str:
    """HTML or text in which everything that leads to us, pictures aside, is named and leads nowhere: whoever it was sent to can
    unsubscribe and answer by it."""
    said = _("[link of the recipient]")
    bases = "|".join(re.escape(base) for base in {settings.BASE_URL, settings.TRACKING_URL})
    ours = re.compile(rf"(?:{bases})/(?!i/)[^\s\"'<>]*", re.IGNORECASE)
    words = _LINK.sub(lambda found: f"{found[2]} {said}" if ours.match(found[1].strip()) else found[0], words)
    return ours.sub(said, words)


def framed(html: str) -> str:
    """For a sandboxed frame: links open a page of their own, outside of it; the picture that counts opens is left out, for nothing is counted here."""
    html = re.sub(r'<img[^>]*\ssrc=""[^>]*>', "", html)
    base, head = '<base target="_blank">', _HEAD.search(html)
    return html[: head.end()] + base + html[head.end() :] if head else base + html
