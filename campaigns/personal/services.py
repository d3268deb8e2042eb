"""Writing to one person. What a mailing's pre-flight asks is asked here too: suppression, the address, permission for the topic, the guard."""

from __future__ import annotations

import html
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.delivery.models import Delivery, DeliveryChunk
from campaigns.delivery.partitions import partition_of
from campaigns.delivery.waking import wake
from campaigns.interactions.models import Party
from campaigns.interactions.services import log_interaction
from campaigns.interactions.words import notes, one_line
from campaigns.mailings.compiling import freeze_content
from campaigns.mailings.layouts import unbraced
from campaigns.mailings.models import Mailing, Sender, Transport, Variant
from campaigns.mailings.queries import transports_in_use
from campaigns.mailings.states import State
from campaigns.mailings.templates import TemplateRefused
from campaigns.outreach.models import Interaction
from campaigns.planning.models import Drive
from contacts.consent.models import ConsentState, Topic
from contacts.consent.queries import suppression_of
from contacts.directory.models import ContactPoint, Membership, Person
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.services import record
from crm.errors import Invalid, NotAllowed, Unavailable

MOST_TEXT = 20_000  # characters: who writes more writes a letter with an attachment


def topics_for(person: Person) -> list[Topic]:
    """Those on which this person may be written to, those that they asked for first: with their permission; or, as an answer to who
    talked with us a short time ago and never took a permission back, on any other."""
    states = ConsentState.objects.filter(subject_uid=person.uid, channel="email").values_list("topic_id", "is_granted")
    known = dict(states)
    is_answer = all(known.values()) and talked_lately(person)
    topics = Topic.objects.filter(archived_at=None).order_by("pk")
    found = [topic for topic in topics if known.get(topic.pk, is_answer)]
    return sorted(found, key=lambda topic: not known.get(topic.pk))


def talked_lately(person: Person) -> bool:
    """Whether they answered, called or met us within ANSWER_DAYS; with none, nobody is written to without a permission."""
    if not settings.ANSWER_DAYS:
        return False
    since = timezone.now() - timedelta(days=settings.ANSWER_DAYS)
    parties = Party.objects.took_part().filter(person=person, is_two_way=True, at__gte=since)
    return bool(parties.exists())


def ground_for(person: Person, topic: Topic) -> str:
    """Why it may be written to them on this topic: "permission" or "answer"; kept with the message."""
    granted = ConsentState.objects.filter(subject_uid=person.uid, channel="email", topic=topic, is_granted=True)
    return "permission" if granted.exists() else "answer"


def senders() -> Iterable[Sender]:
    """Addresses that were proven."""
    return [row for row in Sender.objects.filter(archived_at=None).order_by("name", "pk") if row.is_confirmed]


def write_to(
    *,
    actor: User,
    point: ContactPoint,
    sender: Sender,
    topic: Topic,
    drive: Drive,
    subject: str,
    text: str,
    form_key: UUID,
    override_reason: str = "",
) -> Interaction:
    """Send one message to a person's address and log it; the engine takes it from here. form_key: one form sends once.

    Raises Invalid where it must not be sent, with the reason; Guarded where a contact guard stands against it and no reason is
    given; NotAllowed out of scope.
    """
    if known := _by_form(form_key, actor):
        return known
    person = _sure(point)
    subject, text = one_line(subject, most=250), notes(text)[:MOST_TEXT]
    _check(actor, person, point, sender, topic, drive, subject, text)
    try:
        with transaction.atomic():
            mailing = _mailing(actor, person, point, sender, topic, drive, subject, text)
            logged = log_interaction(
                actor=actor, kind="message", people=[person], is_two_way=False, text=text, subject=subject, form_key=form_key,
                override_reason=override_reason,
            ).interaction  # fmt: skip
            Interaction.objects.filter(pk=logged.pk).update(mailing_id=mailing.pk, seq=1)
            changes = [
                ("subject", None, subject), ("topic", None, str(topic.uid)), ("sender", None, str(sender.uid)),
                ("ground", None, ground_for(person, topic)),
            ]  # fmt: skip
            record(
                verb="person.written_to",
                target=person,
                actor=actor,
                changes=changes,
                event={"interaction": str(logged.uid)},
            )
            transaction.on_commit(lambda: wake(mailing.pk))
    except IntegrityError:  # the other half of a double click was quicker
        known = _by_form(form_key, actor)
        if known is None:
            raise
        return known
    logged.refresh_from_db()
    return logged


def _by_form(form_key: UUID, actor: User) -> Interaction | None:
    return Interaction.objects.filter(form_key=form_key, logged_by=actor).first()


