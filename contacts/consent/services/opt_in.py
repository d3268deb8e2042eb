"""Double opt-in: a mail asks, its signed link leads to a page, and the button there records the permission.

PostgreSQL has the requests; the task `contacts.consent.mail_requests` mails those that are due. When the mail server does
not answer they wait, say so, and are tried again. Nothing but the POST of the page records anything.
"""

from __future__ import annotations

import logging
import smtplib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from contacts.consent.links import opt_in_url
from contacts.consent.models import ConsentEvent, LawfulBasis, OptInRequest, Outcome, SubjectKind, Topic, Way
from contacts.consent.queries import long_day
from contacts.consent.services.judging import Judged, judge, lock_subjects
from contacts.consent.services.ledger import grant_consent
from contacts.consent.services.suppressions import on_suppress
from contacts.consent.subjects import Subject
from crm.accounts.models import Installation, User
from crm.audit.models import AuditChange, Door
from crm.audit.services import Change, record
from crm.errors import Conflict, Invalid
from crm.reserved import is_reserved

logger = logging.getLogger(__name__)
State = OptInRequest.State
DOUBLE_OPT_IN = "double opt-in"
WAITS = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240)]  # then every four hours
LANGUAGES = dict(settings.LANGUAGES)


def ask_permission(*, subject: Any, topic: Topic, source: str, evidence: str = "", actor: User | None) -> OptInRequest:
    """Ask one person or organization by mail. Raises Invalid, with the reason, when they must not be asked."""
    who = Subject.of(subject).current()
    with transaction.atomic():
        lock_subjects([who.uid])
        judged = judge(kind=who.kind, uids=[who.uid], topic=topic, way=Way.ASK)
        if who.uid in judged.outcome:
            reason = judged.outcome[who.uid].label
            raise Invalid(_("They are not asked: %(why)s.") % {"why": reason}, code=judged.outcome[who.uid].value)
        return request_all(
            kind=who.kind, uids=[who.uid], judged=judged, topic=topic, source=source, evidence=evidence, actor=actor
        )[0]


def request_all(
    *, kind: str, uids: Sequence[UUID], judged: Judged, topic: Topic, source: str, evidence: str, actor: User | None
) -> list[OptInRequest]:
    """Requests for subjects that `judge` let through, in the caller's transaction. Two that share an address make one."""
    now, made, hashes = timezone.now(), [], set()
    for uid in uids:
        point = judged.point[uid]
        address = bytes(point.address_hash or b"")
        if address in hashes:
            judged.outcome[uid] = Outcome.ASKED_LATELY
            continue
        hashes.add(address)
        made.append(
            OptInRequest(
                subject_uid=uid, subject_kind=kind, topic=topic, contact_point=point, address_hash=address,
                language=language_of(judged.rows[uid]), source=source.strip()[:120], evidence=evidence.strip(),
                asked_by=actor, due_at=now,
            )
        )  # fmt: skip
    OptInRequest.objects.bulk_create(made)
    _tell(made, kind=kind, topic=topic, source=source, actor=actor)
    if made:
        transaction.on_commit(_wake)
    return made


def _tell(made: list[OptInRequest], *, kind: str, topic: Topic, source: str, actor: User | None) -> None:
    """One audit entry: of the subject for one, of the topic with a line for each when there are more."""
    if not made:
        return
    field, summary = f"opt_in:{topic.code}", f"{topic.name}: {source.strip()}"
    if len(made) == 1:
        uid = made[0].subject_uid
        changes: list[Change] = [(field, None, "asked")]
        record(verb="permission.asked", object_type=kind, object_uid=uid, actor=actor, changes=changes, summary=summary)
        return
    entry = record(verb="permission.asked", target=topic, actor=actor, summary=f"{summary} ({len(made)})")
    AuditChange.objects.bulk_create(
        AuditChange(entry=entry, object_type=kind, object_uid=request.subject_uid, field=field, before=None, after="asked")
        for request in made
    )  # fmt: skip


