"""Events as a partner sees them: what they are invited to, what they said, and where they have a seat. The pages behind are those of the mails."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.events.links import invitation_url, seat_url
from campaigns.events.models import Event, Invitation, Registration
from campaigns.partners.queries import Mine
from crm.ui import formats

MOST = 100


@dataclass(frozen=True)
class Occasion:
    """One event of theirs. kind: of the word's colour; url: where they answer, or see their seat."""

    event: Event
    when: str
    where: str
    words: str
    kind: str
    url: str
    institution: str = ""

    @property
    def is_ahead(self) -> bool:
        return self.event.ends_at > timezone.now() and self.event.cancelled_at is None


def occasions(mine: Mine) -> list[Occasion]:
    """The latest begin first. Two queries."""
    found = [_invited(row, mine) for row in mine.invitations()[:MOST]] + [_seated(row) for row in mine.seats()[:MOST]]
    return sorted(found, key=lambda each: each.event.starts_at, reverse=True)


def _invited(row: Invitation, mine: Mine) -> Occasion:
    words, kind = (_answered if row.event.is_over else _answers)()[row.answer]
    institution = "" if row.person_id == mine.person.pk or row.organization is None else str(row.organization.label)
    return Occasion(
        row.event,
        when(row.event),
        _where(row.event),
        *_unless_off(row.event, words, kind),
        invitation_url(row),
        institution,
    )


def _answers() -> dict[str, tuple[str, str]]:
    return {
        "": (_("no answer from you yet"), "blue"),
        "yes": (_("you come"), "ok"),
        "maybe": (_("you may come"), "blue"),
        "no": (_("you do not come"), "bad"),
        "other": (_("you send somebody else"), "ok"),
    }


def _answered() -> dict[str, tuple[str, str]]:
    """Of an event that is over."""
    return {
        "": (_("you did not answer"), "rest"),
        "yes": (_("you said yes"), "rest"),
        "maybe": (_("you said maybe"), "rest"),
        "no": (_("you said no"), "rest"),
        "other": (_("you sent somebody else"), "rest"),
    }


def _seated(row: Registration) -> Occasion:
    has_seat = row.state == Registration.State.SEAT
    if not row.event.is_over:
        words, kind = (_("you have a seat"), "ok") if has_seat else (_("you are on the waiting list"), "blue")
    elif row.came_at:
        words, kind = _("you came"), "ok"
    else:
        words, kind = (_("you had a seat") if has_seat else _("you were on the waiting list")), "rest"
    return Occasion(row.event, when(row.event), _where(row.event), *_unless_off(row.event, words, kind), seat_url(row))


def _unless_off(event: Event, words: str, kind: str) -> tuple[str, str]:
    return (_("called off"), "bad") if event.cancelled_at else (words, kind)


def when(event: Event) -> str:
    """Day and hour on the clocks of the place, which is named."""
    begins: datetime = event.starts_at.astimezone(ZoneInfo(event.zone))
    return f"{formats.long_day(begins.date())}, {begins:%H:%M} ({event.zone.replace('_', ' ').split('/')[-1]})"


def _where(event: Event) -> str:
    return event.place or (_("online") if event.online_url else "")
