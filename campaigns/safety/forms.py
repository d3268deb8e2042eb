"""When mailings pause by themselves."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.safety.models import SafetyLimits


class SafetyForm(forms.ModelForm):
    class Meta:
        model = SafetyLimits
        fields = [
            "failed_percent",
            "failed_least",
            "complained_percent",
            "complained_least",
            "transport_failures",
            "transport_longest_minutes",
        ]
        labels = {
            "failed_percent": _("Pause from so many per cent on"),
            "failed_least": _("and from so many messages on"),
            "complained_percent": _("Pause from so many per cent on"),
            "complained_least": _("and from so many people on"),
            "transport_failures": _("Pause from so many failures in a row on"),
            "transport_longest_minutes": _("Longest wait between two tries, in minutes"),
        }
        help_texts = {
            "failed_percent": _("Of what was sent. Empty: never."),
            "failed_least": _("Both must be reached."),
            "complained_percent": _("Of what was accepted. Empty: never."),
            "complained_least": _("Both must be reached."),
            "transport_failures": _("Beside those that are open at once: with 4 connections, 3 means the seventh."),
            "transport_longest_minutes": _("The first one is short, and each is twice the one before."),
        }
