"""Mail that comes back: taken in once, classified once, and what follows from it in one transaction."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.delivery.addresses import BOUNCE, read_address, read_message_id
from campaigns.delivery.models import Delivery, Feedback
from campaigns.engagement.services import mark, subject_of
from campaigns.interactions.models import Party
from campaigns.mailings.models import Mailing
from campaigns.outreach.bounces import address_works, note_bounce
from campaigns.outreach.models import InboundMessage, Interaction
from campaigns.outreach.reading import Kind, Reading, own_words, read_message
from contacts.consent.services import one_click_unsubscribe, record_complaint
from contacts.directory.models import Organization, Person
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry
from crm.audit.services import record
from crm.errors import NotAllowed

logger = logging.getLogger(__name__)
State = InboundMessage.State
_ADD_REPLY = """
INSERT INTO campaigns_engagementday AS t (person_id, day, mailed, human_clicks, replies) VALUES (%s, %s, 0, 0, 1)
ON CONFLICT (person_id, day) DO UPDATE SET replies = t.replies + 1
"""


TAKERS: list[Callable[[InboundMessage], bool]] = []


def register_taker(taker: Callable[[InboundMessage], bool]) -> None:
    """Say who takes mail that came to an address of another kind: it sets state, kind and note, and answers whether it was its own."""
    if taker not in TAKERS:
        TAKERS.append(taker)


LISTENERS: list[Callable[[Interaction, Reading, Delivery], None]] = []


def on_reply(listener: Callable[[Interaction, Reading, Delivery], None]) -> None:
    """Have a feature hear each reply, in the transaction that logs it."""
    if listener not in LISTENERS:
        LISTENERS.append(listener)


def take_in(*, raw: bytes, recipient: str, sender: str = "", at: datetime | None = None) -> InboundMessage:
    """File one message as it came; the same one twice is one row. The handler classifies it later."""
    raw = _without_mbox_line(raw)
    digest = hashlib.sha256(b"\0".join([recipient.lower().encode(), sender.encode(), raw])).hexdigest()
    message, _created = InboundMessage.objects.get_or_create(
        digest=digest,
        defaults={
            "raw": raw,
            "recipient": recipient[:320],
            "sender": sender[:320],
            "received_at": at or timezone.now(),
        },
    )
    return message


def _without_mbox_line(raw: bytes) -> bytes:
    """`From sender date` in front of a message is no part of it, and its date changes with each try of a mail server."""
    return raw.partition(b"\n")[2] if raw.startswith(b"From ") else raw


def handle(*, inbound_id: int) -> InboundMessage | None:
    """Classify one new message, attribute it to its delivery and write what follows. None: done already, or being done."""
    with transaction.atomic():
        inbound = (
            InboundMessage.objects.select_for_update(skip_locked=True).filter(pk=inbound_id, state=State.NEW).first()
        )
        if inbound is None:
            return None
        if any(taker(inbound) for taker in TAKERS):
            inbound.save(update_fields=["kind", "note", "handled_at", "state"])
            return inbound
        reading = read_message(bytes(inbound.raw), sender=inbound.sender)
        delivery = _delivery_of(inbound, reading)
        inbound.kind, inbound.note, inbound.handled_at = reading.kind, reading.note[:300], timezone.now()
        if delivery is None:
            inbound.state = State.UNMATCHED
            inbound.note = _why_unmatched(reading)
        else:
            inbound.state = State.HANDLED
            inbound.mailing_id, inbound.seq = delivery.mailing_id, delivery.seq
            _follow(inbound, reading, delivery)
        inbound.save(update_fields=["kind", "note", "handled_at", "state", "mailing_id", "seq"])
    return inbound


def give_up(*, inbound_id: int, why: str) -> None:
    """A message that broke its handler is kept and listed; the others go on."""
    InboundMessage.objects.filter(pk=inbound_id, state=State.NEW).update(
        state=State.FAILED, note=why[:300], handled_at=timezone.now()
    )


def replay() -> int:
    """Have what could not be read, or belonged to no mailing, looked at again: by a newer version, or with keys that were missing.
    Returns how much that is. What is found now does what it would have done then; what is not stays listed."""
    return InboundMessage.objects.left_over().update(state=State.NEW, handled_at=None, note="")


def _delivery_of(inbound: InboundMessage, reading: Reading) -> Delivery | None:
    """By the signed address that it came to, or that stands where servers write the envelope; else by a Message-ID of ours.

    A bounce needs a signed return path: only mail servers on the way see that, while a Message-ID is quoted by anybody who
    answers, and archived. So whoever knows one cannot have an address given up by a letter of their own making.
    """
    for text in (inbound.recipient, *reading.envelopes):
        address = read_address(text)
        if address is not None and (reading.kind != Kind.BOUNCE or address.kind == BOUNCE):
            return Delivery.objects.filter(mailing_id=address.mailing_id, seq=address.seq).first()
    for text in reading.about if reading.kind != Kind.BOUNCE else ():
        known = read_message_id(text)
        if known is not None:
            mailing_id = Mailing.objects.filter(uid=known[0]).values_list("pk", flat=True).first()
            return Delivery.objects.filter(mailing_id=mailing_id or 0, seq=known[1]).first()
    return None


def _why_unmatched(reading: Reading) -> str:
    if reading.kind == Kind.BOUNCE:
        return _("A bounce without a signed return path of ours: nothing was changed.")
    return _("Neither its address nor its references are ours.")


def _follow(inbound: InboundMessage, reading: Reading, delivery: Delivery) -> None:
    if reading.kind == Kind.REPLY:
        _log_reply(inbound, reading, delivery)
    elif reading.feedback is not None:
        note_feedback(
            delivery=delivery,
            kind=reading.feedback,
            status=reading.status,
            reason=reading.reason,
            at=inbound.received_at,
            inbound_id=inbound.pk,
        )


def note_feedback(
    *,
    delivery: Delivery,
    kind: Feedback.Kind,
    status: str = "",
    reason: str = "",
    at: datetime,
    inbound_id: int | None = None,
) -> Feedback:
    """A bounce or complaint about a delivery, with what follows for its address; each kind once. In the caller's transaction."""
    feedback, is_new = Feedback.objects.get_or_create(
        mailing_id=delivery.mailing_id,
        seq=delivery.seq,
        kind=kind,
        defaults={"status": status[:12], "reason": reason[:300], "inbound_id": inbound_id, "at": at},
    )
    if is_new and feedback.kind == Feedback.Kind.COMPLAINT:
        _take_complaint(feedback, delivery)
    elif is_new:
        note_bounce(feedback, delivery)
    return feedback


