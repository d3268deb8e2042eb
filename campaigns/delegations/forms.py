"""Shapes of delegations: the composition, one delegation, who names, somebody who is named, and the decision."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.delegations.composing import own_seats, part_takers
from campaigns.delegations.models import ROLES, Composition, Delegation, Nomination, Nominator, Paper, Role
from campaigns.delegations.naming import Named
from campaigns.delegations.presets import PRESETS, STEPS, Asked
from campaigns.events.models import Event
from campaigns.interactions.picking import PartiesField
from campaigns.mailings.models import Sender
from campaigns.planning.forms import DATE, ManyCountries, SeenForm, parted_lines
from campaigns.todo.forms import UserChoice, officers
from contacts.consent.addresses import address_key
from contacts.directory.forms import LabelledChoice, organization_field, organizations_for, place_of
from contacts.directory.models import Constituency, Country
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.errors import Invalid
from crm.ui.public import LANGUAGES

MOST_SEATS, MOST_STEPS = 99, 20
BIDI = set(settings.LANGUAGES_BIDI)


class SenderName(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} <{obj.email}>"


class SeatsMixin(forms.Form):
    """A number for each constituency and role, as a table."""

    def add_seats(self, values: dict[str, int]) -> None:
        """values: “GOV delegate” → seats. Children stand in the table when they have seats."""
        used = {key.split(" ")[0] for key in values}
        rows = Constituency.objects.filter(archived_at=None).order_by("position", "pk")
        self.sides = [row for row in rows if row.parent_id is None or row.code in used]
        for row in self.sides:
            for role in ROLES:
                name = f"seats_{row.code}_{role}"
                self.fields[name] = forms.IntegerField(
                    label=f"{row.label}: {Role(role).label}", required=False, min_value=0, max_value=MOST_SEATS,
                    initial=values.get(f"{row.code} {role}") or None,
                    widget=forms.NumberInput({"inputmode": "numeric", "aria-label": f"{row.label}: {Role(role).label}"}),
                )  # fmt: skip

    @property
    def matrix(self) -> list[dict[str, Any]]:
        return [{"side": row, "cells": [self[f"seats_{row.code}_{role}"] for role in ROLES]} for row in self.sides]

    @property
    def roles(self) -> list[str]:
        return [str(Role(role).label) for role in ROLES]

    def seats(self) -> dict[tuple[str, str], int]:
        return {
            (row.code, role): int(self.cleaned_data.get(f"seats_{row.code}_{role}") or 0) for row in self.sides for role in ROLES
        }  # fmt: skip


class CompositionForm(SeatsMixin, SeenForm):
    nominate_by = forms.DateField(label=_("Names until"), widget=forms.DateInput(DATE))
    countries = ManyCountries(
        Country.objects.none(), label=_("Countries"), to_field_name="code", required=False, widget=forms.CheckboxSelectMultiple,
        help_text=_("Each is a delegation with these seats."),
    )  # fmt: skip
    sender = SenderName(
        Sender.objects.none(),
        label=_("Who signs letters"),
        to_field_name="uid",
        required=False,
        empty_label=_("nobody in particular"),
    )
    officer = UserChoice(User.objects.none(), label=_("Who sees to the steps"), to_field_name="uid", empty_label=None)
    asks_passport = forms.BooleanField(label=_("Ask for the name in the passport, for visa letters"), required=False)
    steps = forms.CharField(
        label=_("Steps of each delegate"), required=False, max_length=4000, widget=forms.Textarea({"rows": 5, "spellcheck": "false"}),
        help_text=_("One on each line: 30 | Book travel. The number is how many days before the event begins. Further languages follow: | fr: Réserver. The letter that a step takes: | letter: visa, or | letter: invitation."),
    )  # fmt: skip

    def __init__(
        self, *args: Any, user: User, event: Event, composition: Composition | None, preset: str = "", **kwargs: Any
    ) -> None:
        kwargs["initial"] = self.initial_of(event, composition, user)
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        codes = user.scope(Action.DRIVES).countries
        rows = Country.objects.order_by("sort_key")
        fields["countries"].queryset = rows if codes is None else rows.filter(code__in=codes)
        self.beyond, self.institutions_beyond = part_takers(event, beyond=user)
        fields["sender"].queryset = Sender.objects.filter(archived_at=None).order_by("name")
        fields["officer"].queryset = officers(Action.LOG)
        for code, name in LANGUAGES.items():
            fields[f"letter_{code}"] = forms.CharField(
                label=name, required=False, max_length=2000,
                widget=forms.Textarea({"rows": 3, "lang": code, "dir": "rtl" if code in BIDI else "ltr"}),
            )  # fmt: skip
        fields["institutions"] = PartiesField(
            user=user, label=_t("Institutions that come by themselves"), required=False,
            help_text=_t("International organizations, say: delegations of their own, beside the countries."),
        )  # fmt: skip
        chosen = PRESETS.get(preset)
        if chosen is not None:
            self.add_seats({f"{code} {role}": n for (code, role), n in chosen.seats.items()})
        else:
            self.add_seats(
                _rules(composition)
                if composition
                else {f"{c} {r}": n for (c, r), n in PRESETS["tripartite"].seats.items()}
            )
        if not self.is_bound:
            fields["institutions"].chosen([
                f"organization:{row.organization.uid}" for row in event.delegations.taking_part().exclude(organization=None).select_related("organization") if row.organization
            ])  # fmt: skip

    @staticmethod
    def initial_of(event: Event, row: Composition | None, user: User) -> dict[str, Any]:
        begins = event.local(event.starts_at).date()
        here = event.delegations.taking_part().exclude(country=None).values_list("country_id", flat=True)
        return {
            "nominate_by": row.nominate_by if row else max(begins - timedelta(days=60), min(begins, timezone.localdate() + timedelta(days=14))),
            "countries": list(here) if row else list(event.drive.countries.values_list("code", flat=True)),
            "sender": row.sender.uid if row and row.sender else None,
            "officer": row.officer.uid if row and row.officer else user.uid,
            "asks_passport": row.asks_passport if row else False,
            "steps": "\n".join(_line(Asked(one.days_before, one.titles, one.paper)) for one in row.templates.all()) if row else "\n".join(map(_line, STEPS)),
            **({f"letter_{code}": text for code, text in row.letter_texts.items()} if row else {}),
            "seen_at": row.updated_at.isoformat() if row else "",
        }  # fmt: skip

    def letter_fields(self) -> list[Any]:
        return [self[f"letter_{code}"] for code in LANGUAGES]

    def has_letter_errors(self) -> bool:
        return any(field.errors for field in self.letter_fields())

    def clean_steps(self) -> list[Asked]:
        found = []
        for days, words in parted_lines(self.cleaned_data["steps"]):
            first, *others = [part.strip() for part in words.split("|")]
            if not days.isdigit() or int(days) > 365 or not first:
                raise forms.ValidationError(
                    _t(
                        "“%(line)s” cannot be read. Write the days before the event and what is to be done: 30 | Book travel."
                    )
                    % {"line": f"{days} | {words}"[:80]}
                )
            titles, paper = {"en": first[:200]}, ""
            for other in others:
                code, _colon, text = (part.strip() for part in other.partition(":"))
                if code in LANGUAGES and text:
                    titles[code] = text[:200]
                elif code == "letter" and text in Paper.values:
                    paper = text
                elif other:
                    raise forms.ValidationError(
                        _t(
                            "“%(part)s” is no language that we have, and no letter. Write fr: Réserver, or letter: visa."
                        )
                        % {"part": other[:80]}
                    )
            found.append(Asked(int(days), titles, paper))
        if len(found) > MOST_STEPS:
            raise forms.ValidationError(_t("At most %(n)s lines.") % {"n": MOST_STEPS})
        return found

    def clean_institutions(self) -> list[Any]:
        found = self.cleaned_data["institutions"]
        if found and found.people:
            raise forms.ValidationError(_t("Choose institutions, not people."))
        return list(found.organizations) if found else []

    def values(self) -> dict[str, Any]:
        names = ("nominate_by", "countries", "institutions", "sender", "officer", "asks_passport", "steps", "seen_at")
        found = {name: self.cleaned_data[name] for name in names} | {"seats": self.seats()}
        said = {code: self.cleaned_data[f"letter_{code}"].strip() for code in LANGUAGES}
        found["letter_texts"] = {code: text for code, text in said.items() if text}
        # what the user cannot choose stays as it is
        found["countries"] = [*found["countries"], *self.beyond]
        found["institutions"] = [*found["institutions"], *self.institutions_beyond]
        return found


def _rules(row: Composition) -> dict[str, int]:
    return {f"{rule.constituency.code} {rule.role}": rule.seats for rule in row.rules.select_related("constituency")}


def _line(asked: Asked) -> str:
    others = [f"{code}: {text}" for code, text in asked.titles.items() if code != "en"]
    paper = [f"letter: {asked.paper}"] if asked.paper else []
    return " | ".join([str(asked.days), asked.titles.get("en") or next(iter(asked.titles.values())), *others, *paper])


class DelegationForm(SeatsMixin):
    nominate_by = forms.DateField(
        label=_("Names until"), required=False, widget=forms.DateInput(DATE), help_text=_("Empty: as for the others.")
    )
    language = forms.ChoiceField(label=_("Language"), choices=[*LANGUAGES.items()])
    note = forms.CharField(
        label=_("Note"), required=False, max_length=1000, widget=forms.Textarea({"rows": 2, "dir": "auto"})
    )

    def __init__(self, *args: Any, delegation: Delegation, **kwargs: Any) -> None:
        kwargs["initial"] = {
            "nominate_by": delegation.nominate_by,
            "language": delegation.language or "en",
            "note": delegation.note,
        }
        super().__init__(*args, **kwargs)
        self.add_seats(own_seats(delegation))


class NominatorForm(forms.Form):
    organization = organization_field(label=_("Institution"))
    constituency = LabelledChoice(
        Constituency.objects.none(),
        label=_("Names people for"),
        to_field_name="code",
        required=False,
        empty_label=_("all constituencies"),
    )
    email = forms.CharField(
        label=_("E-mail"), max_length=254, required=False, widget=forms.TextInput({"type": "email", "autocomplete": "off"}),
        help_text=_("Empty: that of the institution."),
    )  # fmt: skip

    def __init__(self, *args: Any, user: User, delegation: Delegation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["organization"].rows, fields["organization"].describe = organizations_for(user), place_of
        fields["constituency"].queryset = sides_of(delegation)


class FindForm(forms.Form):
    """Whom to ask in each country, found by the title of a post."""

    constituency = LabelledChoice(
        Constituency.objects.none(), label=_("Constituency"), to_field_name="code", empty_label=None
    )
    words = forms.CharField(
        label=_("Words in the title of the post"), max_length=100, required=False,
        help_text=_("Such as Permanent Representative. Empty: the head of an institution of that constituency."),
    )  # fmt: skip

    def __init__(self, *args: Any, event: Event, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["constituency"]
        field.queryset = Constituency.objects.filter(
            pk__in=event.delegations.taking_part().values("seats__constituency")
        ).order_by("position")


def sides_of(delegation: Delegation) -> Any:
    seats = delegation.seats.filter(seats__gt=0)
    return Constituency.objects.filter(pk__in=seats.values("constituency")).order_by("position", "pk")


class NamedForm(forms.Form):
    """Somebody who is named, by staff or by a partner. Complete on the server; the page needs no script."""

    seat = forms.ChoiceField(label=_("For the seat of"))
    honorific = forms.CharField(
        label=_("Form of address"), max_length=60, required=False, help_text=_("As it stands on a letter: H.E., Dr, Ms."),
        widget=forms.TextInput({"autocomplete": "off", "dir": "auto"}),
    )  # fmt: skip
    name = forms.CharField(
        label=_("Full name"), max_length=200, widget=forms.TextInput({"autocomplete": "off", "dir": "auto"})
    )
    function = forms.CharField(
        label=_("Function"),
        max_length=200,
        required=False,
        widget=forms.TextInput({"autocomplete": "off", "dir": "auto"}),
    )
    email = forms.CharField(
        label=_("E-mail"), max_length=254, widget=forms.TextInput({"type": "email", "autocomplete": "off", "inputmode": "email", "dir": "ltr"}),
        help_text=_("Their letters and what they need before they travel go there."),
    )  # fmt: skip
    gender = forms.ChoiceField(
        label=_("Gender"),
        required=False,
        choices=Nomination.Gender.choices,
        help_text=_("Counted for the share of women only."),
    )
    language = forms.ChoiceField(
        label=_("Language"), required=False, choices=[*LANGUAGES.items()], help_text=_("We write to them in it, and so are their letters.")
    )  # fmt: skip
    passport_name = forms.CharField(
        label=_("Name as in the passport"), max_length=200, required=False, help_text=_("If it differs, for the letter to the consulate."),
        widget=forms.TextInput({"autocomplete": "off", "dir": "auto"}),
    )  # fmt: skip

    def __init__(
        self,
        *args: Any,
        delegation: Delegation,
        by: Nominator | None = None,
        of: Nomination | None = None,
        **kwargs: Any,
    ) -> None:
        """by: offers the seats of their constituency only. of: whose words are changed, or who is replaced: the seat is theirs."""
        super().__init__(*args, **kwargs)
        self.delegation, self.by = delegation, by
        self.fields["language"].initial = (by.language if by else delegation.language) or "en"
        if of is not None:
            del self.fields["seat"]
        else:
            seat: Any = self.fields["seat"]
            seat.choices = [
                (f"{row.constituency.code} {row.role}", f"{row.constituency.label}: {row.get_role_display()}")
                for row in self.free()
            ]
        if not delegation.event.composition.asks_passport:
            del self.fields["passport_name"]
        if by is None:
            self.fields["email"].required = False

    def free(self) -> list[Any]:
        """Seats without a name, of those that they may fill."""
        rows = self.delegation.seats.filter(seats__gt=0).select_related("constituency")
        if self.by is not None and self.by.constituency_id:
            rows = rows.filter(constituency=self.by.constituency_id)
        standing: dict[tuple[int, str], int] = {}
        for pair in self.delegation.nominations.live().values_list("constituency", "role"):
            standing[pair] = standing.get(pair, 0) + 1
        found = [row for row in rows if row.seats > standing.get((row.constituency_id, row.role), 0)]
        return sorted(found, key=lambda row: (row.constituency.position, ROLES.index(row.role)))

    @staticmethod
    def initial_of(row: Nomination) -> dict[str, Any]:
        return {
            name: getattr(row, name)
            for name in ("honorific", "name", "function", "email", "gender", "language", "passport_name")
        }

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"]).strip()
        if email:
            try:
                address_key(email)
            except Invalid:
                raise forms.ValidationError(
                    _t("This is not an e-mail address that mail can go to. Please look for a slip of the hand.")
                ) from None
        return email

    def who(self) -> Named:
        names = ("honorific", "name", "function", "email", "gender", "language", "passport_name")
        return Named(**{name: self.cleaned_data.get(name) or "" for name in names})

    def chosen(self) -> tuple[Constituency, str]:
        code, _space, role = self.cleaned_data["seat"].partition(" ")
        return Constituency.objects.get(code=code), role


class ReturnForm(forms.Form):
    reason = forms.CharField(
        label=_("Why"), max_length=500, widget=forms.Textarea({"rows": 2, "dir": "auto"}),
        help_text=_("Whoever named them reads this, and can name them anew or somebody else."),
    )  # fmt: skip


class AcceptForm(forms.Form):
    """Who of the directory it is: a uid, “new”, or empty for somebody to be found later."""

    person = forms.CharField(required=False, max_length=40)
