"""Shapes of what staff say about permissions, topics and suppressions."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.conf import settings
from django.core.validators import validate_slug
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from contacts.consent.models import LawfulBasis, Suppression, Topic, Way
from contacts.consent.queries import open_topics
from contacts.directory.lists import LANGUAGE_NAMES

OTHER_LANGUAGES = [
    (code, LANGUAGE_NAMES[code]) for code, _own_name in settings.LANGUAGES if code != settings.LANGUAGE_CODE
]


class TopicChoice(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return str(obj.label)


class PermissionForm(forms.Form):
    """A permission as an officer was told it: it needs a basis, and something that shows it."""

    topic = TopicChoice(Topic.objects.none(), label=_("Topic"), to_field_name="uid", empty_label=_("Choose one"))
    lawful_basis = forms.ChoiceField(label=_("Lawful basis"), choices=[("", _("Choose one")), *LawfulBasis.choices])
    source = forms.CharField(
        label=_("Source"),
        max_length=120,
        help_text=_("Where it was given: a call, a letter, a meeting. They see it on their own page."),
    )
    evidence = forms.CharField(
        label=_("Evidence"),
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("What shows it: who said it to whom, a document and where it is kept."),
    )
    given_on = forms.DateField(
        label=_("Given on"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("Today, if left empty."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["topic"]
        field.queryset = open_topics()

    def clean_given_on(self) -> dt.date | None:
        day: dt.date | None = self.cleaned_data.get("given_on")
        if day and day > timezone.localdate():
            raise forms.ValidationError(_("A permission cannot be dated in the future."))
        return day

    def at(self) -> dt.datetime | None:
        """The moment of the permission: the day's beginning for a day in the past, now for today."""
        day = self.cleaned_data.get("given_on")
        if not day or day == timezone.localdate():
            return None
        return timezone.make_aware(dt.datetime.combine(day, dt.time()))


class AskForm(forms.Form):
    """A question by mail: what about, and why them."""

    topic = TopicChoice(Topic.objects.none(), label=_("Topic"), to_field_name="uid", empty_label=_("Choose one"))
    source = forms.CharField(
        label=_("Why you ask them"),
        max_length=120,
        help_text=_("Where the wish comes from: a call, a meeting, a form."),
    )
    evidence = forms.CharField(label=_("Note"), required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["topic"]
        field.queryset = open_topics()


class SubscribeForm(forms.Form):
    """Many at once: the same that one permission needs, and by which way."""

    topic = TopicChoice(Topic.objects.none(), label=_("Topic"), to_field_name="uid", empty_label=_("Choose one"))
    way = forms.ChoiceField(label=_("How"), choices=Way.choices, widget=forms.RadioSelect, initial=Way.ASK)
    lawful_basis = forms.ChoiceField(
        label=_("Lawful basis"),
        choices=[("", _("Choose one")), *LawfulBasis.choices],
        required=False,
        help_text=_("For permissions that you record. Who is asked by mail gives consent."),
    )
    source = forms.CharField(
        label=_("Source"),
        max_length=120,
        help_text=_("Where the permissions, or the wish to get this, come from: an event, a form, a partner."),
    )
    evidence = forms.CharField(
        label=_("Evidence"),
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("What shows it: a document and where it is kept, who said it to whom."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["topic"]
        field.queryset = open_topics()

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("way") == Way.RECORD and not data.get("lawful_basis"):
            self.add_error("lawful_basis", _("Say on which lawful basis you may write to them."))
        return data


class WithdrawalForm(forms.Form):
    topic = TopicChoice(Topic.objects.none(), label=_("Topic"), to_field_name="uid", empty_label=_("Choose one"))
    source = forms.CharField(
        label=_("Source"), max_length=120, help_text=_("How they told us: a call, a letter, a meeting.")
    )
    evidence = forms.CharField(label=_("Note"), required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["topic"]
        field.queryset = Topic.objects.order_by("position", "sort_key", "id")


class TopicForm(forms.Form):
    """A topic with its texts in the languages of the public pages."""

    name = forms.CharField(label=_("Name"), max_length=300)
    description = forms.CharField(
        label=_("Description"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("What they will get, how often. People see it where they choose."),
    )
    code = forms.CharField(
        label=_("Code"),
        required=False,
        max_length=40,
        validators=[validate_slug],
        help_text=_("For the API and exports; made from the name if left empty. It cannot be changed later."),
    )
    is_public = forms.BooleanField(
        label=_("Offer it on the preference page"),
        required=False,
        initial=True,
        help_text=_("Others see it there only while they get it."),
    )
    position = forms.IntegerField(
        label=_("Place in the list"), min_value=0, max_value=30_000, initial=100, help_text=_("Lower stands first.")
    )

    def __init__(self, *args: Any, topic: Topic | None = None, **kwargs: Any) -> None:
        self.topic = topic
        if topic is not None:
            kwargs["initial"] = {
                "name": topic.name,
                "description": topic.description,
                "is_public": topic.is_public,
                "position": topic.position,
                **{f"name_{code}": topic.names.get(code, "") for code, _name in OTHER_LANGUAGES},
                **{f"description_{code}": topic.descriptions.get(code, "") for code, _name in OTHER_LANGUAGES},
            }
        super().__init__(*args, **kwargs)
        if topic is not None:
            del self.fields["code"]
        for code, language in OTHER_LANGUAGES:
            direction = {"lang": code, "dir": "rtl" if code == "ar" else "ltr"}
            self.fields[f"name_{code}"] = forms.CharField(
                label=_t("Name in %(language)s") % {"language": language},
                required=False,
                max_length=300,
                widget=forms.TextInput(attrs=direction),
            )
            self.fields[f"description_{code}"] = forms.CharField(
                label=_t("Description in %(language)s") % {"language": language},
                required=False,
                widget=forms.Textarea(attrs={"rows": 2, **direction}),
            )

    def translations(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        return [(self[f"name_{code}"], self[f"description_{code}"]) for code, _name in OTHER_LANGUAGES]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.topic is None and data.get("name"):
            data["code"] = data.get("code") or slugify(data["name"])[:40]
            if not data["code"]:
                self.add_error("code", _("Give a code of Latin letters: none can be made from this name."))
            elif Topic.objects.filter(code=data["code"]).exists():
                self.add_error("code", _("Another topic has this code. Choose another one."))
        return data

    def values(self) -> dict[str, Any]:
        """What the services take."""
        data = self.cleaned_data
        by_language = {
            f"{kind}s": {code: data[f"{kind}_{code}"] for code, _name in OTHER_LANGUAGES if data[f"{kind}_{code}"]}
            for kind in ("name", "description")
        }
        plain = {name: data[name] for name in ("name", "description", "is_public", "position")}
        return {**plain, **by_language, **({"code": data["code"]} if self.topic is None else {})}


class AddressForm(forms.Form):
    address = forms.CharField(
        label=_("E-mail address"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )


class SuppressionForm(AddressForm):
    reason = forms.ChoiceField(
        label=_("Reason"),
        choices=[
            (reason, Suppression.Reason(reason).label)
            for reason in (Suppression.Reason.MANUAL, Suppression.Reason.COMPLAINT, Suppression.Reason.INVALID)
        ],
    )
    source = forms.CharField(label=_("Source"), max_length=120, help_text=_("How we know: a call, a letter, a report."))
