"""The message as it is written."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Case, Exists, OuterRef, When
from django.utils.translation import gettext_lazy as _

from campaigns.mailings.models import Sender
from campaigns.personal.services import MOST_TEXT, senders, topics_for
from campaigns.planning.models import Drive
from campaigns.positions.forms import key_field
from contacts.consent.models import Topic
from contacts.directory.forms import LabelledChoice
from contacts.directory.models import ContactPoint, Person
from crm.accounts.models import User
from crm.accounts.rules import Action


class AddressChoice(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.value} ({obj.label})" if obj.label else str(obj.value)


class SenderChoice(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return str(obj)


class WriteForm(forms.Form):
    point = AddressChoice(ContactPoint.objects.none(), to_field_name="uid", label=_("To"), empty_label=None)
    subject = forms.CharField(label=_("Subject"), max_length=250)
    text = forms.CharField(
        label=_("Message"), max_length=MOST_TEXT, widget=forms.Textarea({"rows": 10, "dir": "auto"}),
        help_text=_("As text. It is signed by nobody: close with your name."),
    )  # fmt: skip
    sender = SenderChoice(Sender.objects.none(), to_field_name="uid", label=_("From"), empty_label=None)
    topic = LabelledChoice(
        Topic.objects.none(), to_field_name="uid", label=_("On the topic"), empty_label=None,
        help_text=_("Those on which they may be written to. It stands below the message, with a way out."),
    )  # fmt: skip
    drive = LabelledChoice(Drive.objects.none(), to_field_name="uid", label=_("In the drive"), empty_label=None)
    override_reason = forms.CharField(
        label=_("Why all the same?"),
        required=False,
        max_length=300,
        help_text=_("It is kept. Such as: they asked us to write."),
    )
    form_key = key_field()

    def __init__(self, *args: Any, user: User, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        points = person.contact_points.filter(kind="email").order_by("-is_preferred", "pk")
        topics = topics_for(person)
        choices: dict[str, Any] = {
            "point": points,
            "sender": Sender.objects.filter(pk__in=[row.pk for row in senders()]).order_by("name", "pk"),
            "topic": Topic.objects.filter(pk__in=[topic.pk for topic in topics]).order_by("pk"),
            "drive": _drives(user, person),
        }
        for name, rows in choices.items():
            field: Any = self.fields[name]
            field.queryset = rows
        if topics:
            self.initial.setdefault("topic", topics[0].uid)
        self.missing = [name for name, rows in choices.items() if not rows.exists()]


def _drives(user: User, person: Person) -> Any:
    """The likeliest first: one under way, of the person's country, the user's own; one that ended last."""
    here = Drive.countries.through.objects.filter(drive=OuterRef("pk"), country=person.country_id)
    rank = {"active": 0, "planned": 1}
    rows = Drive.objects.visible_to(user, Action.LOG).filter(archived_at=None)
    return rows.annotate(
        is_here=Exists(here),
        is_mine=Case(When(owner=user, then=True), default=False),
        turn=Case(*(When(status=status, then=place) for status, place in rank.items()), default=2),
    ).order_by("turn", "-is_here", "-is_mine", "-starts_on", "pk")
