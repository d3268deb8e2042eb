"""Shapes of results, indicators with their periods, actuals, and of a report that is frozen."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.planning.forms import DATE, SeenForm
from campaigns.planning.models import Campaign, Drive, Pillar
from campaigns.results.models import Indicator, Kind, Measure, Period, Result
from campaigns.results.services import Span
from contacts.directory.forms import LabelledChoice
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.ids import new_uid
from crm.ui import formats

TEXT = {"rows": 3, "dir": "auto"}
PERIOD = re.compile(
    r"^\s*(\d{4}-\d\d-\d\d)\s*(?:–|-|to|until|;|,)\s*(\d{4}-\d\d-\d\d)\s*[:;,=]\s*(-?[\d .,]+)\s*%?\s*$"
)
MOST_PERIODS = 40


def read_periods(text: str) -> list[Span]:
    """One a line: first day – last day: target. Raises ValidationError, which names the line."""
    found: list[Span] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        match = PERIOD.match(line)
        try:
            if match is None:
                raise ValueError
            target = Decimal(match[3].replace(" ", "").replace(",", ""))
            found.append((dt.date.fromisoformat(match[1]), dt.date.fromisoformat(match[2]), target))
        except (ValueError, InvalidOperation) as error:
            words = _t("Line %(n)s cannot be read. Write it like this: 2027-01-01 – 2027-12-31: 10")
            raise forms.ValidationError(words % {"n": number}) from error
        if found[-1][1] < found[-1][0]:
            raise forms.ValidationError(_t("Line %(n)s: the period ends before it begins.") % {"n": number})
    if not found:
        raise forms.ValidationError(_t("At least one period with its target."))
    if len(found) > MOST_PERIODS:
        raise forms.ValidationError(_t("At most %(n)s periods.") % {"n": MOST_PERIODS})
    return found


class ResultForm(SeenForm):
    title = forms.CharField(label=_("What is to change"), max_length=300)
    kind = forms.ChoiceField(
        label=_("Kind"), choices=Kind.choices, initial=Kind.OUTCOME,
        help_text=_("Output: what we do. Outcome: what others do then. Impact: what becomes better for people."),
    )  # fmt: skip
    pillar = LabelledChoice(
        Pillar.objects.none(), label=_("Pillar"), to_field_name="uid", required=False, empty_label=_("none")
    )
    drive = LabelledChoice(
        Drive.objects.none(),
        label=_("Drive"),
        to_field_name="uid",
        required=False,
        empty_label=_("all of the campaign"),
    )
    description = forms.CharField(
        label=_("Description"), required=False, max_length=10_000, widget=forms.Textarea(TEXT)
    )

    def __init__(self, *args: Any, user: User, campaign: Campaign, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["pillar"].queryset = campaign.pillars.all()
        fields["pillar"].label_from_instance = lambda pillar: pillar.name
        drives = Drive.objects.visible_to(user, Action.DRIVES).filter(campaign=campaign, archived_at=None)
        fields["drive"].queryset = drives.order_by("sort_key")
        if user.scope(Action.DRIVES).countries is not None:
            fields["drive"].required, fields["drive"].empty_label = True, None

    @staticmethod
    def initial_of(result: Result) -> dict[str, Any]:
        return {
            "title": result.title, "kind": result.kind, "description": result.description,
            "pillar": result.pillar.uid if result.pillar else None, "drive": result.drive.uid if result.drive else None,
            "seen_at": result.updated_at.isoformat(),
        }  # fmt: skip

    def values(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if name != "seen_at"}


class IndicatorForm(SeenForm):
    title = forms.CharField(label=_("What is measured"), max_length=300)
    measure = forms.ChoiceField(label=_("As"), choices=Measure.choices)
    unit = forms.CharField(
        label=_("Counted in"), max_length=80, required=False, help_text=_("countries, people, laws …")
    )
    is_ascending = forms.BooleanField(label=_("More is better"), required=False, initial=True)
    baseline = forms.DecimalField(label=_("Number at the start"), required=False, max_digits=16, decimal_places=2)
    baseline_on = forms.DateField(label=_("Of which day"), required=False, widget=forms.DateInput(DATE))
    baseline_note = forms.CharField(label=_("Where it is from"), max_length=300, required=False)
    periods = forms.CharField(
        label=_("Periods and targets"),
        widget=forms.Textarea({"rows": 4, "placeholder": "2027-01-01 – 2027-12-31: 10", "class": "gs-mono"}),
        help_text=_("One a line: first day – last day: what is to be reached by then."),
    )

    def clean_periods(self) -> list[Span]:
        return read_periods(self.cleaned_data["periods"])

    @staticmethod
    def initial_of(indicator: Indicator) -> dict[str, Any]:
        names = ("title", "measure", "unit", "is_ascending", "baseline", "baseline_on", "baseline_note")
        lines = [f"{p.starts_on} – {p.ends_on}: {p.target.normalize():f}" for p in indicator.periods.all()]
        return {name: getattr(indicator, name) for name in names} | {
            "periods": "\n".join(lines), "seen_at": indicator.updated_at.isoformat(),
        }  # fmt: skip

    def values(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if name != "seen_at"}


class PeriodChoice(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        days = f"{formats.day(obj.starts_on)} – {formats.day(obj.ends_on)}"
        return _t("%(days)s, target %(target)s") % {"days": days, "target": formats.number(obj.target)}


class ActualForm(forms.Form):
    period = PeriodChoice(Period.objects.none(), label=_("Period"), to_field_name="uid", empty_label=None)
    value = forms.DecimalField(label=_("What was reached"), max_digits=16, decimal_places=2)
    on = forms.DateField(label=_("Of which day"), widget=forms.DateInput(DATE))
    evidence = forms.CharField(
        label=_("What shows it"), required=False, max_length=100_000, widget=forms.Textarea(TEXT),
        help_text=_("A law, a gazette, minutes, a statistic: so that somebody else can look at it."),
    )  # fmt: skip
    link = forms.URLField(label=_("Link"), required=False, max_length=1000, assume_scheme="https")
    contribution = forms.CharField(
        label=_("What we contributed, and who else did"), max_length=100_000, widget=forms.Textarea(TEXT),
        help_text=_("Contribution, not causation: a change has many authors."),
    )  # fmt: skip
    form_key = forms.UUIDField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, indicator: Indicator, **kwargs: Any) -> None:
        today = timezone.localdate()
        kwargs["initial"] = {"on": today, "form_key": new_uid(), **(kwargs.get("initial") or {})}
        super().__init__(*args, **kwargs)
        periods = indicator.periods.filter(starts_on__lte=today).order_by("-starts_on")
        field: Any = self.fields["period"]
        field.queryset = periods

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not data.get("evidence") and not data.get("link") and "link" not in self.errors:
            self.add_error("evidence", _t("Say what shows it: some words, or a link."))
        return data


class WithdrawForm(forms.Form):
    why = forms.CharField(label=_("Why is it wrong?"), max_length=300)


class FreezeForm(forms.Form):
    title = forms.CharField(
        label=_("Name"), max_length=300, help_text=_("Such as “Report to donors, first half of 2027”.")
    )


class ListForm(forms.Form):
    name = forms.CharField(label=_("Name of the list"), max_length=120)
    as_segment = forms.BooleanField(
        label=_("And a segment of them"), required=False,
        help_text=_("Of the same name, with one rule: on this list. Add others, such as “has not answered”, and write to them."),
    )  # fmt: skip
