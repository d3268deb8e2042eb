"""Forms of the settings page for mail that comes back."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

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


class InboxForm(forms.ModelForm):
    password = forms.CharField(
        label=_("Password"),
        required=False,
        max_length=500,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    class Meta:
        model = Inbox
        fields = ["name", "host", "port", "security", "user", "password", "folder", "after", "move_to"]
        labels = {
            "name": _("Name"),
            "host": _("Server"),
            "port": _("Port"),
            "security": _("Encryption"),
            "user": _("User name"),
            "folder": _("Folder"),
            "after": _("What was read"),
            "move_to": _("Move it to"),
        }
        help_texts = {
            "name": _("How it is called here, such as Bounces."),
            "host": _("Of the IMAP server, such as imap.example.org."),
            "folder": _("Everything in it is read: take a mailbox of its own for the return domain."),
            "after": _("A message is stored here first, and only then moved or marked."),
            "move_to": _("It is made where it is not there. Empty where messages stay."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stored = (self.instance.host, self.instance.port, self.instance.password)
        self.initial["password"] = ""
        said = _("Stored encrypted and never shown again.")
        kept = _("Empty: the one that is stored. It is never shown.")
        self.fields["password"].help_text = kept if self.instance.password else said
        self.fields["password"].required = not self.instance.password
        self.fields["password"].error_messages["required"] = _("Write the password of this mailbox.")
        self.fields["port"].widget.attrs["inputmode"] = "numeric"

    def clean_host(self) -> str:
        host = str(self.cleaned_data["host"]).strip().lower()
        if not _HOST.fullmatch(host):
            raise forms.ValidationError(_("Write the server’s name alone, such as imap.example.org."))
        return host

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        for name in ("user", "password", "folder", "move_to"):
            if any(ord(letter) < 32 for letter in data.get(name) or ""):
                self.add_error(name, _("Line ends and other control characters cannot stand here."))
        host, port, password = self.stored
        if not data.get("password"):
            if password and (data.get("host"), data.get("port")) != (host, port):
                self.add_error(
                    "password",
                    _("The server changed, so write the password again: the stored one was for %(host)s.")
                    % {"host": host},
                )
            data["password"] = password
        if data.get("security") == Inbox.Security.NONE and data.get("host") and not _is_here(data["host"]):
            self.add_error(
                "security",
                _(
                    "Without encryption the password could be read on the way. Only a server on this machine may be read so."
                ),
            )
        return data


def _is_here(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")
