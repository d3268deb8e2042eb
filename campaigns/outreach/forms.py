"""Forms of the settings page for mail that comes back."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class BounceRuleForm(forms.Form):
    bounces = forms.IntegerField(label=_("Soft bounces"), min_value=1, max_value=20)
    days = forms.IntegerField(
        label=_("Within days"),
        min_value=1,
        max_value=365,
        help_text=_("Counted by message. An answer from the address, or setting it to active by hand, begins anew."),
    )
