from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class ViewForm(forms.Form):
    """What somebody says of a view: the rest is the list as it stands."""

    name = forms.CharField(label=_("Name"), max_length=80)
    is_shared = forms.BooleanField(
        label=_("For everybody"),
        required=False,
        help_text=_("Everybody sees the view; each sees the rows that are theirs to see."),
    )
    is_default = forms.BooleanField(label=_("The list opens with it for me"), required=False)
