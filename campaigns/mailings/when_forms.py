"""When a mailing leaves: the part of its settings that can be looked at before it is saved."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.mailings.when import as_wall_clock
from crm.zones import zones

NOW, AT, LOCAL = "now", "at", "local"


def zone_choices(current: str) -> list[tuple[str, str]]:
    names = sorted(zone for zone in zones() if "/" in zone and not zone.startswith(("Etc/", "posix")))
    return [(zone, zone.replace("_", " ")) for zone in dict.fromkeys([current, "UTC", *names])]


class WallClockField(forms.DateTimeField):
    """A local time without a zone: the zone is chosen beside it, so the viewer's own must not get in."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def to_python(self, value: Any) -> datetime | None:
        if not value:
            return None
        try:
            return datetime.fromisoformat(str(value).strip()).replace(tzinfo=None)
        except ValueError:
            raise forms.ValidationError(_("Write a date and a time, such as 2026-12-01 12:00.")) from None

    def prepare_value(self, value: Any) -> Any:
        return value.replace(tzinfo=None) if isinstance(value, datetime) else value


def _clock() -> forms.TimeInput:
    return forms.TimeInput(attrs={"type": "time"}, format="%H:%M")


class WhenForm(forms.Form):
    """At once, at a moment, or at everybody's own time; within hours, on working days."""

    when = forms.ChoiceField(
        label=_("When"),
        choices=[
            (NOW, _("When somebody presses Send now")),
            (AT, _("At a set time, for everybody at once")),
            (LOCAL, _("At this time where each recipient is")),
        ],
        widget=forms.RadioSelect,
    )
    send_local = WallClockField(label=_("Local time"), required=False)
    send_zone = forms.ChoiceField(
        label=_("Time zone"), help_text=_("At everybody’s own time: for recipients whose country is not known.")
    )
    hours_from = forms.TimeField(label=_("Not before"), required=False, widget=_clock())
    hours_until = forms.TimeField(
        label=_("Nor after"),
        required=False,
        widget=_clock(),
        help_text=_("By the recipient’s clock. What is left then goes on the next day. Empty: at any hour."),
    )
    skips_weekends = forms.BooleanField(
        label=_("Not at weekends"),
        required=False,
        help_text=_("Of the recipient’s country, such as Friday and Saturday."),
    )
    skips_holidays = forms.BooleanField(
        label=_("Not on national holidays"), required=False, help_text=_("Of the recipient’s country.")
    )

    def __init__(self, *args: Any, zone: str = "UTC", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["send_zone"].choices = zone_choices(zone)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("when") in (AT, LOCAL) and not data.get("send_local") and "send_local" not in self.errors:
            self.add_error("send_local", _("Say when it should leave."))
        return data

    def times(self) -> dict[str, Any]:
        """The settings that `set_time` reads, and the days."""
        data = self.cleaned_data
        return {
            "send_local": None if data["when"] == NOW else as_wall_clock(data["send_local"]),
            "send_zone": data["send_zone"],
            "sends_local": data["when"] == LOCAL,
            **{name: data[name] for name in ("hours_from", "hours_until", "skips_weekends", "skips_holidays")},
        }
