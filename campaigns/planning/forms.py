"""Shapes of campaigns and drives."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.planning.models import Campaign, Drive
from contacts.directory.forms import LabelledChoice
from contacts.directory.lists import ordered_constituencies
from contacts.directory.models import Constituency, Country
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.errors import DomainError, StaleEdit

DATE = {"type": "date"}
MAX_LINES = 50


class SeenForm(forms.Form):
    """A form of a whole row: it remembers when the row was last changed as the user opened it."""

    seen_at = forms.CharField(widget=forms.HiddenInput, required=False)

    def clean_seen_at(self) -> datetime | None:
        try:
            return parse_datetime(self.cleaned_data["seen_at"])
        except ValueError:
            return None

    def take_as_seen(self, stale: dict[str, Any]) -> None:
        """The user is told of the other's change: saving again means it."""
        data: Any = self.data
        data = data.copy()
        data["seen_at"] = stale["updated_at"].isoformat()
        self.data = data

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("starts_on") and data.get("ends_on") and data["ends_on"] < data["starts_on"]:
            self.add_error("ends_on", _t("The end lies before the beginning."))
        return data


def refused(form: Any, error: DomainError) -> None:
    """What a service said, at the fields that it names, else beside the form; nothing typed is lost."""
    errors: dict[str, list[str]] = error.data.get("errors") or {}
    for field, messages in errors.items():
        form.add_error(field if field in form.fields else None, messages)
    if not errors:
        form.add_error(None, error.message)
    if isinstance(error, StaleEdit):
        form.take_as_seen(error.data)


def parted_lines(text: str) -> list[tuple[str, str]]:
    """Lines of the form "one | other" as pairs; empty lines are nothing."""
    pairs = []
    for line in text.splitlines():
        first, _bar, second = line.partition("|")
        if first.strip():
            pairs.append((first.strip(), second.strip()))
    return pairs


class CampaignForm(SeenForm):
    name = forms.CharField(label=_("Name"), max_length=300)
    goal = forms.CharField(
        label=_("Goal"),
        required=False,
        max_length=5000,
        widget=forms.Textarea({"rows": 3}),
        help_text=_("The stated change."),
    )
    starts_on = forms.DateField(label=_("From"), required=False, widget=forms.DateInput(DATE))
    ends_on = forms.DateField(label=_("Until"), required=False, widget=forms.DateInput(DATE))
    pillars = forms.CharField(
        label=_("Pillars"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea({"rows": 4}),
        help_text=_("One on each line: name | what it means."),
    )
    facts = forms.CharField(
        label=_("Facts"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea({"rows": 5}),
        help_text=_("One on each line: the fact | its source. A fact without a source is marked so."),
    )

    def clean_pillars(self) -> list[tuple[str, str]]:
        pairs = self._lines("pillars")
        for name, _description in pairs:
            if len(name) > 300:
                raise forms.ValidationError(_t("The name of a pillar may have 300 letters."))
        return pairs

    def clean_facts(self) -> list[dict[str, str]]:
        return [{"text": text, "source": source} for text, source in self._lines("facts")]

    def _lines(self, name: str) -> list[tuple[str, str]]:
        pairs = parted_lines(self.cleaned_data[name])
        if len(pairs) > MAX_LINES:
            raise forms.ValidationError(_t("At most %(n)s lines.") % {"n": MAX_LINES})
        return pairs

    @classmethod
    def initial_of(cls, campaign: Campaign) -> dict[str, Any]:
        values: dict[str, Any] = {name: getattr(campaign, name) for name in ("name", "goal", "starts_on", "ends_on")}
        values["pillars"] = "\n".join(_line(p.name, p.description) for p in campaign.pillars.all())
        values["facts"] = "\n".join(_line(f.get("text", ""), f.get("source", "")) for f in campaign.facts)
        return values | {"seen_at": campaign.updated_at.isoformat()}


def _line(first: str, second: str) -> str:
    return f"{first} | {second}" if second else first


class ManyCountries(forms.ModelMultipleChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return str(obj.label)


class DriveForm(SeenForm):
    campaign = LabelledChoice(Campaign.objects.none(), label=_("Campaign"), to_field_name="uid")
    name = forms.CharField(label=_("Name"), max_length=300)
    goal = forms.CharField(label=_("Goal"), required=False, max_length=5000, widget=forms.Textarea({"rows": 2}))
    starts_on = forms.DateField(label=_("From"), widget=forms.DateInput(DATE))
    ends_on = forms.DateField(label=_("Until"), widget=forms.DateInput(DATE))
    status = forms.ChoiceField(label=_("Status"), choices=Drive.Status.choices, initial=Drive.Status.PLANNED)
    owner = forms.ModelChoiceField(User.objects.none(), label=_("Owner"), to_field_name="uid", required=False)
    countries = ManyCountries(
        Country.objects.none(), label=_("Countries"), to_field_name="code", widget=forms.CheckboxSelectMultiple
    )
    constituencies = ManyCountries(
        Constituency.objects.of_institutions(),
        label=_("Constituencies"),
        to_field_name="code",
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        codes = user.scope(Action.DRIVES).countries
        countries = Country.objects.order_by("sort_key")
        fields["countries"].queryset = countries if codes is None else countries.filter(code__in=codes)
        campaigns = Campaign.objects.visible_to(user, Action.DRIVES).filter(archived_at=None).order_by("sort_key")
        fields["campaign"].queryset = campaigns
        fields["owner"].queryset = User.objects.staff().filter(is_active=True).order_by("name")
        picked = set(self.data.getlist("countries") if hasattr(self.data, "getlist") else []) or set(
            self.initial.get("countries") or []
        )
        if picked:  # what is chosen stands first among 249
            fields["countries"].choices = sorted(
                fields["countries"].choices, key=lambda choice: choice[0].value not in picked
            )
        order = {row.pk: number for number, row in enumerate(ordered_constituencies())}
        fields["constituencies"].choices = sorted(
            fields["constituencies"].choices, key=lambda choice: order.get(choice[0].instance.pk, 0)
        )

    @classmethod
    def initial_of(cls, drive: Drive) -> dict[str, Any]:
        values: dict[str, Any] = {
            name: getattr(drive, name) for name in ("name", "goal", "starts_on", "ends_on", "status")
        }
        return values | {
            "campaign": drive.campaign.uid,
            "owner": drive.owner.uid if drive.owner else None,
            "countries": list(drive.countries.values_list("code", flat=True)),
            "constituencies": list(drive.constituencies.values_list("code", flat=True)),
            "seen_at": drive.updated_at.isoformat(),
        }


class WeightsForm(forms.Form):
    """How much each reason counts, 0 (not at all) to 5."""

    def __init__(self, *args: Any, weights: list[tuple[str, str, int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        ends = {0: _("0: does not count"), 5: _("5: counts most")}
        for name, label, weight, about in weights:
            self.fields[name] = forms.TypedChoiceField(
                label=label, choices=[(n, ends.get(n, str(n))) for n in range(6)], coerce=int, initial=weight, help_text=about
            )  # fmt: skip
