"""Shapes of a task and of an absence."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.interactions.picking import Parties, PartiesField
from campaigns.interactions.words import MOST
from campaigns.todo.models import Task
from contacts.directory.services.editing import plain
from crm.accounts.models import User
from crm.accounts.rules import TABLE, Action


def officers(action: Action = Action.SEE) -> Any:
    """Who has an account that is in use and a role that may do `action` somewhere."""
    roles = [role.value for role, actions in TABLE.items() if action in actions]
    rows = User.objects.staff().filter(is_active=True, grants__role__in=roles)
    return rows.distinct().order_by("name", "pk")


class UserChoice(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return str(obj.name)


class TaskForm(forms.Form):
    title = forms.CharField(label=_("What is to be done"), max_length=300)
    due_on = forms.DateField(label=_("By"), widget=forms.DateInput({"type": "date"}))
    assignee = UserChoice(User.objects.none(), to_field_name="uid", label=_("Who"), empty_label=None)
    repeat = forms.ChoiceField(label=_("Again"), choices=Task.Repeat.choices, required=False)
    note = forms.CharField(
        label=_("Note"), required=False, max_length=MOST, widget=forms.Textarea({"rows": 2, "dir": "auto"})
    )
    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        who: Any = self.fields["assignee"]
        who.queryset, who.initial = officers(), user.uid
        self.fields["due_on"].initial = timezone.localdate()
        self.fields["about"] = PartiesField(user=user, label=_("About"), required=False)
        self.order_fields(["title", "about", "due_on", "assignee", "repeat", "note"])

    @staticmethod
    def initial_of(task: Task) -> dict[str, Any]:
        values = {
            "title": task.title,
            "due_on": task.due_on,
            "repeat": task.repeat,
            "note": task.note,
            "assignee": task.assignee,
        }
        seen = json.dumps({name: plain(value) for name, value in values.items()})
        return values | {"assignee": task.assignee.uid, "seen": seen}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        about: Parties | None = data.get("about")
        if about and (len(about.people) > 1 or len(about.organizations) > 1):
            self.add_error("about", _t("One person and one institution at most."))
        return data

    def values(self) -> dict[str, Any]:
        data = self.cleaned_data
        about: Parties = data["about"]
        chosen = {name: data[name] for name in ("title", "due_on", "assignee", "repeat", "note")}
        return chosen | {
            "person": about.people[0] if about.people else None,
            "organization": about.organizations[0] if about.organizations else None,
        }

    def prefill(self, values: list[str]) -> None:
        field: Any = self.fields["about"]
        field.chosen(values)

    def seen_values(self) -> dict[str, Any]:
        try:
            found = json.loads(self.cleaned_data.get("seen") or "{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def take_as_seen(self, field: str, current: Any) -> None:
        """The user now sees that another wrote something else: saving again means it."""
        data: Any = self.data
        data = data.copy()
        data["seen"] = json.dumps(self.seen_values() | {field: current})
        self.data = data


class AbsenceForm(forms.Form):
    user = UserChoice(User.objects.none(), to_field_name="uid", label=_("Who is away"), empty_label=None)
    starts_on = forms.DateField(label=_("First day"), widget=forms.DateInput({"type": "date"}))
    ends_on = forms.DateField(label=_("Last day"), widget=forms.DateInput({"type": "date"}))
    deputy = UserChoice(
        User.objects.none(), to_field_name="uid", label=_("Who stands in"), empty_label=_("choose somebody"),
        help_text=_("Sees these tasks in the own queue, and gets their reminders. Nothing is reassigned: on the day after it is over."),
    )  # fmt: skip
    note = forms.CharField(label=_("Note"), required=False, max_length=200)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        who: Any = self.fields["user"]
        who.queryset = officers() if user.may(Action.DRIVES) else User.objects.filter(pk=user.pk)
        who.initial = user.uid
        deputy: Any = self.fields["deputy"]
        deputy.queryset = officers(Action.LOG)
