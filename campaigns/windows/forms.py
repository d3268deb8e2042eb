"""Shapes of a window, and of what is pasted or uploaded."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.activities.forms import colleagues
from campaigns.planning.forms import DATE, SeenForm
from campaigns.windows.leads import Lead, read_leads, written
from campaigns.windows.models import Kind, PolicyWindow
from campaigns.windows.reading import LARGEST, decode
from contacts.directory.forms import LabelledChoice
from contacts.directory.models import Country
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.errors import Invalid

LEADS_HELP = _(
    "One a line: days before, a colon, what is to be done. Each becomes a task of whoever follows the window."
)
LEADS_EXAMPLE = "60: Brief of two pages for the committee\n14: Call the committee’s members"


class LeadsField(forms.CharField):
    """Lead times, one a line."""

    widget = forms.Textarea({"rows": 3, "placeholder": LEADS_EXAMPLE})

    def clean(self, value: Any) -> Any:
        try:
            return read_leads(super().clean(value))
        except Invalid as error:
            raise forms.ValidationError(error.message) from error


def countries_of(user: User) -> Any:
    codes = user.scope(Action.DRIVES).countries
    rows = Country.objects.order_by("sort_key")
    return rows if codes is None else rows.filter(code__in=codes)


def _prepare(form: forms.Form, user: User) -> None:
    country: Any = form.fields["country"]
    country.queryset = countries_of(user)
    if user.scope(Action.DRIVES).countries is not None:
        country.empty_label, country.required = None, True
    owner: Any = form.fields["owner"]
    owner.queryset, owner.initial = colleagues(), user.uid


class WindowForm(SeenForm):
    name = forms.CharField(label=_("What it is"), max_length=300)
    kind = forms.ChoiceField(label=_("Kind"), choices=Kind.choices)
    country = LabelledChoice(
        Country.objects.none(), label=_("Country"), to_field_name="code", required=False, empty_label=_("all countries")
    )
    starts_on = forms.DateField(label=_("From"), widget=forms.DateInput(DATE))
    ends_on = forms.DateField(
        label=_("Until"), required=False, widget=forms.DateInput(DATE), help_text=_("Empty: that one day.")
    )
    is_expected = forms.BooleanField(label=_("The day is expected; nobody has confirmed it"), required=False)
    owner = forms.ModelChoiceField(
        User.objects.none(), label=_("Followed by"), to_field_name="uid", required=False, empty_label=_("nobody yet")
    )
    leads = LeadsField(label=_("Lead times"), required=False, help_text=LEADS_HELP)
    link = forms.URLField(label=_("Link"), required=False, max_length=1000, assume_scheme="https")
    note = forms.CharField(label=_("Note"), required=False, max_length=10_000, widget=forms.Textarea({"rows": 3}))

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _prepare(self, user)

    @staticmethod
    def initial_of(window: PolicyWindow) -> dict[str, Any]:
        names = ("name", "kind", "starts_on", "ends_on", "is_expected", "link", "note")
        return {name: getattr(window, name) for name in names} | {
            "country": window.country_id,
            "owner": window.owner.uid if window.owner else None,
            "leads": written(window.leads.all()),
            "seen_at": window.updated_at.isoformat(),
        }

    def values(self) -> dict[str, Any]:
        data = {name: value for name, value in self.cleaned_data.items() if name != "seen_at"}
        data["ends_on"] = data["ends_on"] or data["starts_on"]
        return data


class ImportForm(forms.Form):
    """A file, or its text. What was refused stands in `text` again."""

    text = forms.CharField(
        label=_("Paste it here"), required=False, widget=forms.Textarea({"rows": 12, "spellcheck": "false", "dir": "auto", "class": "gs-mono"}),
        help_text=_("A calendar (BEGIN:VCALENDAR …), or a table whose first line names its columns: country, name, kind, from, until, note, link, lead times, expected."),
    )  # fmt: skip
    file = forms.FileField(label=_("Or choose a file (.ics or .csv)"), required=False)
    country = LabelledChoice(
        Country.objects.none(), label=_("Country, where none is named"), to_field_name="code", required=False,
        empty_label=_("all countries"),
    )  # fmt: skip
    kind = forms.ChoiceField(label=_("Kind, where none is named"), choices=Kind.choices, initial=Kind.OTHER)
    owner = forms.ModelChoiceField(
        User.objects.none(), label=_("Followed by"), to_field_name="uid", required=False, empty_label=_("nobody yet")
    )
    leads = LeadsField(label=_("Lead times, where none are named"), required=False, help_text=LEADS_HELP)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _prepare(self, user)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if file := data.get("file"):
            if file.size > 4 * LARGEST:
                self.add_error("file", _("This file is too large. Nothing was saved; bring it in parts."))
            else:
                self.put_text(decode(file.read()))
        return data

    def put_text(self, text: str) -> None:
        """What stands in the field from now on: a file's text, or what is left of it."""
        data: Any = self.data
        data = data.copy()
        data["text"] = text
        self.data = data
        self.cleaned_data["text"] = text

    @property
    def given_leads(self) -> list[Lead]:
        return list(self.cleaned_data.get("leads") or [])
