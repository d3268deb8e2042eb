"""What staff write for a public page."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.face.models import Part, PublicPage
from campaigns.planning.forms import MAX_LINES, SeenForm, parted_lines
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
            fields[f"facts_{code}"] = forms.CharField(
                label=_t("Facts"), required=False, max_length=20_000, widget=forms.Textarea({"rows": 5}),
                help_text=_t("One on each line: the fact | its source. Without any here, those of the campaign are shown."),
            )  # fmt: skip
            for name in (*TEXTS, "facts"):
                fields[f"{name}_{code}"].widget.attrs |= {"lang": code, "dir": "auto"}

    @staticmethod
    def _initial(page: PublicPage) -> dict[str, Any]:
        values: dict[str, Any] = {"slug": page.slug, "parts": page.parts, "is_public": page.is_public}
        for text in TEXTS:
            values |= {f"{text}_{code}": words for code, words in getattr(page, PLURALS[text]).items()}
        for code, facts in page.facts.items():
            values[f"facts_{code}"] = "\n".join(
                f"{f['text']} | {f['source']}" if f.get("source") else f["text"] for f in facts
            )
        return values | {"seen_at": page.updated_at.isoformat() if page.pk else ""}

    @property
    def texts(self) -> list[dict[str, Any]]:
        """The fields of each language, for the template."""
        return [
            {"code": code, "name": name, "fields": [self[f"{text}_{code}"] for text in (*TEXTS, "facts")]}
            for code, name in LANGUAGES.items()
        ]

    def clean_slug(self) -> str:
        return str(self.cleaned_data["slug"]).lower()

    def _facts_in(self, code: str) -> list[dict[str, str]]:
        pairs = parted_lines(self.cleaned_data.get(f"facts_{code}", ""))
        if len(pairs) > MAX_LINES:
            self.add_error(f"facts_{code}", _t("At most %(n)s lines.") % {"n": MAX_LINES})
        return [{"text": text, "source": source} for text, source in pairs]

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        data["facts"] = {code: facts for code in LANGUAGES if (facts := self._facts_in(code))}
        if data.get("is_public") and not any(data.get(f"headline_{code}", "").strip() for code in LANGUAGES):
            self.add_error("headline_en", _t("A page that everybody sees needs a headline in one language at least."))
        return data

    def values(self) -> dict[str, Any]:
        """What the service takes."""
        data: dict[str, Any] = {name: self.cleaned_data[name] for name in ("slug", "parts", "is_public", "facts")}
        for text in TEXTS:
            said = {code: self.cleaned_data.get(f"{text}_{code}", "").strip() for code in LANGUAGES}
            data[PLURALS[text]] = {code: words for code, words in said.items() if words}
        return data
