"""What a partner types about their institution."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from contacts.directory.models import Organization
from crm.ui.public import LANGUAGES


class ProfileForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=300, widget=forms.TextInput({"dir": "auto"}))
    acronym = forms.CharField(
        label=_("Acronym"), max_length=40, required=False, widget=forms.TextInput({"dir": "auto"})
    )
    website = forms.URLField(
        label=_("Website"), required=False, max_length=200, assume_scheme="https", widget=forms.URLInput({"dir": "ltr"})
    )
    language = forms.ChoiceField(label=_("We write to you in"), required=False, choices=[("", "–"), *LANGUAGES.items()])
    note = forms.CharField(
        label=_("Anything else that has changed"),
        required=False,
        max_length=2000,
        widget=forms.Textarea({"rows": 3, "dir": "auto"}),
    )

    @classmethod
    def of(cls, organization: Organization) -> ProfileForm:
        return cls(initial={name: getattr(organization, name) for name in ("name", "acronym", "website", "language")})
