"""How a domain's mail is signed."""

from __future__ import annotations

import re

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.domains import tags, warmup

_SELECTOR = re.compile(r"^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?$")


class SigningForm(forms.Form):
    dkim_selector = forms.CharField(
        label=_("Selector"),
        required=False,
        max_length=63,
        help_text=_("Your mail server or service shows it, such as mail2026. Signatures carry it as “s=”."),
    )
    dkim_record = forms.CharField(
        label=_("Public key"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_(
            "What it asks you to publish: the public key, a value that begins with v=DKIM1, or a name to point to. With it,"
            " the record to add can be shown, and the one that is there compared."
        ),
    )

    def clean_dkim_selector(self) -> str:
        text = self.cleaned_data["dkim_selector"].strip().lower().removesuffix(".")
        text = text.partition("._domainkey")[0]
        if text and not _SELECTOR.match(text):
            raise forms.ValidationError(_("A selector has letters, digits, dots and dashes only, such as mail2026."))
        return text

    def clean_dkim_record(self) -> str:
        pasted = self.cleaned_data["dkim_record"]
        if not pasted.strip():
            return ""
        if "PRIVATE KEY" in pasted:
            raise forms.ValidationError(
                _("This is the private key. It was not kept: leave it on your mail server, and paste the public one.")
            )
        record = tags.key_record(pasted)
        if not record:
            raise forms.ValidationError(_("This is no public key, no DKIM record and no name. Paste all of it."))
        return record

    def clean(self) -> None:
        super().clean()
        if self.cleaned_data.get("dkim_record") and not self.cleaned_data.get("dkim_selector"):
            self.add_error("dkim_selector", _("Say the selector as well: the key stands under it."))


class WarmupForm(forms.Form):
    warmup_from = forms.DateField(
        label=_("First day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("In UTC. Empty: no schedule, nothing limits a day."),
    )
    warmup_steps = forms.CharField(
        label=_("Most messages of each day"),
        required=False,
        max_length=1000,
        initial=", ".join(map(str, warmup.USUAL)),
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Of the first day, of the second, and so on. Behind the last one nothing limits it any more."),
    )

    def clean_warmup_steps(self) -> list[int]:
        words = re.split(r"[\s,;]+", self.cleaned_data["warmup_steps"].strip())
        words = [word for word in words if word]
        if not all(word.isascii() and word.isdigit() and 0 < int(word[:12]) <= 10_000_000 for word in words):
            raise forms.ValidationError(_("Write whole numbers with commas between them, such as 50, 100, 200."))
        if len(words) > 90:
            raise forms.ValidationError(_("At most 90 days, please."))
        return [int(word) for word in words]

    def clean(self) -> None:
        super().clean()
        if self.cleaned_data.get("warmup_from") and not self.cleaned_data.get("warmup_steps", [1]):
            self.add_error("warmup_steps", _("Say how many messages each day allows."))