def _take_complaint(feedback: Feedback, delivery: Delivery) -> None:
    """Somebody called it spam: the topic is withdrawn and the address is never written to again."""
    mailing = Mailing.objects.select_related("topic").filter(pk=delivery.mailing_id).first()
    subject = subject_of(delivery)
    if mailing and mailing.topic and subject:
        one_click_unsubscribe(
            subject=subject, topic=mailing.topic, address=delivery.address, at=feedback.at, source="complaint"
        )
    if delivery.address:
        record_complaint(address=delivery.address, source=f"complaint: {feedback.reason}"[:120], at=feedback.at)


def _log_reply(inbound: InboundMessage, reading: Reading, delivery: Delivery) -> None:
    """A reply is an interaction with the person and the institution that were written to."""
    person = Person.objects.filter(pk=delivery.person_id or 0).first()
    organization = Organization.objects.filter(pk=delivery.organization_id or 0).first()
    interaction = Interaction.objects.create(
        kind=Interaction.Kind.REPLY,
        person=person,
        organization=organization,
        mailing_id=delivery.mailing_id,
        seq=delivery.seq,
        inbound=inbound,
        subject=reading.subject[:300],
        text=own_words(reading.text),
        at=inbound.received_at,
    )
    common = {"interaction": interaction, "at": interaction.at, "is_two_way": True}
    parties = [Party(**common, person=person)] if person else []
    parties += [Party(**common, organization=organization)] if organization else []
    Party.objects.bulk_create(parties)
    mark(delivery=delivery, column="replied_at", at=inbound.received_at)
    if person:
        earlier = Q(last_engaged_at__isnull=True) | Q(last_engaged_at__lt=inbound.received_at)
        Person.objects.filter(earlier, pk=person.pk).update(last_engaged_at=inbound.received_at)
    if organization:
        earlier = Q(last_contacted_at__isnull=True) | Q(last_contacted_at__lt=inbound.received_at)
        Organization.objects.filter(earlier, pk=organization.pk).update(last_contacted_at=inbound.received_at)
    if person:  # after the person and the institution, in the order in which delivery's roll-up locks them
        with connection.cursor() as cursor:
            cursor.execute(_ADD_REPLY, [person.pk, inbound.received_at.date()])
    address_works(delivery, at=inbound.received_at)
    record(
        verb="interaction.replied", target=interaction, event={"mailing_id": delivery.mailing_id, "seq": delivery.seq}
    )
    for listener in LISTENERS:
        listener(interaction, reading, delivery)


def may_answer(*, interaction: Interaction, user: User) -> bool:
    """Whether the user may take care of this reply, not only of some."""
    return any(
        Interaction.objects.visible_to(user, action).filter(pk=interaction.pk).exists()
        for action in (Action.EDIT_DIRECTORY, Action.LOG)
        if user.may(action)
    )


def answer_reply(*, interaction: Interaction, actor: User) -> AuditEntry | None:
    """Take a reply off everybody's list; None when somebody did already."""
    with transaction.atomic():
        now = timezone.now()
        changed = Interaction.objects.to_answer().filter(pk=interaction.pk).update(answered_at=now, answered_by=actor)
        if not changed:
            return None
        return record(
            verb="interaction.answered",
            target=interaction,
            actor=actor,
            changes=[("answered_at", None, now.isoformat()), ("answered_by", None, actor)],
            event={},
        )


def restore_answer(*, uid: UUID, values: dict[str, object], expected: dict[str, object], actor: User) -> None:
    """Undo of `answer_reply`: it is to be answered again."""
    del values, expected
    if not may_answer(interaction=Interaction.objects.get(uid=uid), user=actor):
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    Interaction.objects.filter(uid=uid).update(answered_at=None, answered_by=None)