def language_of(row: Any) -> str:
    """The language that they are written to in, of those that the public pages have."""
    code = (row.language or "").lower().split("-")[0]
    return code if code in LANGUAGES else settings.LANGUAGE_CODE


def _wake() -> None:
    from contacts.consent.tasks import mail_requests  # tasks import services

    try:
        mail_requests.delay()
    except Exception:  # a broker that is down loses only the wake-up: the task comes every few seconds
        logger.warning("Requests for permission could not be announced; the next look finds them")


# --- mailing ----------------------------------------------------------------------------------------------------------
def mail_due(*, limit: int = 200, now: datetime | None = None) -> int:
    """Mail what is due, over one connection; returns how many went. Two of these at once mail nothing twice.

    A server that does not answer ends the round: the rest is not tried in vain, and each says why it waits.
    """
    now = now or timezone.now()
    OptInRequest.objects.filter(state=State.SENT, expires_at__lt=now).update(
        state=State.EXPIRED, closed_at=now, updated_at=now
    )
    sent, server = 0, get_connection()
    try:
        for _number in range(limit):
            with transaction.atomic():
                due = OptInRequest.objects.filter(state=State.WAITING, due_at__lte=now).order_by("due_at", "id")
                locked = due.select_for_update(skip_locked=True, of=("self",))
                request = locked.select_related("topic", "contact_point").first()
                if request is None:
                    break
                sent += _mail(request, server, now)
    except (OSError, smtplib.SMTPException) as error:
        logger.error("Requests for permission wait: the mail server does not answer (%s)", error)
        _all_wait(_("The mail server does not answer. It is tried again by itself."), now)
    finally:
        server.close()
    return sent


def _mail(request: OptInRequest, server: Any, now: datetime) -> bool:
    """Mail one; raises when the server cannot be reached. An address that it refuses closes its request."""
    row = Subject(request.subject_uid, SubjectKind(request.subject_kind)).row()
    if row is None or request.contact_point is None:
        _close(request, State.REVOKED, problem=_("The address is no longer in the directory."))
        return False
    if not settings.LOCAL and is_reserved(request.contact_point.address_key.rpartition("@")[2]):
        _close(request, State.REVOKED, problem=_("This is a made-up address, and the mail server is a real one."))
        return False
    request.sent_at, request.expires_at = now, now + timedelta(days=settings.OPT_IN_DAYS)
    try:
        server.send_messages([_message(request, row)])
    except smtplib.SMTPRecipientsRefused as error:
        code = next(iter(error.recipients.values()))[0]
        request.sent_at = request.expires_at = None
        if code < 500:
            _wait(request, _("The mail server put the address off (%(code)s).") % {"code": code}, now)
        else:
            _close(request, State.REVOKED, problem=_("The mail server refused the address (%(code)s).") % {"code": code})  # fmt: skip
        return False
    except (OSError, smtplib.SMTPException):
        raise
    except Exception as error:  # whatever one letter holds, those behind it must leave
        logger.exception("A request for permission cannot be made")
        request.sent_at = request.expires_at = None
        _close(request, State.REVOKED, problem=_("It cannot be written (%(error)s).") % {"error": type(error).__name__})
        return False
    request.state, request.problem = State.SENT, ""
    request.save()
    return True


def _message(request: OptInRequest, row: Any) -> EmailMessage:
    with translation.override(request.language):
        context = {
            "row": row,
            "topic": request.topic,
            "organization": Installation.current(),
            "link": opt_in_url(request.uid),
            "until": long_day(request.expires_at or timezone.now()),
        }
        return EmailMessage(
            subject=_("Please confirm: %(topic)s") % {"topic": request.topic.label},
            body=render_to_string("contacts/consent/mail/opt_in.txt", context),
            to=[request.contact_point.value] if request.contact_point else [],
            # no automatic answer, please (RFC 3834)
            headers={"Auto-Submitted": "auto-generated", "Content-Language": request.language},
        )


