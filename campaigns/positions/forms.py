"""Shapes of asks, steps and power."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.planning.models import Campaign
from campaigns.positions.ladder import Confidence, EvidenceKind, Stance
from campaigns.positions.lists import POWERS
from campaigns.positions.models import Ask
from contacts.directory.forms import EditForm, LabelledChoice, people_for
from contacts.directory.models import Organization
from contacts.directory.picking import PickField
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.ids import new_uid

LANGUAGES = {"fr": _("in French"), "es": _("in Spanish"), "ar": _("in Arabic")}
DATE = {"type": "date"}
STANCES = [(stance.value, stance.label) for stance in Stance]


def key_field() -> forms.UUIDField:
    """One form saves one thing, however often its button is pressed."""
    return forms.UUIDField(widget=forms.HiddenInput, required=False, initial=new_uid)


class AskForm(EditForm):
    name = forms.CharField(
        label=_("What we ask"), max_length=300, help_text=_("As a sentence that goes on after “We ask you to”: adopt a national action plan.")
    )  # fmt: skip
    done_when = forms.CharField(
        label=_("What counts as done"), required=False, max_length=2000, widget=forms.Textarea({"rows": 2}),
        help_text=_("So that two people judge it alike: the plan is published and has a budget line."),
    )  # fmt: skip
    description = forms.CharField(
        label=_("Why, and what helps"), required=False, max_length=10_000, widget=forms.Textarea({"rows": 4})
    )
    place = forms.IntegerField(label=_("Order in the drive"), required=False, min_value=1, max_value=999)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = (self.initial or {}).get("names") or {}
        for code, label in LANGUAGES.items():
            self.fields[f"name_{code}"] = forms.CharField(
                label=label, max_length=300, required=False, initial=names.get(code, "")
            )
        self.kept = {code: text for code, text in names.items() if code not in LANGUAGES}

    @classmethod
    def initial_of(cls, row: Any) -> dict[str, Any]:
        return {**super().initial_of(row), "names": row.names}

    def values(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """(changes, seen), with the names put together."""
        changes, seen = self.parted(self.cleaned_data)
        given = {code: changes.pop(f"name_{code}").strip() for code in LANGUAGES}
        changes["names"] = {**self.kept, **{code: text for code, text in given.items() if text}}
        if not changes.get("place"):
            changes.pop("place", None)
        return changes, {name: value for name, value in seen.items() if name in changes}


class StepForm(forms.Form):
    """Where they stand, and what shows it. The first three answers are enough."""

    ask = LabelledChoice(Ask.objects.none(), to_field_name="uid", label=_("Ask"), empty_label=None)
    stance = forms.TypedChoiceField(label=_("Where they stand"), choices=STANCES, coerce=int, widget=forms.RadioSelect)
    evidence = forms.CharField(
        label=_("What shows it"), required=False, max_length=5000, widget=forms.Textarea({"rows": 3}),
        help_text=_("Their words, or what they did. A link will do too."),
    )  # fmt: skip
    evidence_kind = forms.ChoiceField(label=_("It is a"), choices=EvidenceKind.choices, initial=EvidenceKind.MEETING)
    on = forms.DateField(label=_("On"), widget=forms.DateInput(DATE), initial=timezone.localdate)
    link = forms.URLField(label=_("Link"), required=False, max_length=500, assume_scheme="https")
    confidence = forms.ChoiceField(label=_("How sure"), choices=Confidence.choices, initial=Confidence.MEDIUM)
    said_by = PickField(
        options_url=lambda: str(reverse_lazy("person_options")),
        placeholder=_t("Type part of the name"),
        nobody=_t("Nobody is called “%(words)s” here. Leave this empty and write the name below."),
        label=_("Who says so"),
        required=False,
    )
    said_by_name = forms.CharField(label=_("or, if not in the directory"), required=False, max_length=200)
    key = key_field()

    def __init__(self, *args: Any, user: User, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        ask: Any = self.fields["ask"]
        ask.queryset = asks_for(user, organization)
        person: Any = self.fields["said_by"]
        person.rows = people_for(user)
        person.describe = lambda row: row.country.label if row.country else ""

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "evidence" in data and "link" in data and not data["evidence"].strip() and not data["link"]:
            self.add_error("evidence", _t("Say what shows it: some words, or a link."))
        return data

    def values(self) -> dict[str, Any]:
        data = dict(self.cleaned_data)
        key: UUID | None = data.pop("key")
        return {**data, "stance": Stance(data["stance"]), "form_key": key}


def asks_for(user: User, organization: Organization) -> Any:
    """What may be chosen: the asks put to this institution; when there is none, all that are asked now."""
    rows = Ask.objects.visible_to(user).active().select_related("drive")
    fitting = rows.asked_of(organization)
    return (fitting if fitting.exists() else rows).order_by("-drive__starts_on", "place", "pk")


class WithdrawForm(forms.Form):
    why = forms.CharField(label=_("What was wrong about it"), max_length=300)


class PowerForm(forms.Form):
    campaign = LabelledChoice(Campaign.objects.none(), to_field_name="uid", label=_("Campaign"), empty_label=None)
    power = forms.TypedChoiceField(
        label=_("What it can do for or against"), coerce=int, required=False, empty_value=None,
        choices=[*POWERS.items(), ("", _("not known"))], widget=forms.RadioSelect,
    )  # fmt: skip
    why = forms.CharField(label=_("Why"), max_length=300, required=False)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        campaign: Any = self.fields["campaign"]
        campaign.queryset = campaigns = Campaign.objects.visible_to(user, Action.LOG).filter(archived_at=None).order_by("sort_key")  # fmt: skip
        if len(campaigns[:2]) == 1:
            campaign.widget = forms.HiddenInput()
            campaign.initial = campaigns[0].uid
