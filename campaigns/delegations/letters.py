"""Mails about delegations: please name, seats are empty, accepted, sent back, a delegate's own page. PostgreSQL has them; a task sends
what is due, each once, through the lane of letters that networks and events use."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from campaigns.delegations.models import Delegation, DelegationMail, Nomination, Nominator
from campaigns.events.models import Event
from campaigns.events.telling import place_of, when_of
from contacts.consent import letters as lane
from crm.accounts.models import Installation, User
from crm.accounts.rules import Action
from crm.audit.services import record
from crm.ui import formats

logger = logging.getLogger(__name__)
About = DelegationMail.About
SUBJECTS = {
    About.ASK: lambda words: _("Please name your delegation: %(event)s") % words,
    About.REMIND: lambda words: _("Seats are still empty: %(event)s") % words,
    About.ACCEPTED: lambda words: _("%(name)s is accepted: %(event)s") % words,
    About.RETURNED: lambda words: _("Please look again at %(name)s: %(event)s") % words,
    About.DELEGATE: lambda words: _("Your delegation to %(event)s") % words,
}
SUBJECTS_OF = tuple(
    f"{way}delegation__{row}"
    for way in ("nominator__", "nomination__")
    for row in ("event__composition", "event__drive__campaign", "event__country", "country", "organization")
) + ("nominator__organization", "nominator__constituency", "nomination__constituency", "nomination__named_by")


def ask(nominators: Iterable[Nominator], *, actor: User, is_reminder: bool = False) -> int:
    """Have requests, or reminders, sent; one that still waits is not sent twice. Returns how many will go."""
    now, sent = timezone.now(), 0
    for row in nominators:
        with transaction.atomic():
            locked = (
                Nominator.objects.select_for_update(of=("self",)).select_related("delegation__event").get(pk=row.pk)
            )
            if (
                locked.revoked_at
                or (not is_reminder and locked.asked_at)
                or locked.mails.filter(sent_at=None, closed_at=None, nomination=None).exists()
            ):
                continue
            if not locked.delegation.takes_names(now):
                continue
            field = "reminded_at" if is_reminder else "asked_at"
            before = getattr(locked, field)
            setattr(locked, field, now)
            locked.save(update_fields=[field, "updated_at"])
            DelegationMail.objects.create(
                about=About.REMIND if is_reminder else About.ASK, nominator=locked, due_at=now
            )
            record(
                verb="nominator.reminded" if is_reminder else "nominator.asked", target=locked, actor=actor, summary=locked.label,
                changes=[(field, before, now)], event={"event": str(locked.delegation.event.uid), "delegation": str(locked.delegation.uid)},
            )  # fmt: skip
        sent += 1
    if sent:
        transaction.on_commit(wake)
    return sent


def ask_for(
    *, event: Event, actor: User, delegations: QuerySet[Delegation] | None = None, is_reminder: bool = False
) -> int:
    """`ask` everybody who names for an event and was not asked, or remind who was asked and has seats without a name; delegations: of these
    only."""
    rows = Nominator.objects.visible_to(actor, Action.DRIVES).filter(delegation__event=event).live()
    if delegations is not None:
        rows = rows.filter(delegation__in=delegations)
    if is_reminder:
        rows = rows.filter(asked_at__isnull=False).to_fill()
    return ask(list(rows.order_by("pk")), actor=actor, is_reminder=is_reminder)


def queue_of(row: Nomination, about: About) -> DelegationMail:
    """One about somebody who was named. In the caller's transaction."""
    to = None if about == About.DELEGATE else row.named_by
    row.mails.filter(about=about, sent_at=None, closed_at=None).delete()
    mail = DelegationMail.objects.create(about=about, nomination=row, nominator=to, due_at=timezone.now())
    transaction.on_commit(wake)
    return mail


def wake() -> None:
    from campaigns.delegations.tasks import mail_letters  # tasks import services

    try:
        mail_letters.delay()
    except Exception:  # a broker that is down loses only the wake-up: the task comes every few seconds
        logger.warning("Mails about delegations could not be announced; the next look finds them")


def mail_due(*, limit: int = 200, now: datetime | None = None) -> int:
    """Send what is due; returns how many went."""
    return lane.mail_due(DelegationMail.objects.select_related(*SUBJECTS_OF), _written, limit=limit, now=now)


def _written(mail: DelegationMail) -> lane.Written:
    to: Any = mail.nominator or mail.nomination
    # whose link was revoked meanwhile is not written to
    address = "" if mail.nominator and mail.nominator.revoked_at else to.email
    return lane.Written(address, lambda: message_of(mail))


def message_of(mail: DelegationMail) -> EmailMessage:
    from campaigns.delegations.links import delegate_url, nominate_url

    to: Any = mail.nominator or mail.nomination
    delegation, language = to.delegation, to.language or "en"
    with translation.override(language):
        event = delegation.event
        context = {
            "delegation": delegation, "event": event, "nomination": mail.nomination, "nominator": mail.nominator,
            "organization": Installation.current(), "when": when_of(event, language), "place": place_of(event),
            "until": formats.long_day(delegation.last_day), "seats": _asked(mail.nominator) if mail.nominator else [],
            "link": nominate_url(mail.nominator) if mail.nominator else delegate_url(to),
        }  # fmt: skip
        return EmailMessage(
            subject=SUBJECTS[About(mail.about)](
                {"event": event.label, "name": mail.nomination.name if mail.nomination else ""}
            ),
            body=render_to_string(f"campaigns/delegations/mail/{mail.about}.txt", context),
            to=[to.email],
            headers={"Auto-Submitted": "auto-generated", "Content-Language": language},
        )


def _asked(row: Nominator) -> list[Any]:
    seats = row.delegation.seats.select_related("constituency").filter(seats__gt=0)
    return list(seats.filter(constituency=row.constituency_id) if row.constituency_id else seats)
