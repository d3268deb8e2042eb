"""Forms of the settings page for mail that comes back."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.oauth.asking import is_here
from campaigns.oauth.catalogue import IMAP
from campaigns.oauth.forms import TOKEN_COLUMNS, TOKEN_HELP, TOKEN_LABELS, TokenForm, secret_field
from campaigns.outreach.models import Inbox

_HOST = re.compile(r"[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9])?|[0-9a-f:]{2,39}")


class BounceRuleForm(forms.Form):
    bounces = forms.IntegerField(label=_("Soft bounces"), min_value=1, max_value=20)
    days = forms.IntegerField(
        label=_("Within days"),
        min_value=1,
        max_value=365,
        help_text=_("Counted by message. An answer from the address, or setting it to active by hand, begins anew."),
    )


class InboxForm(TokenForm):
    use = IMAP
    password = secret_field(_("Password"), strip=False, longest=500)

    class Meta:
        model = Inbox
        fields = [
            "name", "host", "port", "security", "user", "sign_in", "password", "folder", "after", "move_to",
            *TOKEN_COLUMNS,
        ]  # fmt: skip
        labels = {
            "name": _("Name"),
            "host": _("Server"),
            "port": _("Port"),
            "security": _("Encryption"),
            "user": _("User name"),
            "folder": _("Folder"),
            "after": _("What was read"),
            "move_to": _("Move it to"),
            **TOKEN_LABELS,
        }
        help_texts = {
            "name": _("How it is called here, such as Bounces."),
            "host": _("Of the IMAP server, such as imap.example.org."),
            "folder": _("Everything in it is read: take a mailbox of its own for the return domain."),
            "after": _("A message is stored here first, and only then moved or marked."),
            "move_to": _("It is made where it is not there. Empty where messages stay."),
            **TOKEN_HELP,
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stored = {name: getattr(self.instance, name) for name in ("host", "port", "password")}
        self.initial["password"] = ""
        self.fields["password"].help_text = (
            _("Empty: the one that is stored. It is never shown.")
            if self.stored["password"]
            else _("Stored encrypted and never shown again.")
        )
        self.fields["port"].widget.attrs["inputmode"] = "numeric"

    def clean_host(self) -> str:
        host = str(self.cleaned_data["host"]).strip().lower()
        if not _HOST.fullmatch(host):
            raise forms.ValidationError(_("Write the server’s name alone, such as imap.example.org."))
        return host

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        for name in ("user", "folder", "move_to", "password"):
            if any(ord(letter) < 32 for letter in data.get(name) or ""):
                self.add_error(name, _("Line ends and other control characters cannot stand here."))
        self._keep_password(data)
        if data.get("sign_in") != Inbox.SignIn.TOKEN and not data.get("password") and "password" not in self.errors:
            self.add_error("password", _("Write the password of this mailbox."))
        if data.get("security") == Inbox.Security.NONE and data.get("host") and not is_here(data["host"]):
            self.add_error(
                "security",
                _(
                    "Without encryption the password could be read on the way. Only a server on this machine may be read so."
                ),
            )
        return data

    def _keep_password(self, data: dict[str, Any]) -> None:
        """The stored one where none is written, unless it would go to another server than it was written for."""
        if data.get("password"):
            return
        if self.stored["password"] and any(data.get(name) != self.stored[name] for name in ("host", "port")):
            self.add_error(
                "password",
                _("The server changed, so write this again: the stored one was for %(host)s.")
                % {"host": self.stored["host"]},
            )
        data["password"] = self.stored["password"]
