"""Shapes of a letter, of its answer, and of the numbering."""

from __future__ import annotations

from typing import Any

from django import forms
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.correspondence.models import Letter
from campaigns.files.sniffing import KINDS
from campaigns.positions.forms import DATE, key_field
from campaigns.todo.forms import UserChoice, officers
from contacts.directory.forms import EditForm, organization_field, organizations_for, people_for, place_of
from contacts.directory.models import Organization
from contacts.directory.picking import PickField
from crm.accounts.models import User
from crm.accounts.rules import Action

ACCEPT = ",".join(f".{ending}" for kind in KINDS.values() for ending in (kind.ending, *kind.also))
WAYS = [("in", _("In: they wrote to us")), ("out", _("Out: we wrote to them"))]


def document_field() -> forms.FileField:
    return forms.FileField(label=_("Document"), required=False, widget=forms.ClearableFileInput({"accept": ACCEPT}))


class _About(forms.Form):
    """What both a new and a registered letter say."""

    on = forms.DateField(label=_("Date of the letter"), widget=forms.DateInput(DATE))
    person = PickField(
        options_url=lambda: str(reverse_lazy("person_options")), placeholder=_t("Type part of the name"),
        nobody=_t("Nobody is called “%(words)s” here. Leave this empty, or add the person first."),
        label=_("Their signatory or addressee"), required=False,
    )  # fmt: skip
    ours = forms.CharField(
        label=_("Ours"), max_length=200, required=False, help_text=_("Who of us signed it, or whom it is addressed to.")
    )
    copies = forms.CharField(
        label=_("Copies to"),
        max_length=2000,
        required=False,
        widget=forms.Textarea({"rows": 2, "dir": "auto"}),
        help_text=_("One a line."),
    )
    their_reference = forms.CharField(label=_("Their reference"), max_length=80, required=False)
    answer_due_on = forms.DateField(
        label=_("Answer due"), required=False, widget=forms.DateInput(DATE), help_text=_("Empty: none is expected.")
    )
    responsible = UserChoice(
        User.objects.none(), to_field_name="uid", label=_("Who sees to it"), required=False, empty_label=_("nobody yet"),
        help_text=_("It stands on their Today and in their queue when it is due."),
    )  # fmt: skip
    note = forms.CharField(
        label=_("Note"), max_length=20_000, required=False, widget=forms.Textarea({"rows": 2, "dir": "auto"})
    )

    def set_choices(self, user: User) -> None:
        person: Any = self.fields["person"]
        person.rows, person.describe = people_for(user), lambda row: row.country.label if row.country else ""
        who: Any = self.fields["responsible"]
        who.queryset = officers(Action.LOG)


class LetterForm(_About):
    way = forms.ChoiceField(label=_("Way"), choices=WAYS, widget=forms.RadioSelect, initial="in")
    organization = organization_field(label=_("Institution"))
    subject = forms.CharField(label=_("Subject"), max_length=300)
    document = document_field()
    override_reason = forms.CharField(
        label=_("Why all the same?"),
        required=False,
        max_length=300,
        help_text=_("It is kept. Such as: agreed with the owner."),
    )
    key = key_field()
    field_order = (
        "way", "organization", "subject", "on", "person", "ours", "copies", "their_reference", "answer_due_on", "responsible",
        "document", "note",
    )  # fmt: skip

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.set_choices(user)
        self.fields["on"].initial = timezone.localdate()
        self.fields["responsible"].initial = user.uid if user.may(Action.LOG) else None
        place: Any = self.fields["organization"]
        place.rows, place.describe = organizations_for(user), place_of

    def offer(self, organization: Organization | None) -> None:
        if organization is not None:
            place: Any = self.fields["organization"]
            place.offer(organization)
            self.initial["organization"] = str(organization.uid)

    def values(self) -> dict[str, Any]:
        data = dict(self.cleaned_data)
        data.pop("document")
        key = data.pop("key")
        return {**data, "form_key": key}


class LetterEditForm(EditForm, _About):
    subject = forms.CharField(label=_("Subject"), max_length=300)
    field_order = (
        "subject",
        "on",
        "person",
        "ours",
        "copies",
        "their_reference",
        "answer_due_on",
        "responsible",
        "note",
    )

    def __init__(self, *args: Any, user: User, letter: Letter, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.set_choices(user)
        if letter.person is not None:
            person: Any = self.fields["person"]
            person.offer(letter.person)
            self.initial["person"] = str(letter.person.uid)
        self.initial["responsible"] = letter.responsible.uid if letter.responsible else None


class LetterChoice(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.reference} · {obj.subject[:80]}"


class AnswerForm(forms.Form):
    """Which registered letter answered this one."""

    answer = LetterChoice(Letter.objects.none(), to_field_name="uid", label=_("Answered by"), empty_label=None)

    def __init__(self, *args: Any, letter: Letter, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = (
            Letter.objects.visible_to(user)
            .standing()
            .filter(organization=letter.organization_id)
            .exclude(way=letter.way)
        )
        field: Any = self.fields["answer"]
        field.queryset = rows.filter(on__gte=letter.on).order_by("-on", "-pk")


class DocumentForm(forms.Form):
    document = document_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["document"].required = True


class NumberingForm(forms.Form):
    pattern_in = forms.CharField(
        label=_("Letters in"),
        max_length=60,
        help_text=_("Such as IN/{year}/{number:04}. Numbers begin anew each year."),
    )
    pattern_out = forms.CharField(
        label=_("Letters out"), max_length=60, help_text=_("From the next letter on; those registered keep theirs.")
    )
