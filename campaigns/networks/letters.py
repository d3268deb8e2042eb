"""Letters about joining: please confirm, welcome, declined. PostgreSQL has them; a task sends what is due, each once."""

from __future__ import annotations

import logging
import smtplib
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from campaigns.networks.links import confirm_url, member_url
from campaigns.networks.models import Application, NetworkLetter
from contacts.consent.queries import long_day
from contacts.consent.services.opt_in import WAITS
from crm.accounts.models import Installation
from crm.reserved import is_reserved

logger = logging.getLogger(__name__)
About = NetworkLetter.About
SUBJECTS = {
    About.CONFIRM: lambda network: _("Please confirm: %(network)s") % {"network": network},
    About.WELCOME: lambda network: _("Welcome to %(network)s") % {"network": network},
    About.DECLINED: lambda network: _("Your application to %(network)s") % {"network": network},
}


def queue(application: Application, about: About, *, wait: timedelta = timedelta()) -> NetworkLetter:
    """One letter of each kind; asking again sends one that has left once more."""
    letter, _made = NetworkLetter.objects.update_or_create(
        application=application,
        about=about,
        defaults={"due_at": timezone.now() + wait, "tries": 0, "problem": "", "sent_at": None, "closed_at": None},
    )
    transaction.on_commit(_wake)
    return letter


def _wake() -> None:
    from campaigns.networks.tasks import mail_letters  # tasks import services

    try:
        mail_letters.delay()
    except Exception:  # a broker that is down loses only the wake-up: the task comes every few seconds
        logger.warning("Letters of networks could not be announced; the next look finds them")


def mail_due(*, limit: int = 200, now: datetime | None = None) -> int:
    """Send what is due over one connection; returns how many went. Two of these at once send nothing twice.

    A server that does not answer ends the round, and the letter waits; an address that it refuses closes its letter.
    """
    now = now or timezone.now()
    sent, server = 0, get_connection()
    try:
        for _number in range(limit):
            with transaction.atomic():
                due = NetworkLetter.objects.filter(sent_at__isnull=True, closed_at__isnull=True, due_at__lte=now)
                locked = due.order_by("due_at", "id").select_for_update(skip_locked=True, of=("self",))
                letter = locked.select_related("application__network__campaign", "application__member").first()
                if letter is None:
                    break
                outcome = _mail(letter, server, now)
            if outcome is None:  # the server is away: the others would wait in vain
                break
            sent += outcome
    finally:
        server.close()
    return sent


def _mail(letter: NetworkLetter, server: Any, now: datetime) -> bool | None:
    """Whether it went; None when the server does not answer."""
    address = letter.application.email
    if not settings.LOCAL and is_reserved(address.rpartition("@")[2]):
        return _give_up(letter, _("This is a made-up address, and the mail server is a real one."), now)
    try:
        server.send_messages([_message(letter)])
    except smtplib.SMTPRecipientsRefused as error:
        code = next(iter(error.recipients.values()))[0]
        if code >= 500:
            return _give_up(letter, _("The mail server refused the address (%(code)s).") % {"code": code}, now)
        return _wait(letter, _("The mail server put the address off (%(code)s).") % {"code": code}, now)
    except (OSError, smtplib.SMTPException) as error:
        logger.error("A letter of a network waits: the mail server does not answer (%s)", error)
        _wait(letter, _("The mail server does not answer. It is tried again by itself."), now)
        return None
    letter.sent_at, letter.problem = now, ""
    letter.save()
    return True


def _give_up(letter: NetworkLetter, problem: str, now: datetime) -> bool:
    letter.closed_at, letter.problem = now, problem[:300]
    letter.save()
    return False


def _wait(letter: NetworkLetter, problem: str, now: datetime) -> bool:
    letter.due_at = now + WAITS[min(letter.tries, len(WAITS) - 1)]
    letter.tries, letter.problem = letter.tries + 1, problem[:300]
    letter.save()
    return False


def _message(letter: NetworkLetter) -> EmailMessage:
    application = letter.application
    network = application.network
    with translation.override(application.language):
        page = settings.BASE_URL + reverse("network_join", args=[network.slug])
        context = {
            "application": application,
            "network": network,
            "organization": Installation.current(),
            "confirm": confirm_url(application.uid),
            "until": long_day(application.created_at + timedelta(days=settings.OPT_IN_DAYS)),
            "own_page": member_url(application.member.uid) if application.member else "",
            "invite": f"{page}?by={application.member.uid}" if application.member else page,
        }
        return EmailMessage(
            subject=SUBJECTS[About(letter.about)](network.label),
            body=render_to_string(f"campaigns/networks/mail/{letter.about}.txt", context),
            to=[application.email],
            headers={"Auto-Submitted": "auto-generated", "Content-Language": application.language},
        )
