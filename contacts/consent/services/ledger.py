"""Permission given and withdrawn. Each is a new event; the ledger is never changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.consent.addresses import address_hash, address_key
from contacts.consent.models import ConsentAction, ConsentEvent, ConsentState, LawfulBasis, Suppression, Topic
from contacts.consent.services.suppressions import delivered_address, lift_own_suppression, suppress_addresses
from contacts.consent.subjects import Subject
from contacts.directory.models import ContactPoint, Organization, Person
from crm.accounts.models import User
from crm.audit.models import Door
from crm.audit.services import record
from crm.errors import Invalid

EMAIL = "email"
PREFERENCES = "preference page"
ONE_CLICK = "one-click unsubscribe"
LeftByMail = Callable[[int, int, Sequence[Topic]], None]
_LEFT_BY_MAIL: list[LeftByMail] = []


def on_left_by_mail(effect: LeftByMail) -> LeftByMail:
    """Register what else happens, in the same transaction, when topics are withdrawn through the link in a message:
    effect(mailing id, seq, topics)."""
    if effect not in _LEFT_BY_MAIL:
        _LEFT_BY_MAIL.append(effect)
    return effect


class Withdrawn(Protocol):
    """What else happens when somebody withdraws a topic. kind: person or organization; uid: as it is called by now."""

    def __call__(self, *, kind: str, uid: UUID, topic_id: int, at: datetime) -> None: ...


_WITHDRAWN: list[Withdrawn] = []


def on_withdraw(effect: Withdrawn) -> Withdrawn:
    """Register what else happens in the transaction of a withdrawal (delivery: what waits to go to them)."""
    if effect not in _WITHDRAWN:
        _WITHDRAWN.append(effect)
    return effect


def _left_by_mail(mailing_id: int | None, seq: int | None, topics: Sequence[Topic]) -> None:
    if mailing_id is not None and seq is not None and topics:
        for effect in _LEFT_BY_MAIL:
            effect(mailing_id, seq, topics)


def grant_consent(
    *,
    subject: Person | Organization | Subject,
    topic: Topic,
    lawful_basis: str,
    source: str,
    evidence: str = "",
    address: str = "",
    at: datetime | None = None,
    actor: User | None = None,
    door: Door | None = None,
    channel: str = EMAIL,
) -> ConsentEvent:
    """Record that the subject gave permission for the topic.

    source: where it came from, in a few words; at: when it was given (now by default, never in the future).
    An event with an earlier time than the ledger's last word is kept and changes nothing. Raises Invalid without a
    basis or a source, and for an archived topic.
    """
    if lawful_basis not in LawfulBasis.values:
        raise Invalid(_("A permission needs a lawful basis, and none was chosen."), code="basis_missing")
    if not source.strip():
        raise Invalid(_("Say where this permission comes from."), code="source_missing")
    if topic.archived_at:
        raise Invalid(_("“%(topic)s” is archived. Restore it first.") % {"topic": topic.label}, code="topic_archived")
    return _append(
        subject=subject,
        topic=topic,
        action=ConsentAction.GRANT,
        lawful_basis=lawful_basis,
        source=source,
        evidence=evidence,
        address=address,
        at=at,
        actor=actor,
        door=door,
        channel=channel,
    )


def withdraw_consent(
    *,
    subject: Person | Organization | Subject,
    topic: Topic,
    source: str,
    evidence: str = "",
    address: str = "",
    at: datetime | None = None,
    actor: User | None = None,
    door: Door | None = None,
    channel: str = EMAIL,
) -> ConsentEvent | None:
    """Record that the subject withdrew permission for the topic. None when that was the ledger's last word already.

    A withdrawal where nothing was ever given is recorded too: no import may then give a first permission.
    """
    with transaction.atomic():
        who = _locked(subject)
        state = ConsentState.objects.filter(subject_uid=who.uid, topic=topic, channel=channel).first()
        if state is not None and not state.is_granted:
            return None
        return _append(
            subject=who,
            topic=topic,
            action=ConsentAction.WITHDRAW,
            lawful_basis="",
            source=source,
            evidence=evidence,
            address=address,
            at=at,
            actor=actor,
            door=door,
            channel=channel,
        )


def one_click_unsubscribe(
    *,
    subject: Person | Organization | Subject,
    topic: Topic,
    address: str = "",
    at: datetime | None = None,
    source: str = ONE_CLICK,
) -> ConsentEvent | None:
    """RFC 8058: withdraw the mailing's topic. A mail program may post it many times; the first one counts."""
    return withdraw_consent(subject=subject, topic=topic, source=source, address=address, at=at, door=Door.LINK)


@dataclass(frozen=True)
class Changed:
    """What a visit to the preference page changed."""

    granted: tuple[Topic, ...] = ()
    withdrawn: tuple[Topic, ...] = ()
    language: str = ""
    is_suppressed: bool = False
    is_lifted: bool = False

    def __bool__(self) -> bool:
        return bool(self.granted or self.withdrawn or self.language or self.is_suppressed or self.is_lifted)


