"""Forms of the settings page for mail that comes back."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.outreach.inboxes import SECRETS
from campaigns.outreach.models import Inbox

_OF_THE_TOKEN = ("token_url", "client_id", "client_secret", "scope", "refresh_token")
_HOST = re.compile(r"[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9])?|[0-9a-f:]{2,39}")


class BounceRuleForm(forms.Form):
    bounces = forms.IntegerField(label=_("Soft bounces"), min_value=1, max_value=20)
    days = forms.IntegerField(
        label=_("Within days"),
        min_value=1,
        max_value=365,
        help_text=_("Counted by message. An answer from the address, or setting it to active by hand, begins anew."),
    )


def _secret(label: Any, *, strip: bool = True, longest: int = 4000) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
    return forms.CharField(label=label, required=False, max_length=longest, strip=strip, widget=widget)


class InboxForm(forms.ModelForm):
    password = _secret(_("Password"), strip=False, longest=500)
    client_secret = _secret(_("Secret of the program"))
    refresh_token = _secret(_("Refresh token"))

    class Meta:
        model = Inbox
        fields = [
            "name", "host", "port", "security", "user", "sign_in", "password", "folder", "after", "move_to",
            "token_url", "client_id", "client_secret", "scope", "refresh_token",
        ]  # fmt: skip
        labels = {
            "name": _("Name"),
            "host": _("Server"),
            "port": _("Port"),
            "security": _("Encryption"),
            "user": _("User name"),
            "sign_in": _("Sign in"),
            "token_url": _("Where tokens come from"),
            "client_id": _("Id of the program"),
            "scope": _("Scope"),
            "folder": _("Folder"),
            "after": _("What was read"),
            "move_to": _("Move it to"),
        }
        help_texts = {
            "name": _("How it is called here, such as Bounces."),
            "host": _("Of the IMAP server, such as imap.example.org."),
            "token_url": _("The token address of the service, such as https://oauth2.googleapis.com/token."),
            "client_id": _("As the service knows Groundswell, which you have registered there."),
            "scope": _("What the token is for, such as https://mail.google.com/."),
            "folder": _("Everything in it is read: take a mailbox of its own for the return domain."),
            "after": _("A message is stored here first, and only then moved or marked."),
            "move_to": _("It is made where it is not there. Empty where messages stay."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        row = self.instance
        self.stored = {name: getattr(row, name) for name in ("host", "port", "token_url", *SECRETS)}
        said = _("Stored encrypted and never shown again.")
        kept = _("Empty: the one that is stored. It is never shown.")
        for name in SECRETS:
            self.initial[name] = ""
            self.fields[name].help_text = kept if self.stored[name] else said
        if not self.stored["refresh_token"]:
            self.fields["refresh_token"].help_text = _("%(said)s Empty where the program signs in as itself.") % {
                "said": said
            }
        self.fields["port"].widget.attrs["inputmode"] = "numeric"

    @property
    def of_the_mailbox(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name not in _OF_THE_TOKEN]

    @property
    def of_the_token(self) -> list[forms.BoundField]:
        return [self[name] for name in _OF_THE_TOKEN]

    def clean_host(self) -> str:
        host = str(self.cleaned_data["host"]).strip().lower()
        if not _HOST.fullmatch(host):
            raise forms.ValidationError(_("Write the server’s name alone, such as imap.example.org."))
        return host

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        for name in ("user", "folder", "move_to", "token_url", "client_id", "scope", *SECRETS):
            if any(ord(letter) < 32 for letter in data.get(name) or ""):
                self.add_error(name, _("Line ends and other control characters cannot stand here."))
        by_token = data.get("sign_in") == Inbox.SignIn.TOKEN
        self._keep_secret(data, "password", ("host", "port"))
        if by_token:
            self._clean_token(data)
        elif not data.get("password") and "password" not in self.errors:
            self.add_error("password", _("Write the password of this mailbox."))
        if data.get("security") == Inbox.Security.NONE and data.get("host") and not _is_here(data["host"]):
            self.add_error(
                "security",
                _(
                    "Without encryption the password could be read on the way. Only a server on this machine may be read so."
                ),
            )
        return data

    def _keep_secret(self, data: dict[str, Any], name: str, belongs_to: tuple[str, ...]) -> None:
        """The stored one where none is written, unless it would go to another place than it was written for."""
        if data.get(name):
            return
        if self.stored[name] and any(data.get(each) != self.stored[each] for each in belongs_to):
            self.add_error(
                name,
                _("The server changed, so write this again: the stored one was for %(host)s.")
                % {"host": self.stored[belongs_to[0]]},
            )
        data[name] = self.stored[name]

    def _clean_token(self, data: dict[str, Any]) -> None:
        parts = urlsplit(data.get("token_url") or "")
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and _is_here(parts.hostname or ""))
        if not is_safe or not parts.hostname:
            self.add_error("token_url", _("Write an address that begins with https://."))
        if not data.get("client_id"):
            self.add_error("client_id", _("Write the program’s id."))
        for name in ("client_secret", "refresh_token"):
            self._keep_secret(data, name, ("token_url",))
        if not data.get("client_secret") and not data.get("refresh_token"):
            self.add_error("client_secret", _("Write the program’s secret, a refresh token, or both."))


def _is_here(host: str) -> bool:
    """Whether it is this machine: by its name, or by an address and not by a name that begins like one."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
