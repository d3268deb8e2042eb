"""Shapes of what people type into the account screens."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import RequestLoginCodeForm, ResetPasswordForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm, EditWebAuthnForm
from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext_lazy as _

from crm.accounts import partners
from crm.accounts.models import Installation, User
from crm.accounts.rules import Role
from crm.accounts.scopes import campaign_choices, country_choices
from crm.languages import CODES, language_name
from crm.zones import zones

ZONES = [(zone, zone.replace("_", " ")) for zone in sorted(zones()) if "/" in zone or zone == "UTC"]


class GrantForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.VIEWER)
    countries = forms.MultipleChoiceField(
        label=_("Only in these countries"), required=False, help_text=_("None chosen: in all countries.")
    )
    campaigns = forms.MultipleChoiceField(
        label=_("Only in these campaigns"), required=False, help_text=_("None chosen: in all campaigns.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["countries"].choices = country_choices()  # type: ignore[attr-defined]
        self.fields["campaigns"].choices = campaign_choices()  # type: ignore[attr-defined]
        if not self.fields["campaigns"].choices:  # type: ignore[attr-defined]
            del self.fields["campaigns"]


class CodeRequestForm(RequestLoginCodeForm):
    """Who is to be sent a code: a partner. Staff have a password, and are told nothing that others are not."""

    _user: User | None  # allauth's

    def clean_email(self) -> str:
        email: str = super().clean_email()
        if self._user is None or self._user.is_partner:
            self._user = partners.open_for(email)  # the directory says, each time, whose address it is
        else:
            self._user = None
        return email


class StaffPasswordForm(ResetPasswordForm):
    """A partner's account has no password, and gets none."""

    users: list[User]  # allauth's

    def clean_email(self) -> str:
        email: str = super().clean_email()
        self.users = [user for user in self.users if not user.is_partner]
        return email


class InvitationForm(GrantForm):
    email = forms.EmailField(label=_("E-mail address"))
    name = forms.CharField(label=_("Name"), max_length=120)
    field_order = ["name", "email", "role", "countries", "campaigns"]


class JoinForm(forms.Form):
    name = forms.CharField(label=_("Your name"), max_length=120)
    time_zone = forms.ChoiceField(label=_("Your time zone"), choices=ZONES, initial="UTC")
    password = forms.CharField(
        label=_("A password"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        strip=False,
        help_text=_("Ten characters or more."),
    )

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password, User(name=self.cleaned_data.get("name", "")))
        return password


class ProfileForm(forms.ModelForm):
    time_zone = forms.ChoiceField(label=_("Your time zone"), choices=ZONES, help_text=_("All times show in it."))
    language = forms.ChoiceField(
        label=_("Your language"),
        choices=settings.LANGUAGES,
        help_text=_("Staff pages are in English for now; what is translated shows in your language."),
    )

    class Meta:
        model = User
        fields = ["name", "time_zone", "language"]


class InstallationForm(forms.ModelForm):
    default_language = forms.ChoiceField(
        label=_("Default language"),
        choices=lambda: [(code, language_name(code)) for code in CODES],
        help_text=_("Used where somebody's own language is not known. Names without a translation are in it."),
    )

    class Meta:
        model = Installation
        fields = ["name", "postal_address", "default_language", "allow_self_approval"]
        labels = {
            "name": _("Organization"),
            "postal_address": _("Postal address"),
            "allow_self_approval": _("Whoever edited a mailing may approve it"),
        }
        widgets = {"postal_address": forms.Textarea(attrs={"rows": 3})}
        help_texts = {
            "allow_self_approval": _("For a team of one. Otherwise a second pair of eyes is what approval is for."),
        }


class LanguagesForm(forms.Form):
    """Which languages are offered, and the default among them."""

    languages = forms.MultipleChoiceField(
        choices=lambda: [(code, language_name(code)) for code in CODES],
        error_messages={"required": _("Offer at least one language.")},
    )
    default_language = forms.ChoiceField(
        choices=lambda: [(code, language_name(code)) for code in CODES],
        error_messages={"required": _("Choose the default language.")},
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        default = data.get("default_language")
        if default and data.get("languages") and default not in data["languages"]:
            self.add_error(
                "default_language",
                _("%(language)s is the default, so it must be offered. Tick it, or choose another default.")
                % {"language": language_name(default)},
            )
        return data


class SignInPolicyForm(forms.Form):
    """Which roles must have two-step sign-in, and how long whoever has none may go on without."""

    roles = forms.MultipleChoiceField(
        label=_("These roles must have two-step sign-in"),
        choices=Role.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen: everybody decides alone. A passkey counts, an authenticator app counts."),
    )
    grace_days = forms.IntegerField(
        label=_("Days to set it up"),
        min_value=0,
        max_value=90,
        help_text=_(
            "From now, or from the day on which somebody gets the role. After that, signing in leads to the set-up."
        ),
    )


class AddPasskeyForm(AddWebAuthnForm):
    name = forms.CharField(required=False, max_length=60)


class RenamePasskeyForm(EditWebAuthnForm):
    name = forms.CharField(max_length=60)
