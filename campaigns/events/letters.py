"""Letters to those who take part: a seat, the waiting list, moved up, changed, cancelled. PostgreSQL has them; a task sends what is due."""

from __future__ import annotations

import logging
import smtplib
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from campaigns.delivery.addresses import reply_address
from campaigns.events.entries import entry
from campaigns.events.models import EventLetter, Registration
from campaigns.events.telling import place_of, when_of
from contacts.consent.addresses import address_hashes, address_key
from contacts.consent.models import Suppression
from contacts.consent.services.opt_in import WAITS
from crm.accounts.models import Installation
from crm.reserved import is_reserved

logger = logging.getLogger(__name__)
About = EventLetter.About
SUBJECTS = {
    About.SEAT: lambda event: _("You have a seat: %(event)s") % {"event": event},
    About.WAITING: lambda event: _("You are on the waiting list: %(event)s") % {"event": event},
    About.MOVED_UP: lambda event: _("A seat is yours: %(event)s") % {"event": event},
    About.CHANGED: lambda event: _("Changed: %(event)s") % {"event": event},
    About.RELEASED: lambda event: _("Your seat is given back: %(event)s") % {"event": event},
    About.CANCELLED: lambda event: _("Called off: %(event)s") % {"event": event},
}
ENTRIES = {About.SEAT: "REQUEST", About.MOVED_UP: "REQUEST", About.CHANGED: "REQUEST", About.RELEASED: "CANCEL", About.CANCELLED: "CANCEL"}  # fmt: skip


def queue(row: Registration, about: About, *, wait: timedelta = timedelta()) -> EventLetter | None:
    """Have a letter sent, instead of those that still wait. None for who has no address. In the caller's transaction.

    Each calendar entry has a higher number than the one before it, so that a calendar takes the latest whatever the order of arrival.
    """
    if not row.email:
        return None
    row.letters.filter(sent_at=None, closed_at=None).delete()
    if about in ENTRIES:
        row.calendar_sequence += 1
        row.save(update_fields=["calendar_sequence"])
    letter = EventLetter.objects.create(
        registration=row, about=about, sequence=row.calendar_sequence, due_at=timezone.now() + wait
    )
    transaction.on_commit(wake)
    return letter


def wake() -> None:
    from campaigns.events.tasks import mail_letters  # tasks import services

    try:
        mail_letters.delay()
    except Exception:  # a broker that is down loses only the wake-up: the task comes every few seconds
        logger.warning("Letters of events could not be announced; the next look finds them")


def mail_due(*, limit: int = 200, now: datetime | None = None) -> int:
    """Send what is due over one connection; returns how many went. Two of these at once send nothing twice.

    A server that does not answer ends the round, and the letter waits; an address that it refuses closes its letter.
    """
    now = now or timezone.now()
    sent, server = 0, get_connection()
    try:
        for _number in range(limit):
            with transaction.atomic():
                due = EventLetter.objects.filter(sent_at__isnull=True, closed_at__isnull=True, due_at__lte=now)
                locked = due.order_by("due_at", "id").select_for_update(skip_locked=True, of=("self",))
                letter = locked.select_related(
                    "registration__event__drive__campaign", "registration__event__country", "registration__invitation"
                ).first()
                if letter is None:
                    break
                outcome = _mail(letter, server, now)
            if outcome is None:  # the server is away: the others would wait in vain
                break
            sent += outcome
    finally:
        server.close()
    return sent


def _mail(letter: EventLetter, server: Any, now: datetime) -> bool | None:
    """Whether it went; None when the server does not answer."""
    address = letter.registration.email
    if not settings.LOCAL and is_reserved(address.rpartition("@")[2]):
        return _give_up(letter, _("This is a made-up address, and the mail server is a real one."), now)
    if Suppression.objects.filter(address_hash__in=address_hashes(address_key(address))).exists():
        return _give_up(letter, _("This address asked never to be written to."), now)
    try:
        server.send_messages([message_of(letter, now)])
    except smtplib.SMTPRecipientsRefused as error:
        code = next(iter(error.recipients.values()))[0]
        if code >= 500:
            return _give_up(letter, _("The mail server refused the address (%(code)s).") % {"code": code}, now)
        return _wait(letter, _("The mail server put the address off (%(code)s).") % {"code": code}, now)
    except (OSError, smtplib.SMTPException) as error:
        logger.error("A letter of an event waits: the mail server does not answer (%s)", error)
        _wait(letter, _("The mail server does not answer. It is tried again by itself."), now)
        return None
    except Exception as error:  # whatever one letter holds, those behind it must leave
        logger.exception("A letter of an event cannot be made")
        return _give_up(letter, _("It cannot be written (%(error)s).") % {"error": type(error).__name__}, now)
    letter.sent_at, letter.problem = now, ""
    letter.save()
    return True


def _give_up(letter: EventLetter, problem: str, now: datetime) -> bool:
    letter.closed_at, letter.problem = now, problem[:300]
    letter.save()
    return False


def _wait(letter: EventLetter, problem: str, now: datetime) -> bool:
    letter.due_at = now + WAITS[min(letter.tries, len(WAITS) - 1)]
    letter.tries, letter.problem = letter.tries + 1, problem[:300]
    letter.save()
    return False


def message_of(letter: EventLetter, now: datetime) -> EmailMultiAlternatives:
    """The letter, with its calendar entry as an alternative (what mail programs act on) and as a file (what people open)."""
    from campaigns.events.links import invitation_url, seat_url  # they read what is sent, and so import much

    row, about = letter.registration, About(letter.about)
    event, language = row.event, row.language or "en"
    replies = replies_to(row)
    with translation.override(language):
        installation = Installation.current()
        link = seat_url(row)
        context = {
            "row": row, "event": event, "when": when_of(event, language), "place": place_of(event), "organization": installation,
            "link": link, "has_online": bool(event.online_url) and about in (About.SEAT, About.MOVED_UP, About.CHANGED),
            "answer": invitation_url(row.invitation) if row.invitation and row.role == "invited" else "",
        }  # fmt: skip
        message = EmailMultiAlternatives(
            subject=SUBJECTS[about](event.label),
            body=render_to_string(f"campaigns/events/mail/{letter.about}.txt", context),
            to=[row.email],
            reply_to=[replies] if replies else None,
            headers={"Auto-Submitted": "auto-generated", "Content-Language": language},
        )
        method: Any = ENTRIES.get(about) if about != About.CHANGED or row.state == "seat" else None
        if method:
            organizer = (str(installation), replies or settings.DEFAULT_FROM_EMAIL or "events@localhost")
            data = entry(
                event=event, registration=row, method=method, sequence=letter.sequence, organizer=organizer, language=language,
                url=link, now=now,
            )  # fmt: skip
            message.attach_alternative(data.decode(), f"text/calendar; method={method}")
            message.attach("invite.ics", data.decode(), "application/ics")
    return message


def replies_to(row: Registration) -> str:
    """Where answers to the letter come back to: by the signed address of the mail that invited them, so that they are understood."""
    invitation = row.invitation
    if invitation is None or invitation.mailing_id is None or invitation.seq is None:
        return ""
    return reply_address(invitation.mailing_id, invitation.seq)