def _wait(request: OptInRequest, problem: str, now: datetime) -> None:
    request.due_at = now + WAITS[min(request.tries, len(WAITS) - 1)]
    request.tries += 1
    request.problem = problem[:300]
    request.save()


def _all_wait(problem: str, now: datetime) -> None:
    with transaction.atomic():
        due = OptInRequest.objects.select_for_update(skip_locked=True).filter(state=State.WAITING, due_at__lte=now)
        tries = due.order_by("-tries").values_list("tries", flat=True).first() or 0
        ids = list(due.values_list("pk", flat=True))
        OptInRequest.objects.filter(pk__in=ids).update(
            due_at=now + WAITS[min(tries, len(WAITS) - 1)], tries=tries + 1, problem=problem[:300], updated_at=now
        )


# --- the answer -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Answer:
    """What pressing the button led to: the request as it is now, and the event if this call recorded one."""

    request: OptInRequest
    event: ConsentEvent | None = None


def confirm(*, uid: UUID, agent: str = "") -> Answer | None:
    """The holder of the address pressed the button: the permission is recorded once. None: no such request, or erased.

    agent: the kind of program, in one word; the evidence holds nothing finer.
    """
    with transaction.atomic():
        request = OptInRequest.objects.select_for_update(of=("self",)).select_related("topic").filter(uid=uid).first()
        if request is None:
            return None
        subject = Subject(request.subject_uid, SubjectKind(request.subject_kind)).current()
        if subject.row() is None:
            return None
        if not may_confirm(request):
            return Answer(request)
        event = grant_consent(
            subject=subject,
            topic=request.topic,
            lawful_basis=LawfulBasis.CONSENT,
            source=DOUBLE_OPT_IN,
            evidence=_evidence(request, agent),
            address=request.contact_point.address_key if request.contact_point else "",
            door=Door.LINK,
        )
        _close(request, State.CONFIRMED)
    return Answer(request, event)


def may_confirm(request: OptInRequest) -> bool:
    in_time = request.expires_at is not None and request.expires_at > timezone.now()
    return request.state == State.SENT and in_time and request.topic.archived_at is None


def _evidence(request: OptInRequest, agent: str) -> str:
    sent = request.sent_at.isoformat(timespec="minutes") if request.sent_at else ""
    return f"Confirmed with a button on the page that the mail of {sent} led to ({agent or 'program not known'}). Asked because: {request.source}. Request {request.uid}."  # fmt: skip


def revoke_request(*, request: OptInRequest, actor: User) -> OptInRequest:
    """Take a question back: its link records nothing any more, or the mail does not go. Twice changes nothing."""
    with transaction.atomic():
        locked = OptInRequest.objects.select_for_update(of=("self",)).select_related("topic").get(pk=request.pk)
        if locked.state == State.CONFIRMED:
            raise Conflict(_("They confirmed it already. Record a withdrawal if that is what they want."))
        if locked.is_open:
            _close(locked, State.REVOKED)
            record(
                verb="permission.request_revoked",
                object_type=locked.subject_kind,
                object_uid=locked.subject_uid,
                actor=actor,
                changes=[(f"opt_in:{locked.topic.code}", "asked", "revoked")],
                summary=locked.topic.name,
            )
    return locked


def _close(request: OptInRequest, state: State, *, problem: str = "") -> None:
    request.state, request.closed_at, request.problem = state, timezone.now(), problem[:300]
    request.save()


@on_suppress
def stop_asking(*, address_keys: list[str], address_hashes: list[bytes], at: datetime) -> None:
    """An address that must not be written to is not asked either, and an old mail to it opens nothing."""
    OptInRequest.objects.filter(address_hash__in=address_hashes, state__in=OptInRequest.OPEN).update(
        state=State.REVOKED, closed_at=at, problem=_("The address was suppressed."), updated_at=timezone.now()
    )
