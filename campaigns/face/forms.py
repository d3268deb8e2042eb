"""What staff write for a public page."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.face.models import Part, PublicPage
from campaigns.planning.forms import SeenForm
from crm.ui.public import LANGUAGES

TEXTS = ("headline", "lead", "story")
PLURALS = {"headline": "headlines", "lead": "leads", "story": "stories"}


class PageForm(SeenForm):
    slug = forms.SlugField(
        label=_("Its address"),
        max_length=60,
        help_text=_("Letters, digits and hyphens, as in /about/social-security-for-all/."),
    )
    parts = forms.MultipleChoiceField(
        label=_("What it shows"), choices=Part.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    is_public = forms.BooleanField(label=_("The page is open: everybody can see it"), required=False)

    def __init__(self, data: Any, *, page: PublicPage) -> None:
        super().__init__(data, initial=self._initial(page))
        fields: Any = self.fields
        if page.drive_id:
            fields["parts"].choices = [choice for choice in Part.choices if choice[0] != Part.DRIVES]
        for code in LANGUAGES:
            fields[f"headline_{code}"] = forms.CharField(label=_t("Headline"), required=False, max_length=160)
            fields[f"lead_{code}"] = forms.CharField(
                label=_t("Sentence below it"), required=False, max_length=400, widget=forms.Textarea({"rows": 2})
            )
            fields[f"story_{code}"] = forms.CharField(
                label=_t("What this is about"), required=False, max_length=10_000, widget=forms.Textarea({"rows": 6})
            )
            for name in TEXTS:
                fields[f"{name}_{code}"].widget.attrs |= {"lang": code, "dir": "auto"}

    @staticmethod
    def _initial(page: PublicPage) -> dict[str, Any]:
        values: dict[str, Any] = {"slug": page.slug, "parts": page.parts, "is_public": page.is_public}
        for text in TEXTS:
            values |= {f"{text}_{code}": words for code, words in getattr(page, PLURALS[text]).items()}
        return values | {"seen_at": page.updated_at.isoformat() if page.pk else ""}

    @property
    def texts(self) -> list[dict[str, Any]]:
        """The fields of each language, for the template."""
        return [
            {"code": code, "name": name, "fields": [self[f"{text}_{code}"] for text in TEXTS]}
            for code, name in LANGUAGES.items()
        ]

    def clean_slug(self) -> str:
        return str(self.cleaned_data["slug"]).lower()

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if data.get("is_public") and not any(data.get(f"headline_{code}", "").strip() for code in LANGUAGES):
            self.add_error("headline_en", _t("A page that everybody sees needs a headline in one language at least."))
        return data

    def values(self) -> dict[str, Any]:
        """What the service takes."""
        data: dict[str, Any] = {name: self.cleaned_data[name] for name in ("slug", "parts", "is_public")}
        for text in TEXTS:
            said = {code: self.cleaned_data.get(f"{text}_{code}", "").strip() for code in LANGUAGES}
            data[PLURALS[text]] = {code: words for code, words in said.items() if words}
        return data
