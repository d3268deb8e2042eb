"""From a service's call to what follows for an address: filed at once, handled by a task, once whatever is repeated."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import secrets
import warnings
from typing import Any

from anymail.exceptions import AnymailNotSupportedWarning, AnymailWebhookValidationFailure
from anymail.signals import AnymailTrackingEvent, EventType, RejectReason
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.delivery.addresses import BOUNCE, read_address
from campaigns.delivery.models import Delivery, Feedback
from campaigns.delivery.settling import hear_event
from campaigns.engagement.services import subject_of
from campaigns.esp.catalogue import SERVICES
from campaigns.esp.handing import TIE
from campaigns.esp.models import ServiceEvent
from campaigns.mailings.models import Mailing, Transport
from campaigns.outreach.mail.severity import is_hard
from campaigns.outreach.services import note_feedback
from contacts.consent.services import one_click_unsubscribe
from crm.errors import Invalid, NotAllowed

logger = logging.getLogger(__name__)
USER = "groundswell"
State = ServiceEvent.State
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
# a service's own word for what kind of bounce it was, where the normal names make one of two
_NAMES = ("Type", "type", "severity", "bounce_type")
# what a service can say only of a message that it took
_TAKEN = {
    EventType.QUEUED, EventType.SENT, EventType.DELIVERED, EventType.DEFERRED, EventType.BOUNCED, EventType.COMPLAINED,
    EventType.OPENED, EventType.CLICKED, EventType.UNSUBSCRIBED, EventType.AUTORESPONDED,
}  # fmt: skip
_LIKE_OURS = re.compile(rf"{BOUNCE}\.[a-z2-7]{{8,190}}", re.IGNORECASE)
_FOR_NOW = re.compile(r"soft|temporar|transient", re.IGNORECASE)


def secret_of(transport: Transport) -> str:
    """The password in our address for this service's events."""
    return transport.settings_of_service.get("webhook", "")


def new_secret() -> str:
    return secrets.token_urlsafe(24)


def address_for_events(transport: Transport) -> str:
    """What an administrator pastes at the service: with name and password, for not all of them sign."""
    scheme, _sep, rest = settings.BASE_URL.partition("://")
    return f"{scheme}://{USER}:{secret_of(transport)}@{rest}/services/{transport.uid}/events/"


def take_in(*, transport: Transport, request: HttpRequest) -> int:
    """File a call's events; returns how many were new. NotAllowed without the right password and signature, Invalid for what
    cannot be read."""
    view_class = SERVICES[transport.service].event_view()
    if view_class is None or not secret_of(transport):
        raise NotAllowed(_("This service sends no events."))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AnymailNotSupportedWarning)  # as in `handing`
        view = view_class(webhook_secret=[f"{USER}:{secret_of(transport)}"], **_signing(transport))
    try:
        view.run_validators(request)
    except AnymailWebhookValidationFailure as failure:
        raise NotAllowed(_("The call is not signed as it should be.")) from failure
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Invalid(_("The call cannot be read."), code="unreadable") from error
    try:
        found = view.parse_events(request)
    except Exception as error:  # whatever a service, or somebody with its password, sends
        logger.warning("A call of %s cannot be read: %s", transport.name, type(error).__name__)
        raise Invalid(_("The call cannot be read."), code="unreadable") from error
    rows = [_row(transport, event) for event in found if isinstance(event, AnymailTrackingEvent)]
    with transaction.atomic():
        before = set(
            ServiceEvent.objects.filter(transport=transport, event_id__in=[row.event_id for row in rows]).values_list(
                "event_id", flat=True
            )
        )
        ServiceEvent.objects.bulk_create(rows, ignore_conflicts=True)
    return len({row.event_id for row in rows} - before)


def _signing(transport: Transport) -> dict[str, Any]:
    known = transport.settings_of_service
    values = {each.name: known[each.name] for each in SERVICES[transport.service].settings if known.get(each.name)}
    # Mandrill signs the address it was given
    return values | ({"webhook_url": address_for_events(transport)} if transport.service == "mandrill" else {})


def _row(transport: Transport, event: AnymailTrackingEvent) -> ServiceEvent:
    ties = _ties(event)
    tie, about = next(((tie, found) for tie in ties if (found := _read(tie))), (ties[0] if ties else "", None))
    raw = event.esp_event if isinstance(event.esp_event, dict) else {}
    names = [raw[name] for name in _NAMES if isinstance(raw.get(name), str)]
    words = " ".join(part for part in (*names, event.mta_response, event.description) if part)
    return ServiceEvent(
        transport=transport,
        event_id=_id_of(event),
        kind=str(event.event_type or "unknown")[:32],
        reject_reason=str(event.reject_reason or "")[:32],
        detail=" ".join(words.replace("\0", "").split())[:300],
        tie=tie,
        mailing_id=about[0] if about else None,
        seq=about[1] if about else None,
        at=event.timestamp or timezone.now(),
    )


