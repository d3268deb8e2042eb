"""A recipient domain and how fast it takes mail."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.domains.services import domain_of
from campaigns.limits.models import RecipientLimit


class LimitForm(forms.ModelForm):
    domain = forms.CharField(label=_("Domain"), max_length=253, help_text=_("What stands behind the @ of recipients."))

    class Meta:
        model = RecipientLimit
        fields = ["domain", "per_minute"]
        labels = {"per_minute": _("Messages a minute")}
        help_texts = {"per_minute": _("By all mailings and workers together.")}

    def validate_unique(self) -> None:
        """The service says it, in its own words."""

    def clean_domain(self) -> Any:
        domain = domain_of("@" + self.cleaned_data["domain"].strip().rpartition("@")[2])
        if not re.fullmatch(r"(?:[a-z0-9_-]+\.)+[a-z0-9-]+", domain):
            raise forms.ValidationError(_("Write a domain, such as ministry.example."))
        return domain
