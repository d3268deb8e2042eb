"""One form for each mailing service, made from what the catalogue says that it needs."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.utils.translation import gettext as _

from campaigns.esp.catalogue import API_URL, Service, Setting
from campaigns.esp.events import new_secret
from campaigns.mailings.forms import RoadForm
from campaigns.mailings.models import Transport
from campaigns.mailings.roads import DOTS


class ServiceForm(RoadForm):
    """A transport's form with the service's own settings in the place of an address. Secrets are never shown again: dots stand
    for what is stored, and leaving them leaves it."""

    def __init__(self, *args: Any, service: Service, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.service, self.known = service, self.instance.settings_of_service
        own = {each.name: self._field(each) for each in service.all_settings}
        rest = {name: field for name, field in self.fields.items() if name != "name"}
        self.fields = {"name": self.fields["name"], **own, **rest}
        self.fields["leaves_from"].help_text = _(
            "As receivers see it, for the check of senders' domains: what the service says."
        )
        if self.instance.pk is None:
            self.initial.update(name=service.name, leaves_from=f"include:{service.spf}" if service.spf else "")
        for each in service.all_settings:
            stored = self.known.get(each.name, "")
            self.initial[each.name] = DOTS if stored and each.is_secret else stored

    @staticmethod
    def _field(each: Setting) -> forms.CharField:
        return forms.CharField(
            label=each.label,
            help_text=each.help,
            required=each.is_required,
            max_length=2000,
            widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for each in self.service.all_settings:
            value = (cleaned.get(each.name) or "").strip()
            if each.is_secret and value == DOTS:
                value = self.known.get(each.name, "")
            if not value.isascii():
                self.add_error(each.name, _("A key has no letters of other scripts. Copy it again."))
            cleaned[each.name] = value
        if (url := cleaned.get(API_URL)) and not self._is_web_address(url):
            self.add_error(API_URL, _("Write it as https://host/path."))
        return cleaned

    @staticmethod
    def _is_web_address(url: str) -> bool:
        try:
            parts = urlsplit(url)
            is_near = parts.hostname in ("localhost", "127.0.0.1")
            return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and is_near))
        except ValueError:
            return False

    def save(self, commit: bool = True) -> Transport:
        values = {each.name: self.cleaned_data[each.name] for each in self.service.all_settings}
        values["webhook"] = self.known.get("webhook") or new_secret()
        self.instance.kind, self.instance.service, self.instance.url = Transport.Kind.SERVICE, self.service.code, ""
        self.instance.service_settings = json.dumps({name: value for name, value in values.items() if value})
        saved: Transport = super().save(commit=commit)
        return saved
