"""Shapes of a round and of what came of a call."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from campaigns.interactions.words import MOST
from campaigns.rounds.models import CallLine
from contacts.segments.models import Segment
from crm.accounts.models import User

OUTCOMES = [choice for choice in CallLine.Outcome.choices if choice[0]]


class SegmentChoice(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return str(obj.name)


class RoundForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=200)
    segment = SegmentChoice(
        Segment.objects.none(), to_field_name="uid", label=_("Who is called"), empty_label=_("choose a segment")
    )
    script = forms.CharField(
        label=_("Script"), required=False, max_length=20_000, widget=forms.Textarea({"rows": 8, "dir": "auto"}),
        help_text=_("Stands beside every call: how to begin, what to ask, what to offer."),
    )  # fmt: skip
    most_tries = forms.IntegerField(label=_("Tries, at most"), min_value=1, max_value=20, initial=3)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        segment: Any = self.fields["segment"]
        segment.queryset = Segment.objects.filter(archived_at__isnull=True).order_by("name", "pk")


class OutcomeForm(forms.Form):
    outcome = forms.ChoiceField(label=_("What came of it?"), choices=OUTCOMES, widget=forms.RadioSelect)
    text = forms.CharField(
        label=_("Notes"), required=False, max_length=MOST, widget=forms.Textarea({"rows": 3, "dir": "auto"})
    )
    call_back_on = forms.DateField(label=_("Call again on"), required=False, widget=forms.DateInput({"type": "date"}))
    next_step = forms.CharField(label=_("Next step"), required=False, max_length=300)
    next_on = forms.DateField(label=_("By"), required=False, widget=forms.DateInput({"type": "date"}))
    override_reason = forms.CharField(
        label=_("Why all the same?"), required=False, max_length=300, help_text=_("It is kept.")
    )
    token = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["next_on"].initial = timezone.localdate() + timedelta(days=7)


class HoldForm(forms.Form):
    until = forms.DateField(label=_("Call again on"), widget=forms.DateInput({"type": "date"}))
    token = forms.UUIDField(widget=forms.HiddenInput)


class SkipForm(forms.Form):
    why = forms.CharField(label=_("Why"), max_length=300)
    token = forms.UUIDField(widget=forms.HiddenInput)