def _sure(point: ContactPoint) -> Person:
    if point.person is None:
        raise Invalid(_("This address is not a person's own. Nothing was sent."), code="no_person")
    return point.person


def _check(
    actor: User,
    person: Person,
    point: ContactPoint,
    sender: Sender,
    topic: Topic,
    drive: Drive,
    subject: str,
    text: str,
) -> None:
    if not Person.objects.visible_to(actor, Action.LOG).filter(pk=person.pk).exists():
        raise NotAllowed(_("Your role does not let you write to this person. Nothing was sent."))
    if not Drive.objects.visible_to(actor, Action.LOG).filter(pk=drive.pk).exists():
        raise NotAllowed(_("This drive is not for you. Nothing was sent."))
    if not subject or not text:
        raise Invalid(_("A message needs a subject and words. Nothing was sent."), code="empty")
    if person.erased_at or person.archived_at:
        raise Invalid(_("This person is archived or erased. Nothing was sent."), code="gone")
    if point.kind != ContactPoint.Kind.EMAIL or suppression_of(point.value) is not None:
        raise Invalid(_("This address asked never to be written to. Nothing was sent."), code="suppressed")
    if point.status != ContactPoint.Status.ACTIVE:
        raise Invalid(
            _("Messages to this address come back (%(why)s). Nothing was sent.") % {"why": point.get_status_display()},
            code="bad_address",
        )
    if topic not in topics_for(person):
        raise Invalid(
            _(
                "There is no permission to write to this person on that topic, and it would answer nothing that they said lately. Nothing was sent."
            ),
            code="no_permission",
        )
    if not sender.is_confirmed or sender.archived_at:
        raise Invalid(_("Nobody has proven this sender's address yet. Nothing was sent."), code="sender")


def _mailing(
    actor: User,
    person: Person,
    point: ContactPoint,
    sender: Sender,
    topic: Topic,
    drive: Drive,
    subject: str,
    text: str,
) -> Mailing:
    """A mailing of one delivery, frozen and ready to be claimed."""
    transport: Transport | None = transports_in_use().first()
    if transport is None:
        raise Invalid(
            _("There is no way out for mail yet: an administrator adds a transport first. Nothing was sent."),
            code="no_transport",
        )
    language, now = person.language or "en", timezone.now()
    mailing = Mailing(
        name=subject[:200], drive=drive, sender=sender, topic=topic, transport=transport, is_personal=True, written_by=actor,
        tracks_people=False, contact_guard_days=0,
    )  # fmt: skip
    mailing.save()
    if partition_of(mailing.pk) is None:
        raise Unavailable(
            _("The ledger makes room this very moment. Send it again in a few seconds; nothing was sent.")
        )
    paragraphs = "".join(
        f"<p>{html.escape(part).replace(chr(10), '<br>')}</p>" for part in unbraced(text).split("\n\n")
    )
    variant = Variant.objects.create(
        mailing=mailing,
        language=language,
        subject=unbraced(subject),
        body_html=paragraphs,
        text=unbraced(text),
        is_text_own=True,
    )
    try:
        content = freeze_content(mailing)
    except TemplateRefused as refused:
        raise Invalid(_("It cannot be built: %(problem)s") % {"problem": refused.problems[0].sentence}) from refused
    Delivery.objects.bulk_create([_delivery(mailing, variant, person, point, language)])
    DeliveryChunk.objects.create(mailing_id=mailing.pk, first_seq=1, last_seq=1, due_at=now, counts={"pending": 1})
    mailing.state, mailing.frozen_at, mailing.started_at = State.SENDING, now, now
    mailing.frozen_with, mailing.audience_count = content, 1
    mailing.save()
    return mailing


def _delivery(mailing: Mailing, variant: Variant, person: Person, point: ContactPoint, language: str) -> Delivery:
    """Nobody is tracked in a message from one to one."""
    held = (
        Membership.objects.current()
        .primary()
        .filter(person=person)
        .select_related("organization__constituency", "post")
        .first()
    )
    place = held.organization if held else None
    return Delivery(
        mailing_id=mailing.pk, seq=1, state="pending", address=point.value, address_key=point.address_key,
        address_hash=point.address_hash, variant_id=variant.pk, person_id=person.pk, post_id=held.post_id if held else None,
        organization_id=place.pk if place else None, contact_point_id=point.pk,
        constituency_code=place.constituency.root_code if place else "IND", country_code=person.country_id or "", language=language,
        is_tracked=False, fields={"person.name": person.name},
    )  # fmt: skip
