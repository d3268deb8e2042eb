"""A future moment keeps its local time, its zone and the computed UTC. Times that a clock skips are refused."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

from django.utils.translation import gettext as _

from crm.errors import Invalid


def to_utc(local: datetime, zone: str) -> datetime:
    """UTC of a wall-clock time in `zone`; Invalid for an unknown zone and for a time that the clock skips there.

    A time that comes twice (the hour that is set back) is taken the first time.
    """
    if zone not in available_timezones():
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
