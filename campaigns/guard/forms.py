"""Shapes of a guard, quiet dates, and a reason."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.guard.models import SILENT_WEEKS, ContactGuard
from campaigns.todo.forms import UserChoice, officers
from crm.accounts.models import User
from crm.accounts.rules import Action


class GuardForm(forms.Form):
    owner = UserChoice(
        User.objects.none(),
        to_field_name="uid",
        label=_("Who looks after it"),
        required=False,
        empty_label=_("nobody yet"),
    )
    silent_weeks = forms.IntegerField(
        label=_("Tell them after so many weeks of silence"), min_value=1, max_value=104, initial=SILENT_WEEKS
    )
    most_touches = forms.IntegerField(label=_("At most so many touches"), required=False, min_value=1, max_value=100)
    per_days = forms.IntegerField(label=_("in so many days"), required=False, min_value=1, max_value=730)
    protocol = forms.CharField(
        label=_("Protocol"), required=False, max_length=300,
        help_text=_("Such as: only through the permanent mission. Mailings leave it out then, and the log asks for a reason."),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        owner: Any = self.fields["owner"]
        owner.queryset = officers(Action.LOG)

    @staticmethod
    def initial_of(guard: ContactGuard | None) -> dict[str, Any]:
        if guard is None:
            return {}
        names = ("silent_weeks", "most_touches", "per_days", "protocol")
        return {name: getattr(guard, name) for name in names} | {"owner": guard.owner.uid if guard.owner else ""}


class OwnerForm(forms.Form):
    owner = UserChoice(
        User.objects.none(),
        to_field_name="uid",
        label=_("Who looks after them"),
        required=False,
        empty_label=_("nobody"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        owner: Any = self.fields["owner"]
        owner.queryset = officers(Action.LOG)


class QuietForm(forms.Form):
    starts_on = forms.DateField(label=_("First day"), widget=forms.DateInput({"type": "date"}))
    ends_on = forms.DateField(label=_("Last day"), widget=forms.DateInput({"type": "date"}))
    why = forms.CharField(
        label=_("Why"), required=False, max_length=200, help_text=_("An election, a mourning, a move.")
    )


class OverrideForm(forms.Form):
    reason = forms.CharField(label=_("Why all the same?"), max_length=300)


class HoldForm(forms.Form):
    until = forms.DateField(label=_("Write to it on"), widget=forms.DateInput({"type": "date"}))
    who = UserChoice(User.objects.none(), to_field_name="uid", label=_("Who turns to it then"), empty_label=None)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        who: Any = self.fields["who"]
        who.queryset = officers(Action.LOG)
