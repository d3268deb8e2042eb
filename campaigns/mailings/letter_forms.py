"""Shapes of what letters say around their text."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.mailings.models import Sender
from campaigns.mailings.references import check_pattern
from contacts.directory.lists import LANGUAGE_NAMES
from crm.errors import Invalid
from crm.languages import direction, language_name

MAX_LINES = 8


def clean_pattern(text: str) -> str:
    """A form's pattern of reference numbers."""
    try:
        return check_pattern(text)
    except Invalid as error:
        raise forms.ValidationError(error.message) from None


class LetterheadForm(forms.Form):
    """Signature and place in each language, and how letters are numbered."""

    reference_pattern = forms.CharField(
        label=_("Reference numbers"),
        required=False,
        max_length=80,
        help_text=_(
            "Such as GC/{year}/{mailing:04}/{seq}: year, month, the mailing's number, and each letter's own at the end."
        ),
    )

    def __init__(self, *args: Any, sender: Sender, **kwargs: Any) -> None:
        self.languages = list(dict.fromkeys([*LANGUAGE_NAMES, *sender.signatures, *sender.places]))
        kwargs["initial"] = {
            "reference_pattern": sender.reference_pattern,
            **{f"signature_{code}": sender.signatures.get(code, "") for code in self.languages},
            **{f"place_{code}": sender.places.get(code, "") for code in self.languages},
        }
        super().__init__(*args, **kwargs)
        for code in self.languages:
            way = {"lang": code, "dir": direction(code)}
            self.fields[f"place_{code}"] = forms.CharField(
                label=_t("Place (%(language)s)") % {"language": language_name(code)},
                required=False,
                max_length=60,
                widget=forms.TextInput(attrs=way),
            )
            self.fields[f"signature_{code}"] = forms.CharField(
                label=_t("Signature (%(language)s)") % {"language": language_name(code)},
                required=False,
                max_length=600,
                widget=forms.Textarea(attrs={"rows": 3, **way}),
            )

    def clean_reference_pattern(self) -> str:
        return clean_pattern(self.cleaned_data["reference_pattern"])

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for code in self.languages:
            if len(data.get(f"signature_{code}", "").splitlines()) > MAX_LINES:
                self.add_error(f"signature_{code}", _t("A signature has eight lines at most."))
        return data

    def pairs(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        return [(self[f"signature_{code}"], self[f"place_{code}"]) for code in self.languages]

    def values(self) -> dict[str, Any]:
        """For `save_letterhead`; empty texts are left out."""
        data = self.cleaned_data

        def texts(name: str) -> dict[str, str]:
            found = {code: data[f"{name}_{code}"].replace("\r\n", "\n").strip() for code in self.languages}
            return {code: text for code, text in found.items() if text}

        return {
            "signatures": texts("signature"),
            "places": texts("place"),
            "reference_pattern": data["reference_pattern"],
        }
