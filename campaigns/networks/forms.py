"""Shapes of networks: what staff set, what a visitor says, what staff decide."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.networks.models import Kind, Network
from campaigns.planning.forms import ManyCountries, SeenForm
from campaigns.planning.models import Campaign
from contacts.consent.addresses import address_key
from contacts.consent.models import Topic
from contacts.directory.forms import ConstituencyField, LabelledChoice
from contacts.directory.models import Constituency, Country
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.errors import Invalid
from crm.ui.public import LANGUAGES

TEXTS = ("headline", "lead", "charter")


class NetworkForm(SeenForm):
    campaign = LabelledChoice(Campaign.objects.none(), label=_("Campaign"), to_field_name="uid")
    name = forms.CharField(label=_("Name"), max_length=300)
    slug = forms.SlugField(
        label=_("Address of its page"),
        max_length=60,
        help_text=_("Letters, digits and hyphens, as in /join/social-security-for-all/."),
    )
    kinds = forms.MultipleChoiceField(
        label=_("Who can join"), choices=Kind.choices, widget=forms.CheckboxSelectMultiple, initial=[*Kind.values]
    )
    rule = forms.ChoiceField(label=_("Who decides"), choices=Network.Rule.choices, initial=Network.Rule.STAFF)
    votes_needed = forms.IntegerField(
        label=_("Votes that let somebody in"),
        min_value=1,
        max_value=20,
        initial=2,
        required=False,
        help_text=_("Where members decide. Who is asked is set on the list of members."),
    )
    renews = forms.BooleanField(
        label=_("Members are asked each year whether they stay, and lapse when they do not answer"), required=False
    )
    topic = LabelledChoice(
        Topic.objects.none(),
        label=_("Its letter"),
        to_field_name="uid",
        required=False,
        empty_label=_("none"),
        help_text=_("Offered when joining. Nobody gets it who did not ask for it."),
    )
    countries = ManyCountries(
        Country.objects.none(),
        label=_("Only in these countries"),
        to_field_name="code",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None ticked: everywhere."),
    )
    is_public = forms.BooleanField(label=_("The page is open: it can be seen, and people can join"), required=False)
    has_directory = forms.BooleanField(label=_("Members who agree are listed on it"), required=False, initial=True)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["campaign"].queryset = (
            Campaign.objects.visible_to(user, Action.DRIVES).filter(archived_at=None).order_by("sort_key")
        )
        fields["topic"].queryset = Topic.objects.filter(archived_at=None).order_by("position", "sort_key")
        fields["countries"].queryset = Country.objects.order_by("sort_key")
        for code in LANGUAGES:
            fields[f"headline_{code}"] = forms.CharField(label=_t("Headline"), required=False, max_length=160)
            fields[f"lead_{code}"] = forms.CharField(
                label=_t("Sentence below it"), required=False, max_length=400, widget=forms.Textarea({"rows": 2})
            )
            fields[f"charter_{code}"] = forms.CharField(
                label=_t("Charter: what members agree on"),
                required=False,
                max_length=10_000,
                widget=forms.Textarea({"rows": 5}),
            )
            for name in TEXTS:
                fields[f"{name}_{code}"].widget.attrs |= {"lang": code, "dir": "auto"}
        picked = set(self.data.getlist("countries") if hasattr(self.data, "getlist") else []) or set(
            self.initial.get("countries") or []
        )
        if picked:  # what is chosen stands first among 249
            fields["countries"].choices = sorted(
                fields["countries"].choices, key=lambda choice: choice[0].value not in picked
            )

    @property
    def texts(self) -> list[dict[str, Any]]:
        """The fields of each language, for the template."""
        return [
            {"code": code, "name": name, "fields": [self[f"{text}_{code}"] for text in TEXTS]}
            for code, name in LANGUAGES.items()
        ]

    def clean_slug(self) -> str:
        return str(self.cleaned_data["slug"]).lower()

    def clean_votes_needed(self) -> int:
        return int(self.cleaned_data["votes_needed"] or 2)

    def values(self) -> dict[str, Any]:
        """What the services take."""
        data = {k: v for k, v in self.cleaned_data.items() if k != "seen_at" and k.partition("_")[0] not in TEXTS}
        for text in TEXTS:
            said = {code: self.cleaned_data.get(f"{text}_{code}", "").strip() for code in LANGUAGES}
            data[f"{text}s"] = {code: words for code, words in said.items() if words}
        return data | {"countries": list(self.cleaned_data["countries"])}

    @classmethod
    def initial_of(cls, network: Network) -> dict[str, Any]:
        plain = ("name", "slug", "kinds", "rule", "votes_needed", "renews", "is_public", "has_directory")
        values: dict[str, Any] = {name: getattr(network, name) for name in plain}
        for text in TEXTS:
            values |= {f"{text}_{code}": words for code, words in getattr(network, f"{text}s").items()}
        return values | {
            "campaign": network.campaign.uid,
            "topic": network.topic.uid if network.topic else None,
            "countries": list(network.countries.values_list("code", flat=True)),
            "seen_at": network.updated_at.isoformat(),
        }


class JoinForm(forms.Form):
    """What a visitor says. Complete on the server; the page needs no script."""

    email = forms.CharField(
        label=_("Your e-mail"),
        max_length=254,
        help_text=_("We send one message to confirm. Nothing else until you do."),
        widget=forms.TextInput({"type": "email", "autocomplete": "email", "inputmode": "email", "dir": "ltr"}),
    )
    name = forms.CharField(
        label=_("Your name"), max_length=200, widget=forms.TextInput({"autocomplete": "name", "dir": "auto"})
    )
    kind = forms.ChoiceField(label=_("You join for"))
    organization_name = forms.CharField(
        label=_("Which organization?"),
        max_length=300,
        required=False,
        widget=forms.TextInput({"autocomplete": "organization", "dir": "auto"}),
        help_text=_("Leave it empty if you join for yourself."),
    )
    constituency = LabelledChoice(
        Constituency.objects.none(),
        label=_("What kind of organization?"),
        to_field_name="code",
        required=False,
        empty_label=_("I am not sure"),
    )
    country = LabelledChoice(
        Country.objects.none(), label=_("Country"), to_field_name="code", empty_label=_("Choose your country")
    )
    wants_listing = forms.BooleanField(required=False)
    wants_letter = forms.BooleanField(required=False)
    website = forms.CharField(required=False)  # nobody sees it; programs fill it

    def __init__(self, *args: Any, network: Network, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.network = network
        fields: Any = self.fields
        words = {Kind.INSTITUTION.value: _t("An organization"), Kind.INDIVIDUAL.value: _t("Myself")}
        fields["kind"].choices = [
            (kind, words[kind]) for kind in (Kind.INSTITUTION, Kind.INDIVIDUAL) if kind in network.kinds
        ]
        countries = Country.objects.order_by("sort_key")
        limited = list(network.countries.values_list("code", flat=True))
        fields["country"].queryset = countries.filter(code__in=limited) if limited else countries
        fields["constituency"].queryset = (
            Constituency.objects.active().of_institutions().filter(parent=None).order_by("position", "sort_key")
        )
        if Kind.INSTITUTION not in network.kinds:
            del fields["organization_name"], fields["constituency"]
        if not network.has_directory:
            del fields["wants_listing"]
        if network.topic is None or network.topic.archived_at:
            del fields["wants_letter"]

    def clean_email(self) -> str:
        try:
            key = address_key(self.cleaned_data["email"])
        except Invalid:
            key = ""
        if "." not in key.rpartition("@")[2]:
            raise forms.ValidationError(
                _t("This is not an e-mail address that mail can go to. Please look for a slip of the hand.")
            )
        return str(self.cleaned_data["email"]).strip()

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        is_unnamed = data.get("kind") == Kind.INSTITUTION and not data.get("organization_name", "").strip()
        if is_unnamed and "organization_name" not in self.errors:
            self.add_error("organization_name", _t("Please name the organization that you join for."))
        return data

    def values(self) -> dict[str, Any]:
        """What `apply` takes."""
        data = self.cleaned_data
        is_institution = data["kind"] == Kind.INSTITUTION
        return {
            "email": data["email"],
            "name": data["name"].strip(),
            "kind": data["kind"],
            "organization_name": data.get("organization_name", "").strip() if is_institution else "",
            "constituency": data.get("constituency") if is_institution else None,
            "country": data["country"],
            "wants_listing": data.get("wants_listing", False),
            "wants_letter": data.get("wants_letter", False),
        }


class DecisionForm(forms.Form):
    """person, organization: a uid of the suggested ones; empty adds who is applying."""

    person = forms.UUIDField(required=False)
    organization = forms.UUIDField(required=False)
    constituency = ConstituencyField(required=False)


class DeclineForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=2000,
        widget=forms.Textarea({"rows": 3, "dir": "auto"}),
        help_text=_("The letter quotes it. Without one it only says that the network cannot take them in now."),
    )


class RepresentativeForm(forms.Form):
    """Somebody who is to act for an institution, as its people name them."""

    name = forms.CharField(
        label=_("Name"), max_length=200, widget=forms.TextInput({"dir": "auto", "autocomplete": "off"})
    )
    email = forms.CharField(
        label=_("E-mail"),
        max_length=254,
        widget=forms.TextInput({"type": "email", "autocomplete": "off", "inputmode": "email", "dir": "ltr"}),
    )
    post = forms.CharField(
        label=_("Their post"),
        max_length=200,
        required=False,
        widget=forms.TextInput({"dir": "auto", "autocomplete": "off"}),
    )

    clean_email = JoinForm.clean_email