def _id_of(event: AnymailTrackingEvent) -> str:
    """The service's own id, if short; else a digest of what it sent, which it repeats as it was."""
    own = str(event.event_id or "")
    if own and len(own) <= 100:
        return f"{own}:{event.event_type}"[:128]
    raw = event.esp_event
    sent = json.dumps(raw.dict() if hasattr(raw, "dict") else raw, sort_keys=True, default=str)
    return hashlib.sha256(f"{event.event_type} {event.recipient} {own} {sent}".encode()).hexdigest()


def _ties(event: AnymailTrackingEvent) -> list[str]:
    """What the service carried that looks like a signed id of ours."""
    carried = [(event.metadata or {}).get(TIE), *(event.tags or [])]
    return [text for text in carried if isinstance(text, str) and _LIKE_OURS.fullmatch(text)]


def _read(tie: str) -> tuple[int, int] | None:
    """(mailing, seq) from a signed id; None when we did not make it, or do not have its key."""
    found = read_address(f"{tie}@{settings.RETURN_DOMAIN}") if tie else None
    return (found.mailing_id, found.seq) if found is not None and found.kind == BOUNCE else None


def handle(*, event_id: int) -> ServiceEvent | None:
    """Do what follows from one new event, in one transaction. None: done already, or being done."""
    with transaction.atomic():
        event = ServiceEvent.objects.select_for_update(skip_locked=True).filter(pk=event_id, state=State.NEW).first()
        if event is None:
            return None
        if event.mailing_id is None and (about := _read(event.tie)):  # its key is there by now
            event.mailing_id, event.seq = about
        delivery = Delivery.objects.filter(mailing_id=event.mailing_id or 0, seq=event.seq or 0).first()
        event.state = State.UNMATCHED if delivery is None else _follow(event, delivery)
        event.handled_at = timezone.now()
        if event.state != State.UNMATCHED or not event.tie:  # else its words are needed when it is matched after all
            event.detail = event.tie = ""
        event.save(update_fields=["state", "detail", "tie", "mailing_id", "seq", "handled_at"])
    return event


def give_up(*, event_id: int, why: str) -> None:
    """An event that broke its handler is kept and shown; the others go on."""
    ServiceEvent.objects.filter(pk=event_id, state=State.NEW).update(
        state=State.FAILED, note=why[:300], handled_at=timezone.now()
    )


def replay(*, transport: Transport) -> int:
    """Have tried again what could not be handled or matched, and what says more than nothing of a message that is uncertain by now;
    returns how much that is."""
    told = ServiceEvent.objects.filter(transport=transport)
    again = told.filter(Q(state=State.FAILED) | Q(state=State.UNMATCHED) & ~Q(tie=""))
    replayed = again.update(state=State.NEW, handled_at=None, note="")
    with connection.cursor() as cursor:
        cursor.execute(_OF_UNCERTAIN, {"transport": transport.pk, "kinds": [str(kind) for kind in _TAKEN]})
        return replayed + cursor.rowcount


_OF_UNCERTAIN = """
UPDATE campaigns_serviceevent e SET state = 'new', handled_at = NULL, note = '' FROM delivery d
 WHERE e.transport_id = %(transport)s AND e.state = 'ignored' AND e.kind = ANY (%(kinds)s)
   AND e.mailing_id IN (SELECT k.mailing_id FROM campaigns_deliverychunk k WHERE (k.counts ->> 'uncertain')::int > 0)
   AND d.mailing_id = e.mailing_id AND d.seq = e.seq AND d.state = 'uncertain'"""


def _follow(event: ServiceEvent, delivery: Delivery) -> State:
    is_heard = event.kind in _TAKEN and hear_event(delivery=delivery, kind=event.kind)
    kind = feedback_of(event.kind, event.reject_reason, event.detail)
    if kind is not None:
        found = _STATUS.search(event.detail)
        reason = event.detail or event.reject_reason or event.kind
        note_feedback(delivery=delivery, kind=kind, status=found[1] if found else "", reason=reason, at=event.at)
        return State.HANDLED
    if event.kind == EventType.UNSUBSCRIBED:
        mailing = Mailing.objects.select_related("topic").filter(pk=delivery.mailing_id).first()
        subject = subject_of(delivery)
        if mailing and mailing.topic and subject:
            one_click_unsubscribe(
                subject=subject, topic=mailing.topic, address=delivery.address, at=event.at, source="mailing service"
            )
            return State.HANDLED
    return State.HANDLED if is_heard else State.IGNORED


def feedback_of(kind: str, reject_reason: str, detail: str) -> Feedback.Kind | None:
    """What an event means for the address. Opens and clicks are ours to count; what is delayed or delivered changes nothing."""
    if kind == EventType.COMPLAINED or (kind == EventType.REJECTED and reject_reason == RejectReason.SPAM):
        return Feedback.Kind.COMPLAINT
    known = reject_reason in {RejectReason.BOUNCED, RejectReason.INVALID}
    if kind == EventType.BOUNCED or (kind == EventType.REJECTED and known):
        found = _STATUS.search(detail)
        hard = is_hard(status=found[1], words=detail) if found else known and not _FOR_NOW.search(detail)
        return Feedback.Kind.HARD_BOUNCE if hard else Feedback.Kind.SOFT_BOUNCE
    return None
