"""Shapes of the directory's input. What may be done is decided by the services."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.db.models import Q
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from contacts.consent.addresses import address_key
from contacts.directory.lists import LANGUAGE_NAMES
from contacts.directory.models import (
    Constituency,
    ContactPoint,
    Country,
    Organization,
    Person,
    Post,
)
from contacts.directory.picking import PickField
from contacts.directory.services.editing import plain
from contacts.directory.suspects import people_like
from contacts.greetings.models import FormOfAddress
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.errors import Invalid
from crm.ui.searchtext import latin

LANGUAGES = [("", _("not known")), *LANGUAGE_NAMES.items()]


def countries_for(user: User) -> Any:
    """Countries that the user may add people and institutions in."""
    codes = user.scope(Action.EDIT_DIRECTORY).countries
    rows = Country.objects.order_by("sort_key")
    return rows if codes is None else rows.filter(code__in=codes)


def place_of(organization: Organization) -> str:
    country = organization.country.label if organization.country else ""
    return " · ".join(filter(None, [organization.constituency.label, country]))


def organizations_for(user: User) -> Any:
    rows = Organization.objects.active().visible_to(user, Action.EDIT_DIRECTORY)
    return rows.select_related("constituency", "country").order_by("sort_key")


def people_for(user: User) -> Any:
    return (
        Person.objects.active().visible_to(user, Action.EDIT_DIRECTORY).select_related("country").order_by("sort_key")
    )


class LabelledChoice(forms.ModelChoiceField):
    """Rows by their name in the reader's language."""

    def label_from_instance(self, obj: Any) -> str:
        return ("› " if getattr(obj, "parent_id", None) else "") + str(obj.label)


class ConstituencyField(LabelledChoice):
    def __init__(self, **kwargs: Any) -> None:
        rows = Constituency.objects.active().of_institutions()
        rows = rows.order_by("position", "sort_key")
        super().__init__(
            rows, to_field_name="code", label=_("Constituency"), empty_label=_("choose a constituency"), **kwargs
        )


def country_field(**kwargs: Any) -> LabelledChoice:
    return LabelledChoice(
        Country.objects.none(), to_field_name="code", label=_("Country"), empty_label=_("choose a country"), **kwargs
    )


def organization_field(**kwargs: Any) -> PickField:
    return PickField(
        options_url=lambda: str(reverse_lazy("organization_options")),
        placeholder=_t("Type part of its name"),
        nobody=_t("No organization is called “%(words)s”. Add it first, or leave this empty."),
        **kwargs,
    )


class EmailMixin(forms.Form):
    def clean_email(self) -> str:
        value: str = self.cleaned_data["email"].strip()
        if value:
            try:
                address_key(value)
            except Invalid as error:
                raise forms.ValidationError(error.message) from error
        return value


