"""With whom a dropped message is filed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.interactions.picking import PartiesField
from crm.accounts.models import User


class OwnForm(forms.Form):
    address = forms.EmailField(label=_("E-mail address"), max_length=254)


class FileForm(forms.Form):
    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["parties"] = PartiesField(user=user, label=_("With whom"))
