"""What staff say of a form and of each of its questions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.forms.models import Form
from campaigns.forms.questions import (
    ALONE,
    FITS,
    IN_ORDER,
    WITH_OPTIONS,
    Is,
    Kind,
    Question,
    Questions,
    Tells,
    dump,
)
from campaigns.planning.forms import DATE, SeenForm
from campaigns.planning.models import Campaign
from contacts.consent.models import Topic
from contacts.directory.forms import LabelledChoice
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.ui.public import LANGUAGES
from crm.ui.searchtext import latin

TEXTS = {"headline": "headlines", "lead": "leads", "thank": "thanks"}
MAX_ORIGINS = 20
# a host and perhaps a port: it stands in a header, so nothing else can be in it
ORIGIN = re.compile(
    r"https://[a-z0-9](?:[a-z0-9.-]{0,180}[a-z0-9])?(?::\d{1,5})?|http://(?:localhost|127\.0\.0\.1)(?::\d{1,5})?"
)
RULES = 3  # conditions that the builder has room for
BOUNDS = {
    Kind.TEXT: (_("Letters at least"), _("Letters at most")),
    Kind.LONG: (_("Letters at least"), _("Letters at most")),
    Kind.CHOICES: (_("How many at least"), _("How many at most")),
    Kind.NUMBER: (_("At least"), _("At most")),
    Kind.DATE: (_("Not before"), _("Not after")),
}


class FormForm(SeenForm):
    campaign = LabelledChoice(Campaign.objects.none(), label=_("Campaign"), to_field_name="uid")
    name = forms.CharField(label=_("Name"), max_length=300, help_text=_("For you and your colleagues."))
    purpose = forms.ChoiceField(label=_("What it is for"), choices=Form.Purpose.choices)
    slug = forms.SlugField(
        label=_("Address of its page"),
        max_length=60,
        help_text=_("Letters, digits and hyphens, as in /answer/what-we-need/."),
    )
    closes_on = forms.DateField(
        label=_("Last day for answers"), required=False, widget=forms.DateInput(DATE), help_text=_("Empty: no end.")
    )
    is_public = forms.BooleanField(label=_("The page is open: everybody can see it and answer"), required=False)
    origins = forms.CharField(
        label=_("Partners’ sites that may embed it"),
        required=False,
        max_length=2000,
        widget=forms.Textarea({"rows": 2, "dir": "ltr", "placeholder": "https://www.partner.org"}),
        help_text=_("One on each line, with https and without a path. No other site can show it in a frame."),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        campaigns = Campaign.objects.visible_to(user, Action.DRIVES).filter(archived_at=None)
        fields["campaign"].queryset = campaigns.order_by("sort_key")
        for code in LANGUAGES:
            fields[f"headline_{code}"] = forms.CharField(label=_t("Headline"), required=False, max_length=160)
            fields[f"lead_{code}"] = forms.CharField(
                label=_t("Sentence below it"), required=False, max_length=600, widget=forms.Textarea({"rows": 2})
            )
            fields[f"thank_{code}"] = forms.CharField(
                label=_t("Thanks, when it was sent"), required=False, max_length=600, widget=forms.Textarea({"rows": 2})
            )
            for name in TEXTS:
                fields[f"{name}_{code}"].widget.attrs |= {"lang": code, "dir": "auto"}

    @property
    def texts(self) -> list[dict[str, Any]]:
        """The fields of each language, for the template."""
        return [
            {"code": code, "name": name, "fields": [self[f"{text}_{code}"] for text in TEXTS]}
            for code, name in LANGUAGES.items()
        ]

    def clean_slug(self) -> str:
        return str(self.cleaned_data["slug"]).lower()

    def clean_origins(self) -> list[str]:
        lines = dict.fromkeys(line.strip().lower().rstrip("/") for line in self.cleaned_data["origins"].splitlines())
        origins = [line for line in lines if line]
        for origin in origins[:MAX_ORIGINS]:
            if not ORIGIN.fullmatch(origin):
                raise forms.ValidationError(
                    _t("“%(origin)s” is no site: write it as https://www.partner.org.") % {"origin": origin[:80]}
                )
        if len(origins) > MAX_ORIGINS:
            raise forms.ValidationError(_t("At most %(n)s sites.") % {"n": MAX_ORIGINS})
        return origins

    def values(self) -> dict[str, Any]:
        """What the services take."""
        names = ("campaign", "name", "purpose", "slug", "closes_on", "is_public", "origins")
        data = {name: self.cleaned_data[name] for name in names}
        for text, plural in TEXTS.items():
            data[plural] = _said(self.cleaned_data, text)
        return data

    @classmethod
    def initial_of(cls, form: Form) -> dict[str, Any]:
        names = ("name", "purpose", "slug", "closes_on", "is_public")
        values: dict[str, Any] = {name: getattr(form, name) for name in names}
        for text, plural in TEXTS.items():
            values |= {f"{text}_{code}": words for code, words in getattr(form, plural).items()}
        values["origins"] = "\n".join(form.origins)
        return values | {"campaign": form.campaign.uid, "seen_at": form.updated_at.isoformat()}


def _said(data: dict[str, Any], text: str) -> dict[str, str]:
    said = {code: (data.get(f"{text}_{code}") or "").strip() for code in LANGUAGES}
    return {code: words for code, words in said.items() if words}


class QuestionForm(SeenForm):
    """One question. Its kind is chosen first and stays: an answer of one kind is none of another.

    used: keys that answers have or had, which a new question is never given.
    """

    is_required = forms.BooleanField(label=_("An answer is needed"), required=False)
    match = forms.ChoiceField(
        label=_("Shown when"),
        choices=[("all", _("all of these hold")), ("any", _("one of these holds"))],
        required=False,
    )

    def __init__(
        self,
        data: Any = None,
        *,
        kind: Kind,
        others: Questions,
        question: Question | None = None,
        used: Iterable[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(data, initial=_initial(question, others) | kwargs.pop("initial", {}), **kwargs)
        self.kind, self.question, self.used = kind, question, set(used)
        self.others = [other for other in others if question is None or other.key != question.key]
        self._texts()
        self._more()
        self._conditions()

    def _texts(self) -> None:
        fields: Any = self.fields
        for number, code in enumerate(LANGUAGES):
            fields[f"label_{code}"] = forms.CharField(label=_t("Question"), required=False, max_length=500)
            fields[f"hint_{code}"] = forms.CharField(label=_t("Hint below it"), required=False, max_length=500)
            names = [f"label_{code}", f"hint_{code}"]
            if self.kind in WITH_OPTIONS:
                hint = _t("One on each line.") if not number else _t("In the same order as in the first language.")
                fields[f"options_{code}"] = forms.CharField(
                    label=_t("Options"),
                    required=False,
                    max_length=8000,
                    widget=forms.Textarea({"rows": 5}),
                    help_text=hint,
                )
                names.append(f"options_{code}")
            for name in names:
                fields[name].widget.attrs |= {"lang": code, "dir": "auto"}

    def _more(self) -> None:
        fields: Any = self.fields
        if self.kind == Kind.CONSENT:
            topics = Topic.objects.filter(archived_at=None).order_by("position", "sort_key")
            fields["topics"] = forms.MultipleChoiceField(
                label=_t("Topics that they may ask for"),
                choices=[(str(row.uid), row.label) for row in topics],
                widget=forms.CheckboxSelectMultiple,
                help_text=_t("Who ticks one gets a letter that asks to confirm it. Nothing is sent before."),
            )
        if bounds := BOUNDS.get(self.kind):
            for name, label in zip(("least", "most"), bounds, strict=True):
                is_day = self.kind == Kind.DATE
                fields[name] = (
                    forms.DateField(label=label, required=False, widget=forms.DateInput(DATE))
                    if is_day
                    else forms.FloatField(label=label, required=False)
                )
        tells = [(value, label) for value, label in Tells.choices if self.kind in FITS[Tells(value)]]
        if tells:
            fields["tells"] = forms.ChoiceField(
                label=_t("It tells us"),
                choices=[("", _t("nothing for the directory")), *tells],
                required=False,
                help_text=_t("Then the answer is compared with the directory when it arrives."),
            )

    def _conditions(self) -> None:
        fields: Any = self.fields
        targets = _targets(self.others)
        if len(targets) < 2:
            del fields["match"]
            return
        for number in range(RULES):
            fields[f"rule{number}"] = forms.ChoiceField(
                label=_t("Condition %(n)s") % {"n": number + 1}, choices=targets, required=False
            )
            fields[f"value{number}"] = forms.CharField(label=_t("Compared with"), required=False, max_length=200)

    # --- for the template ---------------------------------------------------------------------------------------------
    @property
    def languages(self) -> list[dict[str, Any]]:
        names = ("label", "hint", "options") if self.kind in WITH_OPTIONS else ("label", "hint")
        return [
            {"code": code, "name": name, "fields": [self[f"{text}_{code}"] for text in names],
             "is_open": not number or bool(self[f"label_{code}"].value())}
            for number, (code, name) in enumerate(LANGUAGES.items())
        ]  # fmt: skip

    @property
    def rules(self) -> list[tuple[Any, Any]]:
        if "match" not in self.fields:
            return []
        return [(self[f"rule{number}"], self[f"value{number}"]) for number in range(RULES)]

    @property
    def has_rules(self) -> bool:
        return any(rule.value() for rule, _value in self.rules)

    @property
    def more(self) -> list[Any]:
        return [self[name] for name in ("topics", "least", "most", "tells") if name in self.fields]

    # --- what comes of it ---------------------------------------------------------------------------------------------
    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if not _said(data, "label"):
            self.add_error(f"label_{next(iter(LANGUAGES))}", _t("A question needs words in one language at least."))
        for number in range(RULES):
            _other, test, value = (data.get(f"rule{number}") or "||-").split("|", 2)
            if not value and test not in ALONE and not (data.get(f"value{number}") or "").strip():
                self.add_error(f"value{number}", _t("Say what the answer is compared with."))
        return data

    def raw(self) -> dict[str, Any]:
        """The question as the services take it; of an invalid form, what can be read of it."""
        data = getattr(self, "cleaned_data", {})
        labels = _said(data, "label")
        taken = {other.key for other in self.others} | self.used
        raw: dict[str, Any] = {
            "key": self.question.key if self.question else _key(labels, taken),
            "kind": self.kind.value,
            "labels": labels,
            "hints": _said(data, "hint"),
            "is_required": data.get("is_required", False),
            "tells": data.get("tells", ""),
        }
        if self.kind in WITH_OPTIONS:
            raw["options"] = self._options(data)
        if self.kind == Kind.CONSENT:
            raw["topics"] = data.get("topics", [])
        for name in ("least", "most"):
            value = data.get(name)
            if value is not None:
                raw[name] = value.isoformat() if self.kind == Kind.DATE else value
            elif self.question and name not in self.fields:  # what the builder does not show stays as it is
                raw[name] = getattr(self.question, name)
        rules = [self._rule(data, number) for number in range(RULES) if data.get(f"rule{number}")]
        if rules:
            raw["shown_if"] = {"match": data.get("match") or "all", "rules": rules}
        return raw

    def _rule(self, data: dict[str, Any], number: int) -> dict[str, str]:
        key, test, value = data[f"rule{number}"].split("|", 2)
        if test in ALONE:
            return {"key": key, "is": test}
        return {"key": key, "is": test, "value": value or data[f"value{number}"].strip()}

    def _options(self, data: dict[str, Any]) -> list[dict[str, Any]]:
        """By line; an option whose words were there before keeps its value, so that answers go on meaning it."""
        lines = {code: _lines(data.get(f"options_{code}") or "") for code in LANGUAGES}
        main = next((code for code in LANGUAGES if lines[code]), "en")
        known = {o.labels.get(main, ""): o.value for o in self.question.options} if self.question else {}
        free = [o.value for o in self.question.options] if self.question else []
        taken: set[str] = {known[text] for text in lines[main] if text in known}
        options = []
        for number, text in enumerate(lines[main]):
            value = known.get(text) or ""
            if not value and number < len(free) and free[number] not in taken and len(free) == len(lines[main]):
                value = free[number]  # reworded, not another one
            if not value:
                value = _slug(text, taken | set(free))
            taken.add(value)
            labels = {code: lines[code][number] for code in LANGUAGES if number < len(lines[code])}
            options.append({"value": value, "labels": labels})
        return options


def _lines(text: str) -> list[str]:
    return [line.strip()[:300] for line in text.splitlines() if line.strip()]


def _slug(text: str, taken: set[str]) -> str:
    base = re.sub(r"[^a-z0-9]+", "_", latin(text)).strip("_")[:40] or "option"
    return _free(base, taken)


def _key(labels: dict[str, str], taken: set[str]) -> str:
    words = re.sub(r"[^a-z0-9]+", "_", latin(next(iter(labels.values()), ""))).strip("_")
    base = words[:30].rstrip("_") if words[:1].isalpha() else "question"
    return _free(base or "question", taken)


def _free(base: str, taken: set[str]) -> str:
    found, number = base, 2
    while found in taken:
        found, number = f"{base}_{number}", number + 1
    return found


def _targets(others: list[Question]) -> list[Any]:
    """What a condition may be about, by question."""
    groups: list[Any] = [("", _t("nothing more"))]
    for other in others:
        name, lines = other.label("en")[:50], []
        for option in other.options:
            said = {"question": name, "option": option.label("en")[:60]}
            lines.append((f"{other.key}|is|{option.value}", _t("%(question)s is “%(option)s”") % said))
            lines.append((f"{other.key}|is_not|{option.value}", _t("%(question)s is not “%(option)s”") % said))
        tests = [Is.AT_LEAST, Is.AT_MOST] if other.kind in IN_ORDER else []
        tests += [Is.IS, Is.IS_NOT] if other.kind in (Kind.TEXT, Kind.COUNTRY) else []
        lines += [(f"{other.key}|{test.value}|", f"{name} {test.label} …") for test in tests]
        lines += [(f"{other.key}|{test.value}|", f"{name} {test.label}") for test in (Is.ANSWERED, Is.NOT_ANSWERED)]
        groups.append((other.label("en")[:80], lines))
    return groups


def _initial(question: Question | None, others: Questions) -> dict[str, Any]:
    if question is None:
        return {}
    raw = dump([question])[0]
    values: dict[str, Any] = {name: raw.get(name) for name in ("is_required", "least", "most", "tells", "topics")}
    for code in LANGUAGES:
        values |= {f"label_{code}": question.labels.get(code, ""), f"hint_{code}": question.hints.get(code, "")}
        values[f"options_{code}"] = "\n".join(option.labels.get(code, "") for option in question.options).strip()
    if question.shown_if:
        with_options = {other.key for other in others if other.kind in WITH_OPTIONS}
        values["match"] = "all" if question.shown_if.needs_all else "any"
        for number, rule in enumerate(question.shown_if.rules[:RULES]):
            is_picked = rule.key in with_options or rule.test in ALONE
            values[f"rule{number}"] = f"{rule.key}|{rule.test}|{rule.value if is_picked else ''}"
            values[f"value{number}"] = "" if is_picked else rule.value
    return values
