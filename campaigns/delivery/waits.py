"""What of a mailing waits for which countries' time, and until when: for its page and the API."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from babel.dates import format_date
from django.db import connection
from django.utils.translation import gettext as _

from campaigns.delivery.models import DeliverySlot
from campaigns.mailings.hours import hours_of, zone_of
from campaigns.mailings.models import Mailing
from campaigns.mailings.presenting import NextStep
from campaigns.mailings.states import State
from contacts.directory.models import Country
from crm.ui import formats

SHOWN = 6  # names of countries in a row
_WAITING = """
SELECT s.country_code, s.zone, s.due_at, s.state, sum(coalesce((k.counts->>'pending')::int, 0))::int
  FROM campaigns_deliveryslot s JOIN campaigns_deliverychunk k ON k.mailing_id = s.mailing_id AND k.slot = s.number
 WHERE s.mailing_id = %s AND s.state IN ('waiting', 'late') AND NOT k.is_done
 GROUP BY s.id ORDER BY s.due_at, s.number"""


@dataclass(frozen=True)
class Wait:
    """One country, and how many there wait."""

    country: str
    name: str
    zone: str
    due_at: datetime
    state: str
    people: int


@dataclass(frozen=True)
class Turn:
    """The countries whose turn comes at the same moment. there: what clocks show there, "Tue 09:00"."""

    due_at: datetime
    there: str
    names: list[str]
    people: int

    @property
    def shown(self) -> list[str]:
        return self.names[:SHOWN]

    @property
    def more(self) -> int:
        return max(0, len(self.names) - SHOWN)


@dataclass(frozen=True)
class Waits:
    """All that waits; `late` are those whose time passed too long ago."""

    turns: list[Turn] = field(default_factory=list)
    late: list[Turn] = field(default_factory=list)

    @property
    def people(self) -> int:
        return sum(turn.people for turn in self.turns)

    @property
    def late_people(self) -> int:
        return sum(turn.people for turn in self.late)

    @property
    def late_names(self) -> list[str]:
        return [name for turn in self.late for name in turn.names]


def waiting(mailing: Mailing) -> list[Wait]:
    """Country by country, in the order of their turns; nothing of a mailing that leaves at one moment. Two queries."""
    if mailing.state not in (State.SENDING, State.PAUSED) or hours_of(mailing) is None:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [mailing.pk])
        rows = cursor.fetchall()
    names = {row.code: row.label for row in Country.objects.filter(code__in=[row[0] for row in rows])}
    elsewhere = _("elsewhere")
    return [
        Wait(code, names.get(code, elsewhere), zone, due_at, state, people)
        for code, zone, due_at, state, people in rows
        if people
    ]


def waits_of(mailing: Mailing) -> Waits:
    found = waiting(mailing)
    late = [one for one in found if one.state == DeliverySlot.State.LATE]
    return Waits(_turns([one for one in found if one not in late]), _turns(late))


def _turns(found: list[Wait]) -> list[Turn]:
    made = []
    for _key, group in groupby(found, key=lambda one: (one.due_at, clock_there(one.due_at, one.zone))):
        rows = list(group)
        names = sorted(row.name for row in rows)
        made.append(Turn(rows[0].due_at, clock_there(rows[0].due_at, rows[0].zone), names, sum(r.people for r in rows)))
    return made


def clock_there(moment: datetime, zone: str) -> str:
    """Day and clock of a place: what stands on a wall there, so it is written without a zone."""
    local = moment.astimezone(zone_of(zone))
    return f"{format_date(local.date(), 'EEE', locale=formats.current_locale())} {local:%H:%M}"


def say_what_waits(step: NextStep, waits: Waits, *, others: int) -> NextStep:
    """The next step of a mailing of which nothing can leave now, in words. others: how many are open and do not wait."""
    if others > 0 or not waits.turns:
        return step
    turn = waits.turns[0]
    step.title = _("It waits until it is %(time)s in %(place)s") % {"time": turn.there, "place": turn.names[0]}
    step.why = _("That is %(time)s for you.") % {"time": formats.moment(turn.due_at)}
    step.icon, step.kind = "clock-pause", "blue"
    return step
