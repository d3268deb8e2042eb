"""What an institution types when it offers something."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from crm.ids import new_uid


class DeclineForm(forms.Form):
    reason = forms.CharField(
        label=_("Why not"), max_length=1000, required=False, widget=forms.Textarea({"rows": 3, "dir": "auto"}),
        help_text=_("Their letter quotes it, in your words. Without a reason it gives none."),
    )  # fmt: skip


class OfferForm(forms.Form):
    text = forms.CharField(
        label=_("What you will do"), max_length=2000, widget=forms.Textarea({"rows": 3, "dir": "auto"}),
        help_text=_("In a sentence, so that somebody else can tell whether it was kept."),
    )  # fmt: skip
    due_on = forms.DateField(label=_("By when"), widget=forms.DateInput({"type": "date"}))
    is_public = forms.BooleanField(label=_("You may tell others about it"), required=False)
    form_key = forms.UUIDField(widget=forms.HiddenInput, initial=new_uid)
