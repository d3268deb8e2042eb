"""A future moment keeps its local time, its zone and the computed UTC. Times that a clock skips are refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext as _

from crm.errors import Invalid
from crm.zones import zones


def dated(mailing: Any, moment: datetime | None = None) -> datetime:
    """When a mailing says that it was written, for dates and references in its text: where each recipient is, the day is the one
    that was set, though in the first countries it begins a day earlier for us."""
    if mailing.sends_local and mailing.send_local:
        return datetime.combine(mailing.send_local.date(), mailing.send_local.time())
    return (moment or mailing.send_at or timezone.now()).astimezone(ZoneInfo(mailing.send_zone or "UTC"))


def to_utc(local: datetime, zone: str) -> datetime:
    """UTC of a wall-clock time in `zone`; Invalid for an unknown zone and for a time that the clock skips there.

    A time that comes twice (the hour that is set back) is taken the first time.
    """
    if zone not in zones():
        raise Invalid(_("“%(zone)s” is not a time zone. Use a name such as Africa/Dakar.") % {"zone": zone[:60]})
    moment = local.replace(tzinfo=ZoneInfo(zone), fold=0)
    found = moment.astimezone(UTC)
    if found.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise Invalid(
            _("%(time)s does not exist in %(zone)s: clocks go forward over it that day. Choose another time.")
            % {"time": local.strftime("%H:%M"), "zone": zone},
            code="time_skipped",
        )
    return found
