"""Shapes of a beginning from a template, and of a copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.activities.forms import colleagues
from campaigns.activities.models import Activity, TeamMember
from campaigns.activities.states import TeamRole
from campaigns.planning.forms import DATE, ManyCountries
from campaigns.planning.models import Drive
from contacts.directory.models import Country
from crm.accounts.models import User
from crm.accounts.rules import Action


class BeginForm(forms.Form):
    """One field for each role that the template needs; those of the team are filled in."""

    starts_on = forms.DateField(label=_("From"), widget=forms.DateInput(DATE))

    def __init__(self, *args: Any, drive: Drive, roles: Sequence[TeamRole], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        members = TeamMember.objects.live().filter(drive=drive).select_related("user").order_by("-pk")
        team = {member.role: member.user.uid for member in members}
        self.roles = roles
        for role in roles:
            self.fields[f"role_{role.value}"] = forms.ModelChoiceField(
                colleagues(),
                label=str(role.label).capitalize(),
                to_field_name="uid",
                required=False,
                empty_label=_("nobody yet"),
                initial=team.get(role.value),
            )

    @property
    def owners(self) -> dict[str, User]:
        given = {role.value: self.cleaned_data[f"role_{role.value}"] for role in self.roles}
        return {role: user for role, user in given.items() if user}


class CopyForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=300)
    starts_on = forms.DateField(
        label=_("From"),
        widget=forms.DateInput(DATE),
        help_text=_("Everything moves by as much; weekends and public holidays of each country are avoided."),
    )
    pattern = forms.ChoiceField(
        label=_("Each country gets the activities of"),
        required=False,
        help_text=_("Activities of the whole drive are copied once."),
    )
    countries = ManyCountries(
        Country.objects.none(), label=_("Countries"), to_field_name="code", widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, user: User, source: Drive, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        codes = user.scope(Action.DRIVES).countries
        countries = Country.objects.order_by("sort_key")
        fields["countries"].queryset = countries if codes is None else countries.filter(code__in=codes)
        live = Activity.objects.visible_to(user).filter(drive=source, archived_at=None).exclude(country=None)
        counts: dict[str, int] = {}
        for code in live.values_list("country_id", flat=True):
            counts[code] = counts.get(code, 0) + 1
        with_own = sorted(Country.objects.filter(code__in=counts), key=lambda c: (-counts[c.code], c.sort_key))
        none = ("", _("no country: only what is for the whole drive"))
        fields["pattern"].choices = [*((country.code, country.label) for country in with_own), none]
