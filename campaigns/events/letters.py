"""Letters to those who take part: a seat, the waiting list, moved up, changed, cancelled. PostgreSQL has them; a task sends what is due."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from campaigns.delivery.addresses import reply_address
from campaigns.events.entries import entry
from campaigns.events.models import EventLetter, Registration, SignUp
from campaigns.events.telling import place_of, when_of
from contacts.consent import letters as lane
from contacts.consent.queries import long_day
from crm.accounts.models import Installation

logger = logging.getLogger(__name__)
About = EventLetter.About
SUBJECTS = {
    About.SEAT: lambda event: _("You have a seat: %(event)s") % {"event": event},
    About.WAITING: lambda event: _("You are on the waiting list: %(event)s") % {"event": event},
    About.MOVED_UP: lambda event: _("A seat is yours: %(event)s") % {"event": event},
    About.CHANGED: lambda event: _("Changed: %(event)s") % {"event": event},
    About.RELEASED: lambda event: _("Your seat is given back: %(event)s") % {"event": event},
    About.CANCELLED: lambda event: _("Called off: %(event)s") % {"event": event},
    About.CONFIRM: lambda event: _("Please confirm: %(event)s") % {"event": event},
    About.DECLINED: lambda event: _("Your sign-up for %(event)s") % {"event": event},
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


def queue_sign_up(row: SignUp, about: About, *, wait: timedelta = timedelta()) -> EventLetter:
    """A letter to somebody who signed up and has no seat yet, instead of those that still wait."""
    row.letters.filter(sent_at=None, closed_at=None).delete()
    letter = EventLetter.objects.create(sign_up=row, about=about, due_at=timezone.now() + wait)
    transaction.on_commit(wake)
    return letter


def wake() -> None:
    from campaigns.events.tasks import mail_letters  # tasks import services

    try:
        mail_letters.delay()
    except Exception:  # a broker that is down loses only the wake-up: the task comes every few seconds
        logger.warning("Letters of events could not be announced; the next look finds them")


def mail_due(*, limit: int = 200, now: datetime | None = None) -> int:
    """Send what is due; returns how many went."""
    moment = now or timezone.now()
    letters = EventLetter.objects.select_related(
        "registration__event__drive__campaign", "registration__event__country", "registration__invitation",
        "sign_up__event__drive__campaign", "sign_up__event__country",
    )  # fmt: skip
    return lane.mail_due(
        letters,
        lambda letter: lane.Written((letter.registration or letter.sign_up).email, lambda: message_of(letter, moment)),
        limit=limit,
        now=moment,
    )


def message_of(letter: EventLetter, now: datetime) -> EmailMultiAlternatives:
    """The letter, with its calendar entry as an alternative (what mail programs act on) and as a file (what people open)."""
    from campaigns.events.links import invitation_url, seat_url  # they read what is sent, and so import much

    if letter.registration is None:
        return _message_to_come(letter)
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


def _message_to_come(letter: EventLetter) -> EmailMultiAlternatives:
    """To somebody who signed up and has no seat: please confirm, declined, called off."""
    from campaigns.events.links import confirm_url  # as above

    row: Any = letter.sign_up
    event, language = row.event, row.language or "en"
    with translation.override(language):
        installation = Installation.current()
        until = long_day(row.created_at + timedelta(days=settings.OPT_IN_DAYS))
        context = {
            "row": row, "event": event, "when": when_of(event, language), "place": place_of(event), "organization": installation,
            "confirm": confirm_url(row.uid), "until": until,
        }  # fmt: skip
        return EmailMultiAlternatives(
            subject=SUBJECTS[About(letter.about)](event.label),
            body=render_to_string(f"campaigns/events/mail/{letter.about}.txt", context),
            to=[row.email],
            headers={"Auto-Submitted": "auto-generated", "Content-Language": language},
        )


def replies_to(row: Registration) -> str:
    """Where answers to the letter come back to: by the signed address of the mail that invited them, so that they are understood."""
    invitation = row.invitation
    if invitation is None or invitation.mailing_id is None or invitation.seq is None:
        return ""
    return reply_address(invitation.mailing_id, invitation.seq)
