"""The part of a form that says how a transport or a mailbox signs in with a token."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.oauth.asking import is_safe
from campaigns.oauth.catalogue import IMAP, KNOWN, addresses, scope_for, tenant_of
from campaigns.oauth.models import Grant, SignIn

Words = Any  # str, or one that is translated when it is shown
TOKEN_FIELDS = (
    "token_service", "tenant", "token_grant", "client_id", "client_secret", "consent_url", "token_url", "scope",
)  # fmt: skip
TOKEN_COLUMNS = [name for name in TOKEN_FIELDS if name != "tenant"]
TOKEN_LABELS: dict[str, Words] = {
    "sign_in": _("Sign in"),
    "token_service": _("Service"),
    "token_grant": _("How we get in"),
    "client_id": _("Id of the program"),
    "consent_url": _("Where somebody says yes"),
    "token_url": _("Where tokens come from"),
    "scope": _("Scope"),
}
TOKEN_HELP: dict[str, Words] = {
    "client_id": _("As the service knows Groundswell, which you have registered there."),
    "consent_url": _("Its authorization address. Only for another service."),
    "token_url": _("Its token address. Only for another service."),
    "scope": _("Empty: what mail needs there. For another service as its guide says."),
}
_TENANT = re.compile(r"[A-Za-z0-9.-]{1,100}")


def secret_field(label: Words, *, strip: bool = True, longest: int = 4000) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
    return forms.CharField(label=label, required=False, max_length=longest, strip=strip, widget=widget)


class TokenForm(forms.ModelForm):
    """use: what the token is for."""

    use: ClassVar[str] = IMAP
    tenant = forms.CharField(
        label=_("Tenant"),
        required=False,
        max_length=100,
        help_text=_("For Microsoft 365: the directory’s id or domain, such as example.onmicrosoft.com."),
    )
    client_secret = secret_field(_("Secret of the program"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        row = self.instance
        self.stored_token_url, self.stored_client_secret = row.token_url, row.client_secret
        self.initial["client_secret"] = ""
        kept, said = (
            _("Empty: the one that is stored. It is never shown."),
            _("Stored encrypted and never shown again. Empty where the service gave none."),
        )
        self.fields["client_secret"].help_text = kept if row.client_secret else said
        self.initial["tenant"] = tenant_of(row.token_url)
        if row.token_service in KNOWN:  # what follows from the service is not to be written
            self.initial["token_url"] = self.initial["consent_url"] = ""
            if row.scope == scope_for(row.token_service, row.token_grant, self.use):
                self.initial["scope"] = ""
        for name in ("token_service", "token_grant", "sign_in"):
            self.fields[name].required = not self.is_bound or name in self.data  # an older page has none; the row has

    @property
    def of_the_rest(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name not in TOKEN_FIELDS]

    @property
    def of_the_token(self) -> list[forms.BoundField]:
        return [self[name] for name in TOKEN_FIELDS]

    @property
    def is_by_token(self) -> bool:
        return bool(self["sign_in"].value() == SignIn.TOKEN)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        for name in ("sign_in", "token_service", "token_grant"):
            data[name] = data.get(name) or getattr(self.instance, name)
        for name in ("tenant", "client_id", "client_secret", "consent_url", "token_url", "scope"):
            if any(ord(letter) < 32 for letter in data.get(name) or ""):
                self.add_error(name, _("Line ends and other control characters cannot stand here."))
        if data["sign_in"] == SignIn.TOKEN:
            self._clean_service(data)
            self._clean_program(data)
        elif not data.get("client_secret"):
            data["client_secret"] = self.stored_client_secret
        return data

    def _clean_service(self, data: dict[str, Any]) -> None:
        service, grant = data["token_service"], data["token_grant"]
        known = KNOWN.get(service)
        if known is None:
            if not is_safe(data.get("token_url") or ""):
                self.add_error("token_url", _("Write an address that begins with https://."))
            if grant == Grant.CONSENT and not is_safe(data.get("consent_url") or ""):
                self.add_error("consent_url", _("Write an address that begins with https://."))
            return
        if known.has_tenants and not _TENANT.fullmatch(data.get("tenant") or ""):
            self.add_error("tenant", _("Write the tenant’s id or domain."))
        if grant == Grant.PROGRAM and not known.has_programs:
            self.add_error(
                "token_grant", _("There somebody has to say yes: a program cannot get in by its secret alone.")
            )
        data["consent_url"], data["token_url"] = addresses(service, data.get("tenant") or "")
        data["scope"] = data.get("scope") or scope_for(service, grant, self.use)

    def _clean_program(self, data: dict[str, Any]) -> None:
        if not data.get("client_id"):
            self.add_error("client_id", _("Write the program’s id."))
        if not data.get("client_secret") and self.stored_client_secret:
            if data.get("token_url") != self.stored_token_url:
                self.add_error(
                    "client_secret",
                    _("The server changed, so write this again: the stored one was for %(host)s.")
                    % {"host": self.stored_token_url},
                )
            data["client_secret"] = self.stored_client_secret
        if data.get("token_grant") == Grant.PROGRAM and not data.get("client_secret"):
            self.add_error("client_secret", _("Write the program’s secret."))
