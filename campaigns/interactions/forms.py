"""The form of the log: ten seconds, so most of it is filled in already."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from campaigns.interactions import mentions
from campaigns.interactions.picking import Parties, PartiesField
from campaigns.interactions.words import MOST
from campaigns.outreach.models import Interaction
from contacts.directory.services.editing import plain
from crm.accounts.models import User
from crm.ids import new_uid

KINDS = [
    ("call", _("Call")),
    ("meeting", _("Meeting")),
    ("letter", _("Letter")),
    ("message", _("Message")),
]
ICONS = {
    "call": "phone",
    "meeting": "users-group",
    "letter": "mail",
    "message": "message-2",
    "other": "dots-circle-horizontal",
    "reply": "message-circle",
}
STEP_DAYS = 7


class MomentInput(forms.DateTimeInput):
    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


class KindSelect(forms.RadioSelect):
    template_name = "campaigns/interactions/widgets/kinds.html"

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        return super().get_context(name, value, attrs) | {"icons": ICONS}


class NotesArea(forms.Textarea):
    """With what it names beside it: hidden lines "kind:uid|label", which follow the text."""

    template_name = "campaigns/interactions/widgets/notes.html"

    def __init__(self) -> None:
        super().__init__({"rows": 4, "dir": "auto"})
        self.claimed: list[str] = []

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        self.claimed = data.getlist("mention") if hasattr(data, "getlist") else []
        return super().value_from_datadict(data, files, name)

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        return super().get_context(name, value, attrs) | {"claimed": self.claimed}


class HappenedForm(forms.Form):
    """What happened, when, with whom."""

    kind = forms.ChoiceField(label=_("What was it?"), choices=KINDS, widget=KindSelect, initial="call")
    is_two_way = forms.BooleanField(
        label=_("They talked with us, or answered"), required=False, initial=True,
        help_text=_("Without it, it counts as a touch, and not as a two-way contact."),
    )  # fmt: skip
    at = forms.DateTimeField(
        label=_("When"), required=False, widget=MomentInput, help_text=_("In your own time zone. Empty: now.")
    )
    text = forms.CharField(
        label=_("Notes"), required=False, widget=NotesArea, max_length=MOST,
        error_messages={"max_length": _("These notes have more than a million characters. Nothing was saved; keep what matters.")},
        help_text=_("@ names a person, an institution or an ask."),
    )  # fmt: skip

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["parties"] = PartiesField(user=user, label=_("With whom"))
        self.order_fields(["kind", "parties", "is_two_way", "text", "next_step", "next_on", "at"])

    def happened(self) -> dict[str, Any]:
        """What the services take."""
        data = self.cleaned_data
        parties: Parties = data["parties"]
        area: Any = self.fields["text"].widget
        return {
            "kind": data["kind"],
            "is_two_way": data["is_two_way"],
            "text": data["text"],
            "people": parties.people,
            "organizations": parties.organizations,
            "mentions": mentions.read(data["text"], area.claimed),
        }

    def prefill(self, values: list[str]) -> Parties:
        field: Any = self.fields["parties"]
        parties: Parties = field.chosen(values)
        if parties.organizations:
            field.offer_people_of(parties.organizations)
        return parties


class LogForm(HappenedForm):
    override_reason = forms.CharField(
        label=_("Why all the same?"), required=False, max_length=300,
        help_text=_("It is kept. Such as: they turned to us, or agreed with the owner."),
    )  # fmt: skip
    form_key = forms.UUIDField(widget=forms.HiddenInput, required=False, initial=new_uid)
    next_step = forms.CharField(
        label=_("Next step"), required=False, max_length=300, help_text=_("Becomes a task of yours.")
    )
    next_on = forms.DateField(label=_("By"), required=False, widget=forms.DateInput({"type": "date"}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["next_on"].initial = timezone.localdate() + timedelta(days=STEP_DAYS)


class EditForm(HappenedForm):
    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    @staticmethod
    def initial_of(row: Interaction) -> dict[str, Any]:
        values = {"kind": row.kind, "is_two_way": row.is_two_way, "at": row.at, "text": row.text}
        return values | {"seen": json.dumps({name: plain(value) for name, value in values.items()})}

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