def save_preferences(
    *,
    subject: Subject,
    wishes: Mapping[Topic, bool],
    language: str = "",
    mailing_id: int | None = None,
    seq: int | None = None,
) -> Changed:
    """Write what somebody changed on their preference page, and only that; returns what is different now.

    wishes: topic → wanted, for the topics that they switched. Choosing a topic again lifts the suppression that they
    asked for themselves.
    """
    granted, withdrawn = [], []
    with transaction.atomic():
        language = _set_language(subject, language)
        who = _locked(subject)
        current = dict(
            ConsentState.objects.filter(subject_uid=who.uid, channel=EMAIL).values_list("topic_id", "is_granted")
        )
        for topic, is_wanted in wishes.items():
            if is_wanted and not current.get(topic.pk):
                grant_consent(
                    subject=who, topic=topic, lawful_basis=LawfulBasis.CONSENT, source=PREFERENCES, door=Door.LINK
                )
                granted.append(topic)
            elif not is_wanted and current.get(topic.pk):
                withdraw_consent(subject=who, topic=topic, source=PREFERENCES, door=Door.LINK)
                withdrawn.append(topic)
        lifted = lift_own_suppression(address_keys=who.address_keys()) if granted else 0
        _left_by_mail(mailing_id, seq, withdrawn)
    return Changed(tuple(granted), tuple(withdrawn), language, is_lifted=bool(lifted))


def stop_everything(*, subject: Subject, mailing_id: int | None = None, seq: int | None = None) -> Changed:
    """“Everything”: withdraw all topics and suppress the subject's addresses, and the one that the mail went to.

    A post's address is left alone: it belongs to the seat, and whoever follows in it inherits no suppression. The
    withdrawal stops mail to the person there.
    """
    withdrawn = []
    with transaction.atomic():
        who = _locked(subject)
        granted = ConsentState.objects.filter(subject_uid=who.uid, is_granted=True).select_related("topic")
        for state in granted.order_by("topic__position", "topic_id"):
            if withdraw_consent(
                subject=who, topic=state.topic, source=PREFERENCES, channel=state.channel, door=Door.LINK
            ):
                withdrawn.append(state.topic)
        keys = set(who.address_keys())
        used = delivered_address(mailing_id, seq)
        if used and not ContactPoint.objects.emails().filter(address_key=used, post__isnull=False).exists():
            keys.add(used)
        added = suppress_addresses(
            address_keys=keys, reason=Suppression.Reason.UNSUBSCRIBED, source=PREFERENCES, door=Door.LINK
        )
        _left_by_mail(mailing_id, seq, withdrawn)
    return Changed(withdrawn=tuple(withdrawn), is_suppressed=bool(added))


def _append(
    *, subject: Any, topic: Topic, action: str, address: str, at: datetime | None, **values: Any
) -> ConsentEvent:
    now = timezone.now()
    if at and at > now and action == ConsentAction.GRANT:
        raise Invalid(_("A permission cannot be dated in the future."), code="future_date")
    actor, door, channel = values.pop("actor"), values.pop("door"), values["channel"]
    with transaction.atomic():
        who = _locked(subject)
        before = ConsentState.objects.filter(subject_uid=who.uid, topic=topic, channel=channel).first()
        event = ConsentEvent.objects.create(
            subject_uid=who.uid,
            subject_kind=who.kind,
            topic=topic,
            action=action,
            # a withdrawal is never refused because a tracker's clock is ahead
            at=min(at, now) if at else now,
            actor_uid=actor.uid if actor else None,
            address_hash=address_hash(address_key(address)) if address else None,
            **{**values, "source": values["source"].strip()[:120]},
        )
        if action == ConsentAction.WITHDRAW and channel == EMAIL:
            for effect in _WITHDRAWN:
                effect(kind=who.kind, uid=who.uid, topic_id=topic.pk, at=now)
        verb = "consent.granted" if action == ConsentAction.GRANT else "consent.withdrawn"
        record(
            verb=verb,
            object_type=who.kind,
            object_uid=who.uid,
            actor=actor,
            door=door,
            changes=[(f"consent:{topic.code}", _word(before), action)],
            summary=f"{topic.name}: {event.source}",
            event={"topic": topic.code, "channel": channel, "source": event.source},
        )
    return event


def _word(state: ConsentState | None) -> str | None:
    if state is None:
        return None
    return ConsentAction.GRANT if state.is_granted else ConsentAction.WITHDRAW


def _locked(subject: Any) -> Subject:
    """The subject that `subject` is by now, for this transaction only: two clicks must not write two events."""
    who = Subject.of(subject).current()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 13))", [str(who.uid)])
    return who


def _set_language(subject: Subject, language: str) -> str:
    """Save the language for mails; returns it when it is another one than before."""
    model: Any = Person if subject.kind == "person" else Organization
    row = model.objects.select_for_update(no_key=True).filter(uid=subject.current().uid).first()
    if row is None or not language or row.language == language:
        return ""
    before, row.language = row.language, language
    row.save(update_fields=["language", "updated_at"])
    record(
        verb=f"{subject.kind}.edited", target=row, door=Door.LINK, changes=[("language", before, language)], event={}
    )
    return language
