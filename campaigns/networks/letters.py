"""Letters of networks: please confirm, welcome, declined, a vote, you represent, do you stay, you lapsed. PostgreSQL has them; a task sends what is due, each once."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from campaigns.networks.links import confirm_url, member_url, own_page_url, representative_url, vote_url
from campaigns.networks.models import Application, Member, Network, NetworkLetter, Representative, Vote
from contacts.consent import letters as lane
from contacts.consent.queries import long_day
from contacts.directory.models import Person
from crm.accounts.models import Installation
from crm.ui import formats

logger = logging.getLogger(__name__)
About = NetworkLetter.About
SUBJECTS_OF = (
    "application__network__campaign", "application__member", "vote__application__network__campaign", "vote__application__country",
    "vote__member__contact", "vote__member__person", "representative__member__network__campaign",
    "representative__member__organization", "representative__person", "member__network__campaign", "member__organization",
    "member__person", "member__contact",
)  # fmt: skip
SUBJECTS = {
    About.CONFIRM: lambda network: _("Please confirm: %(network)s") % {"network": network},
    About.WELCOME: lambda network: _("Welcome to %(network)s") % {"network": network},
    About.DECLINED: lambda network: _("Your application to %(network)s") % {"network": network},
    About.VOTE: lambda network: _("Who joins %(network)s: what do you say?") % {"network": network},
    About.NAMED: lambda network: _("You represent your institution in %(network)s") % {"network": network},
    About.RENEW: lambda network: _("Do you stay in %(network)s?") % {"network": network},
    About.LAPSED: lambda network: _("Your membership of %(network)s has ended") % {"network": network},
}


def queue(application: Application, about: About, *, wait: timedelta = timedelta()) -> NetworkLetter:
    """One letter of each kind; asking again sends one that has left once more."""
    return _queue(wait, application=application, about=about)


def queue_vote(vote: Vote) -> NetworkLetter:
    return _queue(timedelta(), vote=vote, about=About.VOTE)


def queue_named(representative: Representative) -> NetworkLetter:
    return _queue(timedelta(), representative=representative, about=About.NAMED)


def queue_year(member: Member, about: About, day: date) -> NetworkLetter:
    return _queue(timedelta(), member=member, about=about, for_day=day)


def _queue(wait: timedelta, **about: Any) -> NetworkLetter:
    letter, _made = NetworkLetter.objects.update_or_create(
        **about,
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
    """Send what is due; returns how many went."""
    return lane.mail_due(NetworkLetter.objects.select_related(*SUBJECTS_OF), _written, limit=limit, now=now)


def _written(letter: NetworkLetter) -> lane.Written:
    about = about_of(letter)
    return lane.Written(about.address, lambda: _message(letter, about.language))


@dataclass(frozen=True)
class Subject:
    """Whom a letter goes to, in which language, and what it says beside what all say."""

    network: Network
    address: str
    name: str
    language: str
    context: dict[str, Any]


def about_of(letter: NetworkLetter) -> Subject:
    if application := letter.application:
        return Subject(
            application.network, application.email, application.name, application.language, _of_application(application)
        )
    if vote := letter.vote:
        person = vote.member.contact or vote.member.person
        return _to(vote.application.network, person, {
            "application": vote.application, "vote": vote_url(vote.uid, person), "needed": vote.application.network.votes_needed,
        })  # fmt: skip
    if row := letter.representative:
        return Subject(row.member.network, row.email, row.label, row.language, {
            "member": row.member, "own_page": representative_url(row.uid), "is_admin": row.is_admin,
        })  # fmt: skip
    member = letter.member
    if member is None:  # the database says that it is about one
        raise ValueError(f"letter {letter.pk} is about nothing")
    day = formats.long_day(letter.for_day) if letter.for_day else ""
    return _to(
        member.network,
        member.contact or member.person,
        {"member": member, "own_page": member_url(member), "day": day},
    )


def _to(network: Network, person: Person | None, context: dict[str, Any]) -> Subject:
    point = person.contact_points.best() if person else None
    language = (person.language if person else "") or "en"
    return Subject(network, point.value if point else "", person.label if person else "", language, context)


def _of_application(application: Application) -> dict[str, Any]:
    page = settings.BASE_URL + reverse("network_join", args=[application.network.slug])
    return {
        "application": application,
        "confirm": confirm_url(application.uid),
        "until": long_day(application.created_at + timedelta(days=settings.OPT_IN_DAYS)),
        "own_page": own_page_url(application.member) if application.member else "",
        "invite": f"{page}?by={application.member.uid}" if application.member else page,
    }


def _message(letter: NetworkLetter, language: str) -> EmailMessage:
    with translation.override(language):
        about = about_of(letter)  # once more: its days are written in the reader's language
        context = about.context | {"network": about.network, "name": about.name, "organization": Installation.current()}
        return EmailMessage(
            subject=SUBJECTS[About(letter.about)](about.network.label),
            body=render_to_string(f"campaigns/networks/mail/{letter.about}.txt", context),
            to=[about.address],
            headers={"Auto-Submitted": "auto-generated", "Content-Language": about.language},
        )
