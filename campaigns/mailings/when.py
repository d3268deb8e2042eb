"""When a mailing arrives where, in plain words: for its settings, its page and before it is approved."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from babel.dates import format_date
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.mailings.calendars import day_of
from campaigns.mailings.editing import set_time
from campaigns.mailings.hours import Hours, Place, Turn, hours_of, places_of, turns, zone_of
from campaigns.mailings.models import Mailing
from contacts.directory.models import Country, Organization, Person
from crm.ui import formats

SHOWN = 4
Found = list[tuple[Place, Turn]]


def sketch(mailing: Mailing, values: Mapping[str, Any]) -> Mailing:
    """The mailing as it would be with these settings, unsaved; Invalid when they cannot be."""
    drawn = copy.copy(mailing)
    for name, value in values.items():
        setattr(drawn, name, value)
    set_time(drawn)
    return drawn


def brief(mailing: Mailing) -> list[str]:
    """The rules alone, for a page that is looked at often: nothing is computed for any country."""
    said = []
    if mailing.sends_local and mailing.send_local:
        day = format_date(mailing.send_local.date(), "EEE d MMM", locale=formats.current_locale())
        said.append(_("%(day)s at %(time)s, where each recipient is") % {"day": day, "time": f"{mailing.send_local:%H:%M}"})  # fmt: skip
    if mailing.hours_from and mailing.hours_until:
        said.append(
            _("between %(from)s and %(until)s by the recipient’s clock")
            % {"from": f"{mailing.hours_from:%H:%M}", "until": f"{mailing.hours_until:%H:%M}"}
        )
    if mailing.skips_weekends:
        said.append(_("not at the weekend of their country"))
    if mailing.skips_holidays:
        said.append(_("not on its national holidays"))
    return said


def explain(mailing: Mailing, *, codes: Collection[str] | None = None, now: datetime | None = None) -> list[str]:
    """Sentences: at what time it arrives first and last, who waits and why. Two queries, none without rules.

    codes: only these countries, by default those that it may reach.
    """
    moment = now or timezone.now()
    hours, start = hours_of(mailing), mailing.send_at or moment
    if hours is None:
        if mailing.send_local is None:
            return [_("Everybody gets it at once, when somebody presses Send now.")]
        return [_("Everybody gets it at the same moment: %(time)s for you.") % {"time": formats.moment(start)}]
    begin = begins(mailing, moment)
    wanted = codes if codes is not None else _peopled(mailing)
    places = [place for place in places_of(mailing, wanted) if place.code]
    found = turns(mailing, places, start=begin)
    if not found:
        return []
    said = [_rule(mailing, hours), *_ends(found)]
    said += passed(mailing, places, begin)
    said += _closed(hours, found, begin)
    return said


def _peopled(mailing: Mailing) -> list[str]:
    """Countries of its reach where the directory has anybody: nobody asks when it is nine o'clock in Antarctica."""
    somebody = Exists(Person.objects.filter(country=OuterRef("pk"))) | Exists(
        Organization.objects.filter(country=OuterRef("pk"))
    )
    rows = Country.objects.filter(somebody)
    if mailing.scope_countries is not None:
        rows = rows.filter(code__in=mailing.scope_countries)
    return list(rows.values_list("code", flat=True))


def _rule(mailing: Mailing, hours: Hours) -> str:
    if hours.local is not None:
        return _("Each gets it at %(time)s where they are.") % {"time": f"{hours.local:%H:%M}"}
    if mailing.send_local is None:
        return _("When somebody presses Send now, it arrives where it is allowed then, and elsewhere as soon as it is.")
    return _("It leaves at %(time)s for you, to where it is allowed then, and elsewhere as soon as it is.") % {
        "time": formats.moment(mailing.send_at) if mailing.send_at else ""
    }


def _ends(found: Found) -> list[str]:
    (first, begins), (last, ends) = found[0], found[-1]
    words = {"place": first.name, "there": there(begins.due, first), "you": _for_you(begins.due)}
    said = [_("First in %(place)s, where %(there)s is %(you)s for you.") % words]
    if ends.due != begins.due:
        words = {"place": last.name, "there": there(ends.due, last), "you": _for_you(ends.due)}
        said.append(_("Last in %(place)s: %(there)s there is %(you)s for you.") % words)
    return said


def begins(mailing: Mailing, now: datetime) -> datetime:
    """From when on it may leave: where a local time has come already, that is now."""
    start = mailing.send_at or now
    return max(start, now) if mailing.sends_local else start


def passed(mailing: Mailing, places: list[Place], begin: datetime) -> list[str]:
    """Where the local time is over already: they get it a day later."""
    if not (mailing.sends_local and mailing.send_local):
        return []
    local = mailing.send_local.replace(tzinfo=None)
    names = [place.name for place in places if begin.astimezone(zone_of(place.zone)).replace(tzinfo=None) > local]
    if not names:
        return []
    text = ngettext(
        "In %(n)s country this time has passed already: there it is for the next day (%(names)s).",
        "In %(n)s countries this time has passed already: there it is for the next day (%(names)s).",
        len(names),
    )
    return [text % {"n": len(names), "names": _some(sorted(names))}]


def _closed(hours: Hours, found: Found, begin: datetime) -> list[str]:
    """Where the day itself is not a working day, and when it is then."""
    holidays, weekends = [], []
    for place, turn in found:
        day = hours.local.date() if hours.local else begin.astimezone(zone_of(place.zone)).date()
        if not hours.is_closed(place.code, day):
            continue
        holiday = day_of(place.code, day)[1]
        later = there(turn.due, place)
        if hours.holidays and holiday:
            holidays.append(_("%(place)s: %(holiday)s, so %(there)s") % {"place": place.name, "holiday": holiday, "there": later})  # fmt: skip
        else:
            weekends.append(f"{place.name}: {later}")
    said = []
    if holidays:
        said.append(_("A holiday there. %(places)s.") % {"places": _some(holidays, "; ")})
    if weekends:
        said.append(_("The weekend there. %(places)s.") % {"places": _some(weekends, "; ")})
    return said


def _some(items: list[str], comma: str = ", ") -> str:
    if len(items) <= SHOWN:
        return comma.join(items)
    rest = len(items) - SHOWN
    return comma.join(items[:SHOWN]) + " " + ngettext("and %(n)s more", "and %(n)s more", rest) % {"n": rest}


def there(moment: datetime, place: Place) -> str:
    """Day and clock at a place: what stands on a wall there, so it is written without a zone."""
    return _wall(moment.astimezone(zone_of(place.zone)))


def _for_you(moment: datetime) -> str:
    return _wall(timezone.localtime(moment))


def _wall(local: datetime) -> str:
    return f"{format_date(local.date(), 'EEE d MMM', locale=formats.current_locale())} {local:%H:%M}"


def as_wall_clock(local: datetime | None) -> datetime | None:
    """A wall clock as it is stored: as if it were UTC."""
    return local.replace(tzinfo=UTC) if local else None
