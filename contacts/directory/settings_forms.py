"""Shapes of what is typed into the settings of constituencies and tags."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from contacts.directory.forms import LabelledChoice
from contacts.directory.models import Constituency, Tag
from contacts.directory.reference import INDIVIDUAL
from crm.accounts.models import Installation
from crm.languages import direction, language_name


class NamesForm(forms.Form):
    """A name in the default language, and in the others that the installation offers."""

    name = forms.CharField(label=_("Name"), max_length=300)

    def __init__(self, *args: Any, names: dict[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        installation = Installation.current()
        known = dict(names or {})
        default = installation.default_language
        self.kept = {code: text for code, text in known.items() if code not in installation.languages}
        self.others = [code for code in installation.languages if code != default]
        self.default_language = default
        self.fields["name"].widget.attrs |= {"lang": default, "dir": direction(default)}
        for code in self.others:
            self.fields[f"name_{code}"] = forms.CharField(
                label=_t("Name in %(language)s") % {"language": language_name(code)},
                required=False,
                max_length=300,
                initial=known.get(code, ""),
                widget=forms.TextInput(attrs={"lang": code, "dir": direction(code)}),
            )

    def names(self) -> dict[str, str]:
        """All languages' names: those typed, the default one, and those of languages no longer offered."""
        typed = {code: self.cleaned_data[f"name_{code}"] for code in self.others if self.cleaned_data[f"name_{code}"]}
        return {**self.kept, **typed, self.default_language: self.cleaned_data["name"]}

    def translations(self) -> list[forms.BoundField]:
        return [self[f"name_{code}"] for code in self.others]


class ConstituencyForm(NamesForm):
    parent = LabelledChoice(
        Constituency.objects.none(),
        to_field_name="code",
        label=_("Below"),
        help_text=_("Its root decides how its people are tracked, and which side of a country it counts for."),
    )
    field_order = ["parent", "name"]

    def __init__(self, *args: Any, constituency: Constituency | None = None, **kwargs: Any) -> None:
        if constituency is not None:
            kwargs["names"] = constituency.names
            kwargs["initial"] = {
                "name": constituency.names.get(Installation.current().default_language) or constituency.name,
                "parent": constituency.parent.code if constituency.parent else "",
            }
        super().__init__(*args, **kwargs)
        roots = Constituency.objects.filter(parent__isnull=True, archived_at__isnull=True).exclude(code=INDIVIDUAL)
        if constituency is not None and constituency.parent is None:
            del self.fields["parent"]
        else:
            cast(forms.ModelChoiceField, self.fields["parent"]).queryset = roots.order_by("position", "sort_key")


class TagForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=60,
        help_text=_("Segments, saved filters and files that say the old name go on meaning this tag."),
    )


class MergeForm(forms.Form):
    target = forms.ModelChoiceField(Tag.objects.none(), label=_("Into"), empty_label=_("choose a tag"))

    def __init__(self, *args: Any, source: Tag, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = Tag.objects.filter(archived_at__isnull=True).exclude(pk=source.pk).order_by("name")
        cast(forms.ModelChoiceField, self.fields["target"]).queryset = rows
