"""One form of address, with a group of fields for each language."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from contacts.directory.lists import LANGUAGE_NAMES
from contacts.greetings.models import FormOfAddress
from contacts.greetings.wording import KINDS, SLOTS, wrong_places

SLOT_LABELS = {
    "female": _("a woman"),
    "male": _("a man"),
    "unknown": _("gender not known"),
    "office": _("an office, without a name"),
}


def languages_of(form: FormOfAddress | None) -> dict[str, Any]:
    """The languages of the directory, and whatever else the form has."""
    known = dict(LANGUAGE_NAMES)
    return known | {code: code for code in (form.texts if form else {}) if code not in known}


class FormOfAddressForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("For your colleagues, such as: Minister."))
    title_words = forms.CharField(
        label=_("Posts whose title begins with"),
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Separated by commas, in all your languages. A new post finds its form by these words."),
    )

    def __init__(self, *args: Any, form: FormOfAddress | None = None, **kwargs: Any) -> None:
        self.row = form
        if form is not None:
            kwargs["initial"] = {"name": form.name, "title_words": ", ".join(form.title_words)} | {
                self.key(code, slot, kind): form.texts.get(code, {}).get(slot, {}).get(kind, "")
                for code in form.texts
                for slot in SLOTS
                for kind in KINDS
            }
        super().__init__(*args, **kwargs)
        if form is not None and form.is_general:
            del self.fields["title_words"]
        for code, language in languages_of(form).items():
            way = {"lang": code, "dir": "rtl" if code == "ar" else "ltr"}
            for slot in SLOTS:
                for kind in KINDS:
                    what = _t("Greeting") if kind == "greeting" else _t("Before the name")
                    self.fields[self.key(code, slot, kind)] = forms.CharField(
                        label=f"{what}, {SLOT_LABELS[slot]} ({language})",
                        required=False,
                        max_length=150,
                        widget=forms.TextInput(attrs=way),
                    )

    @staticmethod
    def key(language: str, slot: str, kind: str) -> str:
        return f"{kind}_{slot}_{language}"

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for name, value in list(data.items()):
            if isinstance(value, str) and name.startswith(KINDS) and (wrong := wrong_places(value)):
                self.add_error(
                    name,
                    _t("“{%(place)s}” is nothing that we know of a person. Use {name}, {given_name} or {family_name}.")
                    % {"place": wrong[0][:30]},
                )
        return data

    def groups(self) -> list[dict[str, Any]]:
        """For the template: each language with its rows of (who, greeting, name)."""
        return [
            {
                "code": code,
                "name": language,
                "rows": [
                    (SLOT_LABELS[slot], self[self.key(code, slot, "greeting")], self[self.key(code, slot, "formal")])
                    for slot in SLOTS
                ],
                "is_open": code in ("en", "fr")
                or any(self.errors.get(self.key(code, s, k)) for s in SLOTS for k in KINDS),
            }
            for code, language in languages_of(self.row).items()
        ]

    def values(self) -> dict[str, Any]:
        """What the service takes; empty texts are left out."""
        data = self.cleaned_data
        texts: dict[str, dict[str, dict[str, str]]] = {}
        for code in languages_of(self.row):
            for slot in SLOTS:
                pair = {kind: data[self.key(code, slot, kind)].strip() for kind in KINDS}
                if any(pair.values()):
                    texts.setdefault(code, {})[slot] = pair
        words = dict.fromkeys(word.strip()[:60] for word in data.get("title_words", "").split(",") if word.strip())
        return {"name": data["name"].strip(), "title_words": list(words), "texts": texts}
