"""How long each kind is kept, as typed: a choice for each."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from crm.retention.registry import kinds
from crm.retention.services import Standing

FOR_EVER = "ever"
CHOICES = [
    (7, _("7 days")),
    (30, _("30 days")),
    (90, _("90 days")),
    (180, _("6 months")),
    (365, _("12 months")),
    (400, _("13 months")),
    (730, _("2 years")),
    (1095, _("3 years")),
    (1825, _("5 years")),
    (3650, _("10 years")),
]


class RetentionForm(forms.Form):
    def __init__(self, *args: Any, standings: list[Standing], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.standings = standings
        for standing in standings:
            offered: list[tuple[str, Any]] = [
                (str(n), label) for n, label in CHOICES if n >= standing.kind.minimum_days
            ]
            now = FOR_EVER if standing.days is None else str(standing.days)
            if now not in dict(offered) and now != FOR_EVER:  # set by another door
                offered.append((now, _("%(n)s days") % {"n": now}))
            self.fields[standing.kind.code] = forms.ChoiceField(
                label=standing.kind.label,
                choices=[*offered, (FOR_EVER, _("for ever"))],
                initial=now,
                widget=forms.Select(attrs={"class": "form-select gs-w-tag"}),
            )

    def days(self) -> dict[str, int | None]:
        return {
            kind.code: None if self.cleaned_data[kind.code] == FOR_EVER else int(self.cleaned_data[kind.code])
            for kind in kinds()
        }
