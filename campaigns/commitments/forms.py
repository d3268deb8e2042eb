"""Shapes of commitments, their ends, milestones and updates."""

from __future__ import annotations

from typing import Any

from django import forms
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.commitments.models import Commitment, CommitmentUpdate
from campaigns.planning.models import Drive
from campaigns.positions.forms import DATE, asks_for, key_field
from campaigns.positions.models import Ask
from contacts.directory.forms import EditForm, LabelledChoice, people_for
from contacts.directory.models import Organization
from contacts.directory.picking import PickField
from crm.accounts.models import User

AREA = forms.Textarea({"rows": 3})


class UserChoice(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return str(obj.name)


def owner_field() -> UserChoice:
    return UserChoice(
        User.objects.none(), to_field_name="uid", label=_("Followed by"), required=False, empty_label=_("nobody yet"),
        help_text=_("Gets reminders by mail, and it stands on their Today."),
    )  # fmt: skip


def promiser() -> PickField:
    return PickField(
        options_url=lambda: str(reverse_lazy("person_options")),
        placeholder=_t("Type part of the name"),
        nobody=_t("Nobody is called “%(words)s” here. Leave this empty, or add the person first."),
        label=_("Who promised it"),
        required=False,
    )


def _set_choices(form: Any, user: User) -> None:
    form.fields["owner"].queryset = (
        User.objects.staff().filter(is_active=True, grants__isnull=False).distinct().order_by("name")
    )
    form.fields["promised_by"].rows = people_for(user)
    form.fields["promised_by"].describe = lambda row: row.country.label if row.country else ""


class NewCommitmentForm(forms.Form):
    text = forms.CharField(
        label=_("What they promised"), max_length=2000, widget=AREA, help_text=_("So that somebody else can tell whether it was kept.")
    )  # fmt: skip
    due_on = forms.DateField(label=_("Due"), widget=forms.DateInput(DATE))
    ask = LabelledChoice(
        Ask.objects.none(), to_field_name="uid", label=_("On the ask"), required=False, empty_label=_("another promise")
    )
    drive = LabelledChoice(
        Drive.objects.none(), to_field_name="uid", label=_("Drive"), required=False, empty_label=_("that of the ask")
    )
    owner = owner_field()
    evidence = forms.CharField(
        label=_("What shows that it was promised"), max_length=5000, widget=forms.Textarea({"rows": 2}), required=False
    )
    link = forms.URLField(label=_("Link"), required=False, max_length=500, assume_scheme="https")
    promised_by = promiser()
    made_on = forms.DateField(label=_("Promised on"), widget=forms.DateInput(DATE), initial=timezone.localdate)
    is_public = forms.BooleanField(
        label=_("May be told to others"), required=False, help_text=_("The institution agrees that reports name it.")
    )
    key = key_field()

    def __init__(self, *args: Any, user: User, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _set_choices(self, user)
        self.fields["ask"].queryset = asks_for(user, organization)  # type: ignore[attr-defined]
        drives = Drive.objects.visible_to(user).filter(archived_at=None).order_by("-starts_on", "pk")
        self.fields["drive"].queryset = drives  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        ask, drive = data.get("ask"), data.get("drive")
        if not ask and not drive and "ask" not in self.errors and "drive" not in self.errors:
            self.add_error("drive", _t("Choose the ask, or the drive that it belongs to."))
        elif ask:
            data["drive"] = ask.drive
        return data

    def values(self) -> dict[str, Any]:
        data = dict(self.cleaned_data)
        data["form_key"] = data.pop("key")
        return data


class CommitmentForm(EditForm):
    text = forms.CharField(label=_("What they promised"), max_length=2000, widget=AREA)
    due_on = forms.DateField(label=_("Due"), widget=forms.DateInput(DATE))
    made_on = forms.DateField(label=_("Promised on"), widget=forms.DateInput(DATE))
    ask = LabelledChoice(
        Ask.objects.none(), to_field_name="uid", label=_("On the ask"), required=False, empty_label=_("another promise")
    )
    owner = owner_field()
    evidence = forms.CharField(
        label=_("What shows that it was promised"), max_length=5000, widget=forms.Textarea({"rows": 2}), required=False
    )
    link = forms.URLField(label=_("Link"), required=False, max_length=500, assume_scheme="https")
    promised_by = promiser()
    is_public = forms.BooleanField(label=_("May be told to others"), required=False)

    def __init__(self, *args: Any, user: User, commitment: Commitment, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _set_choices(self, user)
        asks: Any = self.fields["ask"]
        asks.queryset = Ask.objects.filter(drive=commitment.drive_id).in_order()
        if commitment.promised_by:
            self.fields["promised_by"].offer(commitment.promised_by)  # type: ignore[attr-defined]

    @classmethod
    def initial_of(cls, row: Any) -> dict[str, Any]:
        found = super().initial_of(row)
        return {**found, **{name: found[name].uid if found[name] else None for name in ("ask", "owner", "promised_by")}}


class SettleForm(forms.Form):
    state = forms.ChoiceField(
        label=_("How it ended"), widget=forms.RadioSelect,
        choices=[("kept", _("kept")), ("broken", _("broken")), ("withdrawn", _("withdrawn: it counts no more"))],
    )  # fmt: skip
    outcome = forms.CharField(
        label=_("What shows it"), max_length=5000, widget=AREA, required=False, help_text=_("A link will do too.")
    )
    outcome_link = forms.URLField(label=_("Link"), required=False, max_length=500, assume_scheme="https")


class MilestoneForm(forms.Form):
    text = forms.CharField(label=_("Milestone"), max_length=300)
    due_on = forms.DateField(label=_("Due"), widget=forms.DateInput(DATE))


class WordForm(forms.Form):
    progress = forms.ChoiceField(
        label=_("How it stands"),
        choices=CommitmentUpdate.Progress.choices,
        widget=forms.RadioSelect,
        initial="on_track",
    )
    text = forms.CharField(label=_("What you heard"), max_length=5000, widget=AREA)
    link = forms.URLField(label=_("Link"), required=False, max_length=500, assume_scheme="https")
    key = key_field()


class DeclineForm(forms.Form):
    reason = forms.CharField(label=_("Why not"), max_length=300)


class PublicForm(forms.Form):
    """What an institution says of its own commitment, on the public page."""

    progress = forms.ChoiceField(choices=CommitmentUpdate.Progress.choices)
    text = forms.CharField(max_length=5000, required=False)
    link = forms.URLField(max_length=500, required=False, assume_scheme="https")
    new_due_on = forms.DateField(required=False)
    written_by = forms.CharField(max_length=200, required=False)
    key = forms.UUIDField(required=False)