class QuickPersonForm(EmailMixin):
    """A person in ten seconds: a name is enough."""

    given_name = forms.CharField(label=_("Given name"), max_length=150, required=False)
    family_name = forms.CharField(label=_("Family name"), max_length=150, required=False)
    email = forms.CharField(
        label=_("E-mail"),
        max_length=254,
        required=False,
        widget=forms.TextInput({"type": "email", "autocomplete": "off"}),
    )
    organization = organization_field(label=_("Institution"), required=False)
    role = forms.CharField(label=_("Post or role there"), max_length=200, required=False)
    country = country_field(required=False, help_text=_("Only without an institution: else it is the institution’s."))
    language = forms.ChoiceField(label=_("Language"), choices=LANGUAGES, required=False)
    add_anyway = forms.BooleanField(
        label=_("It is somebody else: add anyway"), required=False, widget=forms.HiddenInput
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        organization: Any = self.fields["organization"]
        organization.rows, organization.describe = organizations_for(user), place_of
        country: Any = self.fields["country"]
        country.queryset = countries_for(user)
        self.same: list[Person] = []

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not data.get("given_name", "").strip() and not data.get("family_name", "").strip():
            self.add_error("given_name", _t("A person needs a name. One of the two is enough."))
        limited = self.user.scope(Action.EDIT_DIRECTORY).countries is not None
        if limited and not data.get("organization") and not data.get("country") and "organization" not in self.errors:
            self.add_error(
                "country", _t("Choose a country of yours, or an institution, so that you can see this person.")
            )
        if not self.errors and not data.get("add_anyway"):
            self._refuse_same(data)
        return data

    def _refuse_same(self, data: dict[str, Any]) -> None:
        self.same = same_people(self.user, data["given_name"], data["family_name"], data["email"])
        if self.same:
            self.fields["add_anyway"].widget = forms.CheckboxInput()
            self.add_error("add_anyway", _t("Look at who is here already. Nothing was added yet."))


def same_people(user: User, given_name: str, family_name: str, email: str) -> list[Person]:
    """People the user may see who have this name or this address: up to five."""
    name = f"{given_name} {family_name}".strip()
    try:
        found = people_like(user, name=name, email=email)
    except Invalid:  # the form says what is wrong with the address
        found = people_like(user, name=name)
    return [suspect.row for suspect in found]


class QuickOrganizationForm(EmailMixin):
    name = forms.CharField(label=_("Name"), max_length=300)
    acronym = forms.CharField(label=_("Acronym"), max_length=40, required=False)
    constituency = ConstituencyField()
    country = country_field(required=False)
    email = forms.CharField(
        label=_("Its own e-mail address"),
        max_length=254,
        required=False,
        widget=forms.TextInput({"type": "email", "autocomplete": "off"}),
        help_text=_("Such as info@: of the institution, not of a person."),
    )
    add_anyway = forms.BooleanField(label=_("It is another one: add anyway"), required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        country: Any = self.fields["country"]
        country.queryset = countries_for(user)
        country.required = user.scope(Action.EDIT_DIRECTORY).countries is not None
        self.same: list[Organization] = []

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not self.errors and not data.get("add_anyway"):
            country = data.get("country")
            found = Organization.objects.visible_to(self.user).same_name(
                data["name"], country=country.code if country else None
            )
            rows = found.select_related("country", "constituency")[:50]
            self.same = [row for row in rows if latin(row.name) == latin(data["name"])]
            if self.same:
                self.fields["add_anyway"].widget = forms.CheckboxInput()
                self.add_error("add_anyway", _t("One of this name is here already. Nothing was added yet."))
        return data


# --- fields edited in place ---------------------------------------------------------------------------------------------
class EditForm(forms.Form):
    """Some fields of one row, with what the user saw of them, so that a change in between is noticed."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    @classmethod
    def initial_of(cls, row: Any) -> dict[str, Any]:
        values = {name: getattr(row, name) for name in cls.base_fields if name != "seen"}
        return values | {"seen": json.dumps({name: plain(value) for name, value in values.items()})}

    @staticmethod
    def parted(data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """(changes, seen) of cleaned data."""
        try:
            seen = json.loads(data.get("seen") or "{}")
        except ValueError:
            seen = {}
        changes = {name: value for name, value in data.items() if name != "seen"}
        return changes, {name: value for name, value in seen.items() if name in changes} if isinstance(
            seen, dict
        ) else {}

    def take_as_seen(self, stale: Mapping[str, Any]) -> None:
        """The user now sees what the other wrote: saving again means it."""
        seen = json.loads(self.data.get("seen") or "{}") | {stale["field"]: stale["current"]}
        data: Any = self.data
        data = data.copy()
        data["seen"] = json.dumps(seen)
        self.data = data


class PersonNameForm(EditForm):
    honorific_prefix = forms.CharField(label=_("Title"), max_length=60, required=False)
    given_name = forms.CharField(label=_("Given name"), max_length=150, required=False)
    family_name = forms.CharField(label=_("Family name"), max_length=150, required=False)


class NameForm(EditForm):
    name = forms.CharField(label=_("Name"), max_length=300)


class AcronymForm(EditForm):
    acronym = forms.CharField(label=_("Acronym"), max_length=40, required=False)


class LanguageForm(EditForm):
    language = forms.ChoiceField(label=_("Language"), choices=LANGUAGES, required=False)


class GenderForm(EditForm):
    gender = forms.ChoiceField(label=_("Gender"), choices=Person.Gender.choices, required=False)


class GreetingForm(EditForm):
    greeting = forms.CharField(
        label=_("Greeting in letters"),
        max_length=150,
        required=False,
        help_text=_("In the language that they read, with its comma. Empty: by the forms of address."),
    )


class PronunciationForm(EditForm):
    pronunciation = forms.CharField(
        label=_("How the name is said"),
        max_length=200,
        required=False,
        help_text=_(
            "As you would read it aloud, the stress in capitals: “mwa-NAH-wa-sah”. It stands in meeting briefs."
        ),
    )


class NoteForm(EditForm):
    note = forms.CharField(label=_("Note"), max_length=20_000, required=False, widget=forms.Textarea({"rows": 4}))


class WebsiteForm(EditForm):
    website = forms.URLField(label=_("Website"), required=False, assume_scheme="https")


class CountryForm(EditForm):
    country = LabelledChoice(
        Country.objects.order_by("sort_key"),
        to_field_name="code",
        label=_("Country"),
        required=False,
        empty_label=_("no country"),
    )


class OrganizationConstituencyForm(EditForm):
    constituency = ConstituencyField()


class TagsForm(forms.Form):
    tags = forms.CharField(label=_("Tags"), max_length=1000, required=False, help_text=_("Separated by commas."))

    def names(self) -> list[str]:
        return [name for name in self.cleaned_data["tags"].split(",") if name.strip()]


# --- posts, memberships, addresses ----------------------------------------------------------------------------------------
class PostForm(forms.Form):
    name = forms.CharField(
        label=_("Title of the post"), max_length=300, help_text=_("The seat, not its holder: Minister of Labour.")
    )
    is_head = forms.BooleanField(label=_("Heads the organization"), required=False)
    form_of_address = forms.ModelChoiceField(
        FormOfAddress.objects.active().filter(is_general=False),
        label=_("Form of address"),
        required=False,
        empty_label=_("like everybody"),
        help_text=_("How letters greet whoever holds it."),
    )

    def __init__(self, *args: Any, is_new: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["form_of_address"]
        if is_new:
            field.empty_label = _t("by its title")
        held = self.initial.get("form_of_address")
        if held is not None and held.archived_at:  # saving another field must not take it away
            field.queryset = FormOfAddress.objects.filter(Q(archived_at=None, is_general=False) | Q(pk=held.pk))


class MembershipForm(forms.Form):
    """A person's new membership. The post is one of the organization's by its title, else the words are the role."""

    organization = organization_field(label=_("Institution"))
    role = forms.CharField(label=_("Post or role there"), max_length=200, required=False)
    started_on = forms.DateField(label=_("Since"), required=False, widget=forms.DateInput({"type": "date"}))
    is_primary = forms.BooleanField(
        label=_("What this person stands for"), required=False, help_text=_("Country and constituency follow it.")
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        organization: Any = self.fields["organization"]
        organization.rows, organization.describe = organizations_for(user), place_of


class HolderForm(forms.Form):
    """Who holds a post now."""

    person = PickField(
        options_url=lambda: str(reverse_lazy("person_options")),
        placeholder=_t("Type part of the name"),
        nobody=_t("Nobody is called “%(words)s”. Add the person first."),
        label=_("New holder"),
    )
    started_on = forms.DateField(label=_("Since"), required=False, widget=forms.DateInput({"type": "date"}))
    ends_previous = forms.BooleanField(
        label=_("The present holder leaves the day before"), required=False, initial=True
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        person: Any = self.fields["person"]
        person.rows = people_for(user)
        person.describe = lambda row: row.country.label if row.country else ""


class EndMembershipForm(forms.Form):
    ended_on = forms.DateField(
        label=_("Last day"), widget=forms.DateInput({"type": "date"}), initial=timezone.localdate
    )


class ContactPointForm(forms.Form):
    kind = forms.ChoiceField(label=_("Kind"), choices=ContactPoint.Kind.choices, initial="email")
    value = forms.CharField(label=_("Address"), max_length=320)
    label = forms.CharField(label=_("Label"), max_length=60, required=False, help_text=_("Such as: office, assistant."))


class ContactPointEditForm(EditForm):
    value = forms.CharField(label=_("Address"), max_length=320)
    label = forms.CharField(label=_("Label"), max_length=60, required=False)
    status = forms.ChoiceField(label=_("Status"), choices=ContactPoint.Status.choices)
    is_preferred = forms.BooleanField(label=_("Preferred of its kind"), required=False)


def post_of(organization: Organization, words: str) -> Post | None:
    """The organization's post whose title these words are, in any of its languages."""
    words = words.strip().casefold()
    if not words:
        return None
    posts = organization.posts.active()
    return next((p for p in posts if words in {str(n).casefold() for n in [p.name, *p.names.values()]}), None)
