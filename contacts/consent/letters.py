"""The lane of letters that somebody waits for (a confirmation, a seat): PostgreSQL has them, a task sends what is due, each once.

A feature keeps its letters in a table with due_at, tries, problem, sent_at and closed_at, and says what each is.
"""

from __future__ import annotations

import logging
import smtplib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.consent.addresses import address_hashes, address_key
from contacts.consent.models import Suppression
from contacts.consent.services.opt_in import WAITS
from crm.reserved import is_reserved

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Written:
    """Where a letter goes, and the message, made only when it may leave."""

    address: str
    message: Callable[[], EmailMessage]


def mail_due(
    letters: QuerySet[Any], written: Callable[[Any], Written], *, limit: int = 200, now: datetime | None = None
) -> int:
    """Send what is due over one connection; returns how many went. Two of these at once send nothing twice.

    A server that does not answer ends the round, and the letter waits; an address that it refuses closes its letter, and so does whatever
    keeps a letter from being written.
    """
    now = now or timezone.now()
    sent, server = 0, get_connection()
    due = letters.filter(sent_at__isnull=True, closed_at__isnull=True, due_at__lte=now).order_by("due_at", "id")
    try:
        for _number in range(limit):
            with transaction.atomic():
                letter = due.select_for_update(skip_locked=True, of=("self",)).first()
                if letter is None:
                    break
                outcome = _mail(letter, written(letter), server, now)
            if outcome is None:  # the server is away: the others would wait in vain
                break
            sent += outcome
    finally:
        server.close()
    return sent


def _mail(letter: Any, written: Written, server: Any, now: datetime) -> bool | None:
    """Whether it went; None when the server does not answer."""
    address = written.address
    if not address:
        return _give_up(letter, _("They have no address that mail can go to."), now)
    if not settings.LOCAL and is_reserved(address.rpartition("@")[2]):
        return _give_up(letter, _("This is a made-up address, and the mail server is a real one."), now)
    try:
        if Suppression.objects.filter(address_hash__in=address_hashes(address_key(address))).exists():
            return _give_up(letter, _("This address asked never to be written to."), now)
        server.send_messages([written.message()])
    except smtplib.SMTPRecipientsRefused as error:
        code = next(iter(error.recipients.values()))[0]
        if code >= 500:
            return _give_up(letter, _("The mail server refused the address (%(code)s).") % {"code": code}, now)
        return _wait(letter, _("The mail server put the address off (%(code)s).") % {"code": code}, now)
    except (OSError, smtplib.SMTPException) as error:
        logger.error("%s waits: the mail server does not answer (%s)", type(letter).__name__, error)
        _wait(letter, _("The mail server does not answer. It is tried again by itself."), now)
        return None
    except Exception as error:  # whatever one letter holds, those behind it must leave
        logger.exception("%s cannot be written", type(letter).__name__)
        return _give_up(letter, _("It cannot be written (%(error)s).") % {"error": type(error).__name__}, now)
    letter.sent_at, letter.problem = now, ""
    letter.save()
    return True


def _give_up(letter: Any, problem: str, now: datetime) -> bool:
    letter.closed_at, letter.problem = now, problem[:300]
    letter.save()
    return False


def _wait(letter: Any, problem: str, now: datetime) -> bool:
    letter.due_at = now + WAITS[min(letter.tries, len(WAITS) - 1)]
    letter.tries, letter.problem = letter.tries + 1, problem[:300]
    letter.save()
    return False
