"""What a new token is asked."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import User
from crm.api.scopes import READ, offered_to

LIFETIMES = [("30", _("30 days")), ("90", _("90 days")), ("365", _("One year")), ("", _("Until it is revoked"))]


class TokenForm(forms.Form):
    name = forms.CharField(
        label=_("What is it for?"),
        max_length=80,
        help_text=_("Such as “Website sign-up form”. You revoke it by this name."),
    )
    scopes = forms.MultipleChoiceField(
        label=_("What may it do?"),
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=_("It always reads what you may see. Tick only what the program needs."),
    )
    days = forms.ChoiceField(
        label=_("How long does it last?"), choices=LIFETIMES, initial="90", required=False, widget=forms.RadioSelect
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["scopes"]
        field.choices = [(scope.code, scope.label) for scope in offered_to(user) if scope.code != READ]
        if not field.choices:
            del self.fields["scopes"]

    def expires_at(self) -> datetime | None:
        days = self.cleaned_data["days"]
        return timezone.now() + timedelta(days=int(days)) if days else None
